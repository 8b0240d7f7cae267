"""The parts about deliveries: the backoff, the map of errors, the states."""

from collections.abc import Iterator
from datetime import timedelta

from tables import code, table

from kable_hub import errors
from kable_hub.errors import NeedsOperator, ProviderError
from kable_hub.sync.backoff import JITTER, SCHEDULE
from kable_hub.sync.transitions import counts_as_failure, fate, known, pauses, says_no
from kable_hub.web.api.delivery_schemas import STATES

MEANINGS = {
    "held": "kept until a person pushes it (`autoPush: false`)",
    "due": "to be sent at `dueAt`; nothing of it may exist at the provider",
    "pushing": "in the hands of a worker",
    "uncertain": "something may exist at the provider; it is looked for before anything is sent",
    "delivered": "the provider acknowledged one document; final",
    "blocked": "somebody has to do something; the code says what, and doing it wakes it",
    "rejected": "the provider will not take it as it is",
    "cancelled": "given up by a person while nothing existed; final",
}


def backoff() -> str:
    """The wait after each failure in a row."""
    rows = [
        (str(number), span(wait), f"{span(wait)} to {span(wait * (1 + JITTER))}")
        for number, wait in enumerate(SCHEDULE, 1)
    ]
    number, wait, stretched = rows[-1]
    rows[-1] = (f"{number} and every later one", wait, stretched)
    return table(("failure in a row", "wait", "with jitter"), rows)


def fates() -> str:
    """(error, may_exist) to the next state, and what else the error does."""
    rows = []
    for name, error in examples():
        leads = [code(fate(known(error), may_exist=exists).value) for exists in (False, True)]
        paused = f"`{pauses(error)}`" if pauses(error) else "no"
        rows.append((name, *leads, _yes(says_no(error)), paused, _yes(counts_as_failure(error))))
    head = (
        "error",
        "nothing exists",
        "may exist",
        "looked at once",
        "pauses",
        "lengthens the wait",
    )
    return table(head, rows)


def states() -> str:
    """Every state with its meaning. Raises KeyError for one that nobody explained."""
    return table(("state", "meaning"), [(code(one), MEANINGS[one]) for one in STATES])


def examples() -> Iterator[tuple[str, ProviderError]]:
    """One error of each kind that a plugin may raise, by name."""
    for name in sorted(vars(errors)):
        kind = vars(errors)[name]
        if not isinstance(kind, type) or not issubclass(kind, ProviderError):
            continue
        if name.startswith("_") or kind is ProviderError:
            continue
        yield code(name), kind("")
        if kind is NeedsOperator:
            yield f"{code(name)} of scope `connection`", kind("", scope="connection")


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def span(wait: timedelta) -> str:
    """A duration in its largest unit that fits, hours at the most."""
    seconds = wait.total_seconds()
    if seconds >= 3600:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
