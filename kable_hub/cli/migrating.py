"""`kable-hub migrate`."""

import click

from kable_hub.cli.opening import load_settings
from kable_hub.cli.showing import as_json, say_json
from kable_hub.store.database import Database
from kable_hub.usecases import hub


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where something is due.")
@as_json
def migrate(check: bool, json_: bool) -> None:
    """Bring the database to the schema of this version.

    Every other command does so too when it starts. Several may start at once.
    """
    settings = load_settings()
    database = Database(settings.database_url)
    try:
        names = (hub.pending if check else hub.migrate)(settings, database)
    finally:
        database.close()
    word = "pending" if check else "applied"
    if json_:
        say_json({word: names})
    elif names:
        click.echo("\n".join(f"{word}: {name}" for name in names))
    else:
        click.echo("The database is up to date.")
    if check and names:
        raise click.exceptions.Exit(1)
