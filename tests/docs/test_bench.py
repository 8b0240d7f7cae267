"""The benchmarks run, in small."""

import subprocess
import sys

import pytest

from tests.docs.reading import ROOT


def printed(name: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_throughput_benchmark_prints_its_figures_and_loses_nothing():
    said = printed("throughput", "--invoices", "10", "--rounds", "1")
    assert "10 documents of 10 invoices, 0 drafts" in said
    for figure in (
        "posted one by one, invoices/s",
        "posted in bulk, invoices/s",
        "pushed, invoices/s",
        "CPU per invoice pushed, ms",
    ):
        assert figure in said


@pytest.mark.slow
def test_the_benchmark_at_the_limit_prints_its_figures_and_loses_nothing():
    said = printed("stripe_limit", "--invoices", "30", "--rounds", "1", "--round", "5")
    assert "5 documents of 5 invoices, 0 drafts" in said
    assert "30 documents of 30 invoices, 0 drafts" in said
    for figure in ("hub/loop", "permitted", "answers 429", "CPU an invoice"):
        assert figure in said


@pytest.mark.slow
def test_the_benchmark_at_quickbooks_limits_prints_its_figures_and_loses_nothing():
    said = printed("quickbooks_limit", "--invoices", "40", "--rounds", "0")
    assert "40 documents of 40 invoices" in said
    for figure in ("permitted", "answers 429", "reads", "CPU an invoice"):
        assert figure in said
