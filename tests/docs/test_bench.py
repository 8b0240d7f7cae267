"""The benchmark runs, in small."""

import subprocess
import sys

from tests.docs.reading import ROOT


def test_the_throughput_benchmark_prints_its_figures_and_loses_nothing():
    script = str(ROOT / "bench" / "throughput.py")
    command = [sys.executable, script, "--invoices", "10", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 documents of 10 invoices, 0 drafts" in done.stdout
    for figure in (
        "posted one by one, invoices/s",
        "posted in bulk, invoices/s",
        "pushed, invoices/s",
        "CPU per invoice pushed, ms",
    ):
        assert figure in done.stdout
