"""`kable-hub accounts defaults`: what holds for an account where a request does not say."""

from collections.abc import Sequence

import click

from kable_hub.cli.opening import with_plugins
from kable_hub.cli.showing import as_json, environment, say_fields, say_json
from kable_hub.domain import Environment
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts as tenants
from kable_hub.usecases import defaults as use


@click.command()
@click.argument("account")
@environment
@click.option("--send/--hold", default=None, help="New invoices go out at once, or wait.")
@click.option("--create-at", "slugs", help="Slugs by commas: new customers are created there.")
@as_json
def defaults(
    account: str, environment: str, send: bool | None, slugs: str | None, json_: bool
) -> None:
    """Show, or change, what holds for ACCOUNT (its id) where a request does not say.

    An empty --create-at creates new customers nowhere. What is here already stays as it is.
    """
    with with_plugins() as hub:
        scope = Scope(tenants.get_account(hub, account).id, Environment(environment))
        if send is None and slugs is None:
            found = use.get_defaults(hub, scope)
        else:
            found = use.change_defaults(hub, scope, send, _named(slugs))
    if json_:
        say_json({"autoPush": found.auto_push, "createCustomersAt": list(found.create_at)})
        return
    invoices = "go out at once" if found.auto_push else "are held until they are pushed"
    customers = ", ".join(found.create_at) or "nowhere"
    say_fields({"new invoices": invoices, "new customers are created at": customers})


def _named(slugs: str | None) -> Sequence[str] | None:
    if slugs is None:
        return None
    return [one.strip() for one in slugs.split(",") if one.strip()]
