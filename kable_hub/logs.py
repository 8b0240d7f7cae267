"""Logging for the whole process: structlog over the standard library, and one redaction.

Lines of plain `logging` (plugins, libraries) come out in the same form, with the same context.
Whatever is written passes the redaction as finished text, tracebacks included.
"""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from kable_hub.clock import from_ms
from kable_hub.settings import Settings

HIDDEN = "[hidden]"

SECRET_NAMES = re.compile(
    r"(?i)(authorization|cookie|password|passwd|secret|token|ticket|api_?key|credential|signature"
    r"|carry|assertion)"
)
"""A field with such a name is hidden whatever stands in it."""

_SECRET_VALUES = (
    re.compile(r"(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{6,})"),
    # Keys that say what they are: hub_live_..., sk_test_..., rk_live_..., whsec_...
    re.compile(r"\b([A-Za-z]{2,12}_(?:live|test|op)_[A-Za-z0-9_]{8,})"),
    re.compile(r"\b([A-Za-z]*sec(?:ret)?_[A-Za-z0-9+/=]{8,})"),
    re.compile(r"\b(eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*)"),
    re.compile(r"\b(gAAAA[A-Za-z0-9_=-]{20,})"),
    re.compile(r"://[^/\s:@]*:([^/\s@]+)@"),
    re.compile(
        r"(?i)[?&;\s\"'](?:code|state|ticket|[a-z_]*token|[a-z_]*secret|password|api_?key)"
        r"=([^&\s\"'<>]+)"
    ),
    re.compile(
        r"(?i)[\"'](?:[a-z_]*token|[a-z_]*secret|password|api_?key|authorization)\\?[\"']"
        r"\s*:\s*\\?[\"']([^\"'\\]+)"
    ),
)


class Redaction:
    """Hides the secrets it was told of, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: a secret may stand within another.
        known = sorted({one for one in secrets if one}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __repr__(self) -> str:
        return "Redaction()"

    def text(self, text: str) -> str:
        """`text` with every secret replaced."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern in _SECRET_VALUES:
            text = pattern.sub(_hide_group, text)
        return text

    def fields(self, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """`event` with the values of tell-tale names replaced, at any depth."""
        return {name: self._value(name, value) for name, value in event.items()}

    def _value(self, name: str, value: Any) -> Any:
        if not name.startswith("_") and SECRET_NAMES.search(name):
            return HIDDEN
        if isinstance(value, dict):
            return {str(key): self._value(str(key), one) for key, one in value.items()}
        return self.text(value) if isinstance(value, str) else value


def _hide_group(found: "re.Match[str]") -> str:
    whole, start = found.group(0), found.start(0)
    return whole[: found.start(1) - start] + HIDDEN + whole[found.end(1) - start :]


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def __init__(self, redaction: Redaction, processors: list[Any]) -> None:
        super().__init__(processors=processors, foreign_pre_chain=_COMMON)
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        return self._redaction.text(super().format(record))


def configure(settings: Settings, stream: TextIO | None = None) -> Redaction:
    """Set logging up for the process, to `stream` (standard error); answers the redaction.

    May be called again: the last call holds.
    """
    redaction = Redaction(settings.secrets())
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(redaction, settings.log_format))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    _quieten()
    return redaction


class _Brief(logging.Filter):
    """What goes wrong in a library that begins anew by itself needs no traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        record.msg, record.args = " ".join(record.getMessage().split()), ()
        return True


_BRIEF = _Brief()


def _quieten() -> None:
    # It tells of every tick, and of each that finds the one before still at work, which is no harm.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    for name in ("procrastinate.worker", "procrastinate.manager", "procrastinate.utils"):
        logging.getLogger(name).addFilter(_BRIEF)


def route() -> None:
    """Send structlog through the standard library's logging.

    Done on import: structlog on its own prints the local variables of failures, secrets among
    them, and a program may forget `configure`.
    """
    structlog.configure(
        processors=[*_COMMON, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(redaction: Redaction, form: str) -> logging.Formatter:
    def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        return redaction.fields(event)

    last: list[Any] = [_moment, structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact]
    if form == "json":
        # Frames carry local variables by default, and those carry tokens.
        frames = ExceptionDictTransformer(show_locals=False)
        last += [
            structlog.processors.ExceptionRenderer(frames),
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        last.append(
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        )
    return _Formatter(redaction, last)


def _moment(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    record = event.get("_record")
    if record is not None:
        event["timestamp"] = from_ms(int(record.created * 1000)).isoformat(timespec="milliseconds")
    return event


_COMMON: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
]
route()
