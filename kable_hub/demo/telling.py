"""How the demo shows what happens: a live table in a terminal, plain lines elsewhere."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kable_hub.demo.newcomer import Posted
from kable_hub.demo.verdict import NOT_LINKED, Fate, Fates
from kable_hub.provider import Provider

STYLES = {"delivered": "green", "blocked": "yellow", "rejected": "yellow", NOT_LINKED: "dim"}


class Board:
    """The invoices and where they stand. A context manager; `show` may be called often."""

    def __init__(
        self, console: Console, providers: Sequence[Provider], posted: Sequence[Posted]
    ) -> None:
        self._console = console
        self._providers = providers
        self._posted = posted
        self._told: dict[tuple[str, str], Fate] = {}
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, seen: Fates) -> None:
        """Show these fates; without a terminal only those that are settled, once each."""
        if self._live:
            self._live.update(self._table(seen), refresh=True)
            return
        for one in self._posted:
            for provider in self._providers:
                fate = seen[one.body["id"]][provider.slug]
                if fate.settled and self._told.get((one.body["id"], provider.slug)) != fate:
                    self._told[one.body["id"], provider.slug] = fate
                    self._console.print(
                        f"  {one.body['number']:<12} {provider.title}: {_word(fate)}",
                        markup=False,
                        highlight=False,
                    )

    def _table(self, seen: Fates) -> Table:
        table = Table(show_edge=False, pad_edge=False)
        for name in ("Invoice", "Customer", "Total", *(one.title for one in self._providers)):
            table.add_column(name, justify="right" if name == "Total" else "left")
        for one in self._posted:
            fates = [seen[one.body["id"]][provider.slug] for provider in self._providers]
            total = f"{one.body['total']} {one.body['currency']}"
            cells = [Text(_word(fate), style=STYLES.get(fate.state, "cyan")) for fate in fates]
            table.add_row(one.body["number"], one.body["clientId"], total, *cells)
        return table


def _word(fate: Fate) -> str:
    return f"{fate.state} ({fate.code})" if fate.code else fate.state
