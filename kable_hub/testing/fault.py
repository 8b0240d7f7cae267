"""What can go wrong with a request to a simulator: before it is done, after, or with its answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from werkzeug.wrappers import Request, Response


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that match, after `skip` that pass.

    `path` is a regular expression searched in the path, `method` empty means any. Stage
    `before`: the request is not executed; `after`: it is executed and the answer is spoilt.

    `reset` cuts the connection; `hang` answers nothing until whoever asked gives up; otherwise
    `status` and `body` are answered (stage `after` without a status keeps the real one). `late`:
    the connection is cut, and the request is executed so many seconds later by the simulator's
    clock, however often it was sent again meanwhile. `down`: nothing listens any more until the
    simulator is started again, so that every later request is refused.

    `truncate` cuts the body to so many bytes while the header promises all; `extra` adds fields
    to an answer that is a JSON object; `delay` seconds pass before the request is executed, or
    at stage `after` between that and the answer.
    """

    path: str = ""
    method: str = ""
    stage: Literal["before", "after"] = "before"
    status: int | None = None
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    hang: bool = False
    late: float | None = None
    down: bool = False
    truncate: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    delay: float = 0.0
    skip: int = 0
    times: int = 1

    @property
    def silent(self) -> bool:
        """Whether whoever asked hears nothing."""
        return self.reset or self.hang or self.down or self.late is not None

    @property
    def spoils(self) -> bool:
        """Whether whoever asked does not hear what the request came to."""
        return self.silent or self.status is not None

    def matches(self, request: Request) -> bool:
        """Whether this request is meant; counts `skip` and `times` down."""
        if self.times <= 0 or (self.method and request.method != self.method):
            return False
        if not re.search(self.path, request.path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def spoilt(answer: Response, fault: Fault) -> Response:
    """What is answered in place of `answer`."""
    if fault.status is None:
        return answer
    return Response(fault.body, status=fault.status, headers=dict(fault.headers))


def with_more(answer: Response, extra: Mapping[str, Any]) -> Response:
    """The answer with further fields, where it is a JSON object."""
    body = answer.get_json(silent=True)
    if isinstance(body, dict):
        # As the provider wrote it: its numbers must not pass through a float.
        text = answer.get_data(as_text=True).strip()
        more = json.dumps(dict(extra))[:-1]
        answer.set_data(f"{more}{',' if body else ''}{text[1:]}")
    return answer
