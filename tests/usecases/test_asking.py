from typing import Any

import pytest

from kable_hub.errors import Transient
from kable_hub.store.connections import ConnectionRow
from kable_hub.testing import Fault
from tests.usecases.house import House


def look(home: House, row: ConnectionRow) -> Any:
    return home.hub.asking.ask(
        row,
        "link_customer",
        customer=None,
        reference=home.at["acme"].add_customer(),
        key="",
        since=home.hub.clock.now(),
    )


def test_an_answer_that_takes_too_long_is_told_as_such(
    home: House, monkeypatch: pytest.MonkeyPatch
):
    row = home.connect("acme")
    monkeypatch.setattr("kable_hub.sync.asking.PATIENCE", -1.0)
    with pytest.raises(Transient) as late:
        look(home, row)
    assert late.value.code == "timeout"


def test_the_connection_goes_on_after_a_provider_was_away(home: House):
    row = home.connect("acme")
    home.at["acme"].fault(Fault(path="/customers", status=503))
    with pytest.raises(Transient):
        look(home, row)
    assert home.connection("acme").state == "active"
    assert look(home, row).title == "Someone"
