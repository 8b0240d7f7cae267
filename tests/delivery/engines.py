"""The stage under each engine: the embedded one on both stores, and the cluster's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import stores
from tests.acme import Acme
from tests.conftest import fresh
from tests.delivery.stage import Stage, stage

ENGINES = ("sqlite", "postgres", "cluster")


@contextmanager
def engaged(kind: str, folder: Path, plugin: Acme | None = None, **environ: str) -> Iterator[Stage]:
    """A stage whose settings choose one of ENGINES; no engine is started yet."""
    engine = "cluster" if kind == "cluster" else "embedded"
    store = "sqlite" if kind == "sqlite" else "postgres"
    prepare = stores.migrated_for_cluster if kind == "cluster" else stores.migrated
    for url in fresh(store, folder, prepare):
        with stage(url, folder, plugin, KABLE_ENGINE=engine, **environ) as one:
            yield one
