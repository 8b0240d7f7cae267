"""`kable-hub`: the hub from the command line. Each command is imported when it is called.

Exit status: 0 all went well, 1 something was refused, 2 the command was not understood.
"""

from importlib import import_module
from typing import Any

import click

from kable_hub import __version__

COMMANDS = {
    "serve": ("serving", "serve", "Serve the hub: API, connect pages, webhooks, sync."),
    "worker": ("serving", "worker", "Run the sync loop without the web."),
    "demo": ("trying", "demo", "See the hub at work with simulated providers."),
    "simulate": ("trying", "simulate", "Run a provider's simulator."),
    "import": ("importing", "import_", "Import invoices from CSV or JSON lines."),
    "links": ("linking", "links", "Link customers to their counterparts from a file."),
    "outbox": ("outbox", "outbox", "Look at deliveries and try them again."),
    "accounts": ("accounts", "accounts", "Manage accounts and their API keys."),
    "keys": ("accounts", "operator_keys", "Manage operators' keys."),
    "users": ("users", "users", "Manage the people who sign in to the dashboard."),
    "webhooks": ("webhooks", "webhooks", "Manage the webhooks that the hub sends."),
    "plugins": ("plugins", "plugins", "List the provider plugins."),
    "check-provider": (
        "checking",
        "check_provider",
        "Say what a provider still needs, or try it in its sandbox.",
    ),
    "new-provider": ("new_provider", "new_provider", "Make a package for a new provider."),
    "move-store": ("moving", "move_store", "Move the store to another database."),
    "re-encrypt": ("resealing", "re_encrypt", "Encrypt what is secret with the newest key."),
    "migrate": ("migrating", "migrate", "Bring the database to this version's schema."),
}
"""Command to its module, its name there, and what it does in one line."""


class _Commands(click.Group):
    """Imports a command only to run it, so that one broken part leaves the others usable."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        from kable_hub.cli.failing import told

        with told():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kable-hub")
def main() -> None:
    """Kable Hub: every invoice once, and visibly, at the payment provider and in the ledger.

    Settings come from the environment: KABLE_DATA_DIR, DATABASE_URL, KABLE_PUBLIC_URL and others.
    """
