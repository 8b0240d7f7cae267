"""Windows onto the hub, and stories that break off where one of their chapters failed."""

import pytest

BROKEN = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """Keep which chapter of a file failed first."""
    report = yield
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        item.parent.stash.setdefault(BROKEN, item.name)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the fixtures of a chapter, which may wait for what its story never came to."""
    failed = item.parent.stash.get(BROKEN, "")
    if failed and "chapter" in item.fixturenames:
        pytest.skip(f"the story broke off in {failed}")


@pytest.fixture
def chapter() -> None:
    """Tests that use it go on where the one before ended: none runs after one that failed."""
