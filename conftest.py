"""What holds for every test of the repository, the plugins' too."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

pytest_plugins = (
    "tests.areas",
    "tests.chromium",
    "tests.loopback",
    "tests.stripe.contract",
    "tests.quickbooks.contract",
)
MEMORY = Path("/dev/shm")  # noqa: S108
ROOM = 3 * 2**30
"""Bytes: several times what a run of all tests holds at once."""


def has_room_in_memory() -> bool:
    """Whether the tests' files may stand in memory, programs among them."""
    if not os.access(MEMORY, os.W_OK):
        return False
    runnable = not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    return runnable and shutil.disk_usage(MEMORY).free > ROOM


# Here and not in a hook: pytest and its workers choose their folder early.
if "TMPDIR" not in os.environ and has_room_in_memory():
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_configure() -> None:
    """Forget settings of the hub that the shell happens to hold; tests bring their own.

    No test fails for being slow: the machine may be busy, and a first run works out Unicode's
    tables.
    """
    settings.register_profile(
        "repository", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("repository")
    for name in [name for name in os.environ if name.startswith("KABLE_")]:
        del os.environ[name]


def pytest_collection_finish() -> None:
    """Keep the collector off what was imported, which stays to the end, and let it come seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
