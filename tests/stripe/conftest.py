"""Stages for the tests of Stripe: an account that is not connected yet, and one that is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stripe.stage import Stage, stage


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Stage]:
    """Nothing is connected."""
    with stage(tmp_path) as one:
        yield one


@pytest.fixture
def shop(bare: Stage) -> Stage:
    """Connected by one consent, in live and in test."""
    bare.connect()
    return bare
