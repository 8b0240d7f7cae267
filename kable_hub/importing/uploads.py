"""Files that people upload: imported beside the request, with progress that anybody may look at.

What is known of an upload stands in a file under the data folder, not in the database: it is of
no use once it was read. The invoices are; a file that stopped half way is uploaded once more.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import structlog

from kable_hub.importing.columns import Columns
from kable_hub.importing.csv_file import CsvFile
from kable_hub.importing.found import Fault, FileRefused
from kable_hub.importing.loading import Report, load
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import NotFound
from kable_hub.usecases.hub import Hub

MOST_FAULTS = 1000
"""Faults that are kept to be shown; `refused` counts all."""

SILENT_MS = 300_000
"""An upload that says nothing for so long was stopped with its process."""

KEPT_MS = 30 * 86_400_000
_ID = re.compile(r"upl_[0-9A-Za-z]{26}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Upload:
    """An uploaded file. `state` is running, done, failed or stopped; `done` counts the invoices
    dealt with so far; moments are epoch milliseconds.
    """

    id: str
    name: str
    state: str
    total: int
    created_at: int
    updated_at: int
    done: int = 0
    accepted: int = 0
    unchanged: int = 0
    refused: int = 0
    customers_created: int = 0
    faults: tuple[Fault, ...] = ()

    @classmethod
    def read(cls, known: Mapping[str, Any]) -> Self:
        """From what `asdict` made of one."""
        return cls(**{**known, "faults": tuple(Fault(**one) for one in known["faults"])})


def begin(
    hub: Hub, scope: Scope, name: str, save: Callable[[Path], None], currency: str = ""
) -> Upload:
    """Take a CSV file and import it in a thread of its own. `save` writes it to a path.

    Raises FileRefused before anything is written to the account.
    """
    now, upload_id = hub.now(), new_id("upl")
    path = _folder(hub, scope, make=True) / f"{upload_id}.csv"
    _tidy(path.parent, now)
    try:
        save(path)
        source = CsvFile(path, Columns.parse(()), currency=currency)
    except FileRefused:
        path.unlink()
        raise
    upload = Upload(upload_id, name[:200], "running", source.total, now, now)
    _keep(path, upload)
    thread = threading.Thread(
        target=_run, args=(hub, scope, path, source, upload), name=upload_id, daemon=True
    )
    thread.start()
    return upload


def find(hub: Hub, scope: Scope, upload_id: str) -> Upload:
    """How an upload stands. Raises NotFound."""
    path = _folder(hub, scope) / f"{upload_id}.json"
    if not _ID.fullmatch(upload_id) or not path.exists():
        raise NotFound("upload", upload_id)
    upload = Upload.read(json.loads(path.read_text("utf-8")))
    if upload.state == "running" and hub.now() - upload.updated_at > SILENT_MS:
        return replace(upload, state="stopped")
    return upload


def _run(hub: Hub, scope: Scope, path: Path, source: CsvFile, upload: Upload) -> None:
    now = upload

    def progress(more: int) -> None:
        nonlocal now
        now = replace(now, done=now.done + more, updated_at=hub.now())
        _keep(path, now)

    try:
        report = load(hub, scope, source, done=progress)
        now = _through(now, report)
    except Exception:
        _log.exception("upload_failed", upload=upload.id)
        now = replace(now, state="failed")
    path.unlink(missing_ok=True)
    _keep(path, replace(now, updated_at=hub.now()))


def _through(upload: Upload, report: Report) -> Upload:
    return replace(
        upload,
        state="done",
        accepted=report.accepted,
        unchanged=report.unchanged,
        refused=report.refused,
        customers_created=report.customers_created,
        faults=tuple(report.faults[:MOST_FAULTS]),
    )


def _folder(hub: Hub, scope: Scope, *, make: bool = False) -> Path:
    folder = hub.settings.data_dir / "uploads" / scope.account_id / scope.environment.value
    if make:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _keep(path: Path, upload: Upload) -> None:
    """Whoever reads meanwhile finds the old or the new, never a half."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(asdict(upload)), "utf-8")
    half.replace(path.with_suffix(".json"))


def _tidy(folder: Path, now: int) -> None:
    for path in folder.iterdir():
        if path.stat().st_mtime * 1000 < now - KEPT_MS:
            path.unlink(missing_ok=True)
