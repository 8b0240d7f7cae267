import pytest

from tests.integration.killing import campaign, portions


@pytest.mark.timeout(180)
def test_five_kills_leave_forty_documents_at_each_provider_and_no_draft(tmp_path, capsys):
    done = campaign(tmp_path / "data", kills=5, invoices=40, seed=7, say=print)
    assert done.faults == ()
    assert done.kills == 5
    # A campaign that never meets a push in flight would prove nothing.
    assert done.struck >= 2, capsys.readouterr().out


def test_every_invoice_is_posted_before_the_last_life():
    assert [len(one) for one in portions(40, 5)] == [6, 7, 7, 6, 7, 7]
    assert [number for one in portions(200, 50) for number in one] == list(range(200))
