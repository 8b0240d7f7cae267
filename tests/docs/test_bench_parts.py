"""What the benchmarks reckon and draw, without measuring."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.docs.reading import ROOT


@pytest.fixture(autouse=True)
def _found(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))


def lines():
    from _table import Line

    return [
        Line("hub, embedded", "Stripe", 40.0, 12.34, 4, 0, 100, "looks"),
        Line("plain <loop>", "Stripe", 30.0, 15.0, 4, 9, 100, "two"),
        Line("Celery", "Stripe", missing="no Redis"),
    ]


def test_an_invoice_agrees_that_is_done_and_stands_once_or_failed_and_stands_nowhere():
    from _table import disagreements

    ledger = [("a", True), ("b", True), ("b", True), ("c", False), ("d", True)]
    assert disagreements(["a"], ["gone"], ledger) == 0
    assert disagreements(["a", "b", "c", "e"], [], ledger) == 3, "twice, a draft, nowhere"
    assert disagreements([], ["c", "d"], ledger) == 2


def test_the_table_has_a_row_for_each_peer_and_says_who_did_not_run():
    from _table import markdown

    rows = markdown(lines()).splitlines()
    assert rows[2] == "| hub, embedded | Stripe | 40 | 12.34 | 0 of 100 | looks |"
    assert "did not run: no Redis" in rows[4]
    assert {row.count("|") for row in rows} == {7}


def test_the_bars_are_an_svg_as_long_as_what_they_stand_for():
    from _table import BAR, svg

    drawn = ET.fromstring(svg(lines(), "A push & more"))
    bars = [one for one in drawn.iter() if one.tag.endswith("rect")][1:]
    assert [float(one.get("width")) for one in bars] == [pytest.approx(BAR * 0.8227, 1e-3), BAR]
    words = [one.text for one in drawn.iter() if one.tag.endswith("text")]
    assert {"plain <loop>, Stripe", "12.34", "9 of 100", "A push & more"} <= {*words}


def test_a_verdict_says_figure_target_and_whether_it_was_reached():
    from _verdict import Verdict

    assert "2,100 invoices/s" in str(Verdict("in", 2100, 2000, "invoices/s"))
    assert str(Verdict("in", 2100, 2000, "a")).endswith("reached")
    assert str(Verdict("in", 1999, 2000, "a")).endswith("MISSED")
    assert str(Verdict("cpu", 3.6, 3.5, "ms", most=True)).endswith("MISSED")
    assert str(Verdict("apart", 0, 0, "n", most=True)).endswith("reached")


def test_a_page_gets_its_figures_between_the_marks_and_keeps_the_rest():
    from _main import Failed
    from report import BEGINS, ENDS, placed

    page = Path(ROOT / "docs/benchmarks.md").read_text()
    once = placed(page, "figures")
    assert placed(once, "figures") == once
    assert once.replace("figures", "") != page
    assert once.partition(BEGINS)[0] == page.partition(BEGINS)[0]
    assert once.partition(ENDS)[2] == page.partition(ENDS)[2]
    with pytest.raises(Failed, match="no lines"):
        placed("# Benchmarks\n", "figures")


def test_the_steady_part_lasts_while_all_connections_are_at_work():
    from _main import Failed
    from many import steady

    slow = [(0.5 * number, 0, False) for number in range(40)]
    quick = [(2 + 0.1 * number, 1, False) for number in range(101)]
    rates, lasted = steady([*quick, *slow], 2)
    assert lasted == pytest.approx(8, abs=0.2), "from 3 s to 11 s"
    assert rates == [pytest.approx(2, rel=0.1), pytest.approx(10, rel=0.1)]
    with pytest.raises(Failed, match="no steady part"):
        steady([(0.0, 0, False), (5.0, 1, False)], 2)


def test_a_connection_waits_after_a_kill_until_it_is_served_or_no_longer_watched():
    from cluster import waits

    calls = [(1, 0, False), (9, 0, True), (2, 1, True), (3, 2, False)]
    assert waits(calls, at=4, until=20, each=1) == [5, 0, 16]


def test_a_rate_is_that_of_the_middle_of_what_happened():
    from cluster import middle

    slow = [100 + 5.0 * number for number in range(5)]
    assert middle([*slow, *(0.5 * number for number in range(20))]) == pytest.approx(2)
