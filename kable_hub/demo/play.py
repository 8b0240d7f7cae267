"""The demo from the first word to the last."""

import threading
from collections.abc import Sequence

from rich.console import Console

from kable_hub.clock import Clock, SystemClock
from kable_hub.demo.asking import DemoFailed
from kable_hub.demo.newcomer import ENVIRONMENT, Newcomer, Posted
from kable_hub.demo.samples import samples
from kable_hub.demo.stage import Stage, stage
from kable_hub.demo.telling import Board
from kable_hub.demo.verdict import Fates, failures, fates

PATIENCE = 60
"""Seconds within which everything has to have arrived."""

EVERY = 0.2
PAGE = "100"


def run(console: Console, port: int, *, once: bool) -> int:
    """Play the demo; the exit status. Unless `once` it stays up until Ctrl-C.

    Raises OSError where `port` is taken, DemoFailed where the hub refuses what it must not.
    """
    clock, forever = SystemClock(), threading.Event()
    with stage(port) as built:
        if not built.providers:
            raise DemoFailed("No provider plugin with a simulator is installed.")
        faults = list(failures(built, *play(built, console, clock)))
        for fault in faults:
            console.print(f"Not as expected: {fault}", markup=False, style="red")
        if not faults:
            console.print("\nEverything came out as expected.", style="green")
        if once:
            return 1 if faults else 0
        console.print("\nThe hub and the simulators stay up. Ctrl-C ends the demo.")
        try:
            forever.wait()
        except KeyboardInterrupt:
            console.print("Bye.")
    return 1 if faults else 0


def play(built: Stage, console: Console, clock: Clock) -> tuple[list[Posted], Fates]:
    """Everything up to the point where nothing more happens: what was posted, what became of it.

    Raises DemoFailed.
    """

    def say(text: str) -> None:
        console.print(f"  {text}", markup=False, highlight=False)

    names = ", ".join(one.title for one in built.providers)
    console.print(f"The hub runs at {built.url} beside simulators of {names}.", markup=False)
    newcomer = Newcomer(built, say)
    newcomer.sign_up()
    for provider in built.providers:
        try:
            newcomer.connect(provider)
        except DemoFailed as failure:
            say(f"{provider.title}: {failure}")
    posted: list[Posted] = []
    for sample in samples():
        posted += newcomer.post(sample, newcomer.introduce(sample))
    console.print(f"\n{len(posted)} invoices are posted. Watch them arrive:", markup=False)
    with Board(console, built.providers, posted) as board:
        seen = _watch(newcomer, board, clock)
    _sum_up(built, console, posted, seen)
    _show_around(newcomer, console)
    return posted, seen


def _watch(newcomer: Newcomer, board: Board, clock: Clock) -> Fates:
    """Show the invoices until nothing more happens, or PATIENCE is over."""
    began, never = clock.monotonic(), threading.Event()
    while True:
        answered = newcomer.api.get("/invoices", limit=PAGE)["items"]
        seen = fates(newcomer.stage.providers, answered)
        board.show(seen)
        settled = all(fate.settled for mine in seen.values() for fate in mine.values())
        if settled or clock.monotonic() - began > PATIENCE:
            return seen
        clock.wait(never, EVERY)


def _sum_up(built: Stage, console: Console, posted: Sequence[Posted], seen: Fates) -> None:
    """What arrived, and each reason why something did not."""
    for provider in built.providers:
        mine = [(one, seen[one.body["id"]][provider.slug]) for one in posted]
        arrived = sum(fate.state == "delivered" for _, fate in mine)
        console.print(f"\n{provider.title}: {arrived} arrived.", markup=False)
        reasons: dict[str, list[str]] = {}
        for one, fate in mine:
            if fate.state != "delivered":
                said = f"{fate.code}: {fate.message}" if fate.code else _absent(provider.slug, one)
                reasons.setdefault(said, []).append(one.body["number"])
        for said, numbers in reasons.items():
            console.print(f"  {', '.join(numbers)}: {said}", markup=False, highlight=False)


def _absent(slug: str, posted: Posted) -> str:
    if posted.payer and posted.payer != slug:
        return f"collected by {posted.payer}"
    return "the customer is not linked there"


def _show_around(newcomer: Newcomer, console: Console) -> None:
    url = newcomer.stage.url
    place = f"/a/{newcomer.account}/{ENVIRONMENT}/overview/"
    for line in (
        "",
        f"Dashboard  {newcomer.stage.sign_in_link(place)}",
        "           (signs you in, once)",
        f"API docs   {url}/docs",
        f"API key    {newcomer.key}",
        f"Operator   {newcomer.stage.operator_key}",
        *(f"{slug:<10} {one.url}" for slug, one in newcomer.stage.simulators.items()),
        f'Try        curl -H "Authorization: Bearer {newcomer.key}" {url}/api/v1/invoices',
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
