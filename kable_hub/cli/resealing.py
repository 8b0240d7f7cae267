"""`kable-hub re-encrypt`."""

import click

from kable_hub.cli.opening import store_alone
from kable_hub.cli.showing import as_json, say_json, say_table
from kable_hub.usecases.resealing import reencrypt


@click.command(name="re-encrypt")
@as_json
def re_encrypt(json_: bool) -> None:
    """Encrypt everything anew with the newest of KABLE_ENCRYPTION_KEYS.

    Run it once all processes were restarted with the new key in front; the hub may be at work.
    It may be stopped and run again. Exit status 1 where none of the keys opens something.
    """
    with store_alone() as hub:
        found = reencrypt(hub)
    if json_:
        say_json([vars(one) for one in found])
    else:
        rows = (
            (f"{one.table}.{one.column}", f"{one.anew:,}", f"{one.kept:,}", f"{len(one.lost):,}")
            for one in found
        )
        say_table(("What", "Encrypted anew", "Was already", "Cannot be opened"), rows, "")
        for one in found:
            for owner in one.lost:
                click.echo(f"No key opens {one.table}.{one.column} of {owner}.", err=True)
    if any(one.lost for one in found):
        raise click.exceptions.Exit(1)
