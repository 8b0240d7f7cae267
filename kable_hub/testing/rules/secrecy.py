"""Secrets stay secret, whatever happens."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from kable_hub import canonical
from kable_hub.errors import ProviderError, Rejected
from kable_hub.testing.demands import demand, rule
from kable_hub.testing.desk import attempted
from kable_hub.testing.fault import Fault
from kable_hub.testing.rules.base import Rules

ANSWERS = (400, 401, 403, 404, 422, 429, 500)


class Secrecy(Rules):
    """No credential in what a person or a log could see."""

    @rule("bronze")
    def test_secrets_are_in_no_repr(self) -> None:
        """The repr of a grant, and of the next step of a dialogue, shows no secret."""
        grant = self.desk.grant()
        kept = [one for given in grant.environments.values() for one in given.secrets.values()]
        secrets = [one for one in kept if len(one) > 5 and one != grant.external_id]
        self._unseen(repr(grant), secrets, "the repr of a grant")
        self._unseen(repr(self.desk.step()), self.desk.secrets(), "the repr of a step")

    @rule("bronze")
    def test_secrets_are_in_no_error(self) -> None:
        """No error shows a secret, whatever the provider answered, even if it quotes one."""
        for error in self._errors():
            shown = [str(error), repr(error), error.code, error.provider_code, error.request_id]
            shown += [repr(error.reasons)] if isinstance(error, Rejected) else []
            self._unseen(" ".join(shown), self.desk.secrets(), f"a {type(error).__name__}")

    @rule("bronze")
    def test_secrets_are_in_no_log(self) -> None:
        """A plugin logs no secret at any level."""
        with _listening() as lines:
            self.desk.send(self.desk.push())
            list(self._errors())
        self._unseen("\n".join(lines), self.desk.secrets(), "the log")

    @rule("bronze")
    def test_secrets_are_in_no_progress_and_no_document(self) -> None:
        """Neither a planned document nor saved progress carries a secret."""
        push = self.desk.push()
        self.desk.send(push)
        kept = canonical.dumps([dict(push.document), *map(dict, self.desk.progress.values())])
        self._unseen(kept, self.desk.secrets(), "what the hub keeps of a push")

    def _errors(self) -> Iterator[ProviderError]:
        """The errors of pushes that the provider answered badly, quoting the secrets."""
        quoted = " ".join(self.desk.secrets())
        for status in ANSWERS:
            push, connection = self.desk.push(), self.desk.connection()
            body = canonical.dumps({"error": quoted, "message": quoted})
            self.desk.simulator.fault(Fault(status=status, body=body, times=9))
            error = attempted(
                partial(self.desk.bare, "push_invoice", connection=connection, push=push)
            )
            self.desk.simulator.clear_faults()
            if error is not None:
                yield error

    def _unseen(self, text: str, secrets: list[str], where: str) -> None:
        demand(secrets, "The plugin was handed no secret at all.")
        seen = [place for place, one in enumerate(secrets) if one in text]
        demand(not seen, f"A secret stands in {where}.")


@contextmanager
def _listening() -> Iterator[list[str]]:
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.exc_info} {record.__dict__}")

    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = [Listener(logging.DEBUG)]
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.handlers = handlers
        root.setLevel(level)
