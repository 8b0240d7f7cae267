"""What a plugin leaves to the hub: time, retries, threads, the machine."""

import ast
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kable_hub.errors import OutcomeUnknown, Transient
from kable_hub.testing.demands import demand, keyed, rule
from kable_hub.testing.desk import attempted
from kable_hub.testing.fault import Fault
from kable_hub.testing.rules.base import Rules
from kable_hub.testing.simulator import Seen

NO_SOURCE = ("simulator", "test")
"""Modules whose names begin so are no part of the plugin at work."""

CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}


class Manners(Rules):
    """A plugin translates and calls; all else is the hub's."""

    @rule("bronze")
    def test_every_request_stands_in_the_gate(self) -> None:
        """No request is sent outside `connection.call`, and each call is one request."""
        link = self.desk.link()
        push = self.desk.push(link=link)
        self.desk.send(push)
        self.desk.find(push)
        sent, opened = len(self.desk.own_requests()), len(self.desk.gate.calls)
        demand(sent == opened, f"{sent} requests were sent in {opened} calls.")

    @rule("gold")
    def test_every_call_notes_what_was_answered(self) -> None:
        """A call carries the status that the provider answered: the timeline shows it."""
        push, begun = self.desk.push(), len(self.desk.gate.calls)
        before = len(self.desk.own_requests())
        self.desk.send(push)
        noted = [one.http_status for one in self.desk.gate.calls[begun:]]
        answered = [one.status for one in self.desk.own_requests()[before:]]
        demand(noted == answered, f"Noted were {noted}, answered {answered}.")

    @rule("bronze")
    def test_writes_are_announced(self) -> None:
        """The request that makes the document stands in a call with `writes=True`."""
        writing = [one for one in self.desk.steps() if one.writes]
        demand(writing, "A push that made a document announced no write.")

        class Seen(Exception):
            """The first write was announced."""

        def stop(name: str, writes: bool) -> None:
            if writes:
                raise Seen(name)

        push = self.desk.push()
        self.desk.gate.before = stop
        connection = self.desk.connection()
        with suppress(Seen):
            self.desk.bare("push_invoice", connection=connection, push=push)
        demand(not self.desk.documents(push), "A document was made before a write was announced.")

    @rule("silver")
    def test_looking_only_reads(self) -> None:
        """`find_invoice` writes nothing."""
        push = self.desk.push()
        self.desk.send(push)
        begun = len(self.desk.gate.calls)
        self.desk.find(push)
        made = self.desk.gate.calls[begun:]
        demand(made, "It did not look.")
        demand(not any(one.writes for one in made), "Looking for a document wrote.")

    @rule("silver")
    def test_it_never_tries_again_by_itself(self) -> None:
        """After a request that failed no other follows: trying again is the hub's."""
        for status in (429, 503):
            for step in self.desk.steps():
                push, before = self.desk.push(), len(self.desk.own_requests())
                self.desk.simulator.fault(Fault(status=status, body="{}", skip=step.place))
                error = attempted(self.desk.send, push)
                self.desk.simulator.clear_faults()
                if step.writes or isinstance(error, Transient | OutcomeUnknown):
                    sent = len(self.desk.own_requests()) - before
                    demand(sent == step.place + 1, f"After a {status} it sent on.")

    @rule("silver")
    def test_it_never_sleeps(self) -> None:
        """No hook waits by itself: a provider that asks to wait is told to the hub."""
        push = self.desk.push()
        self.desk.connection()
        self.desk.simulator.fault(Fault(status=429, body="{}", headers={"Retry-After": "1"}))
        with _recorded(time, "sleep") as slept:
            attempted(self.desk.send, push)
            self.desk.send(push)
        demand(not slept, "It slept.")
        self._never_written("sleep", lambda call: _called(call) == "sleep")

    @rule("silver")
    def test_it_starts_no_thread(self) -> None:
        """A hook runs in the thread that it is called in."""
        push = self.desk.push()
        with _recorded(threading.Thread, "start") as started:
            self.desk.send(push)
            self.desk.find(push)
        demand(not started, "It started a thread.")

    @rule("silver")
    def test_it_does_not_read_the_environment(self) -> None:
        """What an operator sets comes as `app`, never from the process's environment."""
        found = [
            node
            for node in self._nodes()
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        ]
        demand(not found, f"It reads the environment in line {_lines(found)}.")

    @rule("silver")
    def test_it_asks_the_hub_for_the_time(self) -> None:
        """Time comes from `connection.now()` or `request.now`, never from the machine."""
        self._never_written(
            "the machine's time",
            lambda call: _called(call) in CLOCKS and _owner(call) in ("datetime", "date", "time"),
        )

    @rule("bronze", keyed)
    def test_a_push_sent_again_sends_the_same(self) -> None:
        """Sent again, a push writes nothing but what it wrote before: path, body and key."""
        push = self.desk.push()
        wrote = []
        for _ in range(2):
            before, begun = len(self.desk.own_requests()), len(self.desk.gate.calls)
            self.desk.send(push)
            pairs = zip(
                self.desk.gate.calls[begun:], self.desk.own_requests()[before:], strict=False
            )
            wrote.append([_sent(one) for call, one in pairs if call.writes])
        new = [one for one in wrote[1] if one not in wrote[0]]
        demand(not new, "Sent again, it wrote something else.")

    @rule("gold")
    def test_it_does_not_print(self) -> None:
        """Nothing is printed: what is to be told is in the answer or the error."""
        self._never_written("print", lambda call: _called(call) == "print")

    @rule("silver")
    def test_it_keeps_no_mutable_state_in_its_modules(self) -> None:
        """No module holds an empty list, dict or set to be filled: hooks run in many threads."""
        kept = [
            node
            for tree in self._trees()
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and _is_empty(node.value)
        ]
        demand(not kept, f"It keeps state in a module, line {_lines(kept)}.")

    def _never_written(self, what: str, fits: Callable[[ast.Call], bool]) -> None:
        found = [one for one in self._nodes() if isinstance(one, ast.Call) and fits(one)]
        demand(not found, f"It uses {what} in line {_lines(found)}.")

    def _nodes(self) -> Iterator[ast.AST]:
        for tree in self._trees():
            yield from ast.walk(tree)

    def _trees(self) -> Iterator[ast.Module]:
        root = Path(inspect.getfile(self.plugin))
        single = root.name != "__init__.py"
        for path in [root] if single else sorted(root.parent.rglob("*.py")):
            inner = path.relative_to(root.parent).parts
            if single or not any(one.startswith(NO_SOURCE) for one in inner):
                yield ast.parse(path.read_text("utf-8"), str(path))


def _sent(one: Seen) -> tuple[object, ...]:
    passing = ("authorization", "date", "user-agent")
    kept = {name: text for name, text in one.headers.items() if name not in passing}
    return one.method, one.path, one.body, kept


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def _owner(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(value=ast.Name(name) | ast.Attribute(attr=name)):
            return name
    return ""


def _is_empty(value: ast.AST | None) -> bool:
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(func=ast.Name(name), args=[], keywords=[]):
            return name in ("dict", "list", "set", "defaultdict", "Counter", "deque")
    return False


def _lines(nodes: list[Any]) -> str:
    return ", ".join(str(node.lineno) for node in nodes)


@contextmanager
def _recorded(owner: Any, name: str) -> Iterator[list[object]]:
    """Calls of `owner.name` in this thread; those of others, the simulator's, pass as ever."""
    real, here = getattr(owner, name), threading.get_ident()
    calls: list[object] = []

    def recorder(*given: Any, **named: Any) -> Any:
        if threading.get_ident() == here:
            calls.append(given)
        return real(*given, **named)

    setattr(owner, name, recorder)
    try:
        yield calls
    finally:
        setattr(owner, name, real)
