"""`kable-hub demo` and `kable-hub simulate`: the hub and its providers without any account."""

import shlex
import threading
from pathlib import Path

import click

from kable_hub.cli.opening import load_settings, plugins_dir_option
from kable_hub.cli.showing import as_json, console, say_json
from kable_hub.demo import DemoFailed, run, simulators

PORT = 8080


@click.command()
@click.option("--once", is_flag=True, help="End when all has arrived; status 1 where it did not.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"0 is any free port. [{PORT}, else a free one]"
)
def demo(once: bool, port: int | None) -> None:
    """See the hub at work: every installed provider is simulated on this machine.

    An account is made, every provider connected, sample customers are linked and invoices
    posted, all over the hub's API. Nothing is kept when it ends.
    """
    try:
        status = run(console(), _port(port), once=once)
    except DemoFailed as failure:
        raise click.ClickException(str(failure)) from None
    except KeyboardInterrupt:
        status = 130
    if status:
        raise click.exceptions.Exit(status)


@click.command()
@click.argument("name")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[any free one]")
@plugins_dir_option
@as_json
def simulate(name: str, port: int, plugins_dir: Path | None, json_: bool) -> None:
    """Run the simulator of the provider NAME until Ctrl-C.

    Prints the variables that point a hub at it, ready for `export`.
    """
    folder = load_settings(plugins_dir=plugins_dir).plugins_dir
    try:
        simulator = simulators.load(name, folder)(port=port)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    simulator.seed_demo()
    simulator.start()
    try:
        if json_:
            say_json({"url": simulator.url, "configuration": simulator.configuration()})
        else:
            click.echo(f"# {name} listens at {simulator.url}")
            for variable, value in simulator.configuration().items():
                click.echo(f"export {variable}={shlex.quote(value)}")
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        simulator.stop()


def _port(given: int | None) -> int:
    from kable_hub.demo.stage import free_port

    if given is not None:
        return given
    try:
        return free_port(PORT)
    except OSError:
        return 0
