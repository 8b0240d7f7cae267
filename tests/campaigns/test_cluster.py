"""The bounded part of the cluster campaign: a worker killed, one ended, the database restarted."""

import os
import re
import subprocess
import sys

from tests.conftest import need_postgres


def test_workers_that_die_and_a_database_that_restarts_leave_each_invoice_once(repository):
    need_postgres()
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaigns.cluster", "--invoices", "60"],
        cwd=repository,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # A worker that had nothing in its hands when it was killed would prove nothing.
    assert re.search(r"killed with [1-9]\d* under way", done.stdout)
    assert "0 faults in 60 invoices" in done.stdout
