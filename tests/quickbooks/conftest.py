"""Stages for the tests of QuickBooks: an account that is not connected yet, and one that is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quickbooks.stage import Stage, stage


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Stage]:
    """Nothing is connected."""
    with stage(tmp_path) as one:
        yield one


@pytest.fixture
def shop(bare: Stage) -> Stage:
    """The American company of the sandbox is connected."""
    bare.connect()
    return bare


@pytest.fixture
def ready(shop: Stage) -> Stage:
    """And customer c1 is linked to its customer 28."""
    shop.customer()
    return shop
