"""A judge that overlooks something would make every campaign worthless."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.campaigns.judge import PAGE, Accepted, faults

COUNT = 2 * PAGE + 1


@dataclass
class Scene:
    """A hub and a provider that agree, until a test changes one of them."""

    accepted: list[Accepted] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    there: list[dict[str, Any]] = field(default_factory=list)
    half_made: list[dict[str, Any]] = field(default_factory=list)

    def documents(self) -> list[dict[str, Any]]:
        return self.there

    def drafts(self) -> list[dict[str, Any]]:
        return self.half_made

    def ask(self, path: str) -> dict[str, Any]:
        """The API's list of invoices, by pages."""
        assert urlsplit(path).path == "/invoices"
        query = parse_qs(urlsplit(path).query)
        start, size = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        more = start + size < len(self.shown)
        items = self.shown[start : start + size]
        return {"items": items, "nextCursor": str(start + size) if more else None}

    def judged(self) -> list[str]:
        return faults(self.ask, self.accepted, {"acme": self})


@pytest.fixture
def scene() -> Scene:
    one = Scene()
    for place in range(COUNT):
        row = {"id": f"inv_{place}", "number": f"K-{place}", "currency": "USD", "total": "19.99"}
        delivery = {
            "provider": "acme",
            "kind": "push",
            "state": "delivered",
            "externalId": f"ex_{place}",
            "errorCode": "",
            "errorMessage": "",
            "variance": "0.00",
        }
        document = {
            "external_id": f"ex_{place}",
            "marker": f"hub/acc/inv_{place}",
            "environment": "live",
            "total": 1999,
            "currency": "USD",
            "customer": "cu_1",
        }
        one.accepted.append(Accepted.of(row, {"acme": "cu_1"}))
        one.shown.append({**row, "deliveries": [delivery]})
        one.there.append(document)
    return one


def test_what_agrees_has_no_fault(scene):
    scene.there.append({**scene.there[0], "environment": "test"})
    assert scene.judged() == []


def test_an_invoice_that_arrived_twice_or_never_is_a_fault(scene):
    scene.there.append({**scene.there[0], "external_id": "ex_again"})
    del scene.there[1]
    said = scene.judged()
    assert "K-0 stands 2 times at acme and not 1" in said
    assert "K-1 stands 0 times at acme and not 1" in said


@pytest.mark.parametrize(("name", "value"), [("total", 2000), ("currency", "EUR")])
def test_a_document_with_another_amount_is_a_fault(scene, name, value):
    scene.there[3][name] = value
    (said,) = scene.judged()
    assert said.startswith("K-3 stands at acme as")


def test_a_document_for_another_customer_is_a_fault(scene):
    scene.there[-1]["customer"] = "cu_2"
    (said,) = scene.judged()
    assert said.startswith(f"K-{COUNT - 1} stands at acme as")


@pytest.mark.parametrize("marker", ["hub/acc/inv_unknown", ""])
def test_a_document_without_an_invoice_is_a_fault(scene, marker):
    scene.there.append({**scene.there[0], "external_id": "ex_stray", "marker": marker})
    assert scene.judged() == ["ex_stray at acme belongs to no accepted invoice"]


def test_a_document_that_was_left_half_made_is_a_fault(scene):
    scene.half_made.append({"external_id": "ex_draft"})
    assert scene.judged() == ["ex_draft at acme was left half made"]


def test_an_accepted_invoice_that_is_gone_is_a_fault(scene):
    del scene.shown[PAGE]
    assert f"K-{PAGE} was accepted and is gone" in scene.judged()


def test_an_accepted_invoice_that_changed_is_a_fault(scene):
    scene.shown[5]["total"] = "20.00"
    assert scene.judged() == ["K-5 was accepted as 1999 USD (K-5) and is now 2000 USD (K-5)"]


def test_an_invoice_that_nobody_was_told_of_is_a_fault(scene):
    scene.shown.append({**scene.shown[0], "id": "inv_x", "number": "K-x"})
    assert scene.judged() == ["K-x stands in the hub and was never answered"]


def test_one_id_for_two_accepted_invoices_is_a_fault(scene):
    scene.accepted.append(scene.accepted[0])
    assert "inv_0 was answered to 2 invoices" in scene.judged()


def test_a_state_that_disagrees_with_the_ledger_is_a_fault(scene):
    scene.shown[7]["deliveries"][0].update(state="uncertain", externalId="", errorCode="lost")
    scene.shown[8]["deliveries"][0].update(externalId="ex_other")
    said = scene.judged()
    assert "K-7: the hub knows [] at acme, where there is ['ex_7']" in said
    assert "K-7 is uncertain lost at acme: " in said
    assert "K-8: the hub knows ['ex_other'] at acme, where there is ['ex_8']" in said


def test_a_difference_that_the_hub_shows_is_a_fault(scene):
    scene.shown[9]["deliveries"][0]["variance"] = "0.01"
    assert scene.judged() == ["K-9 differs by 0.01 at acme, says the hub"]


def test_what_no_provider_may_have_is_a_fault_where_it_stands(scene):
    scene.accepted[4] = replace(scene.accepted[4], goes={})
    assert "K-4 stands 1 times at acme and not 0" in scene.judged()
    scene.shown[4]["deliveries"][0].update(state="rejected", externalId="")
    del scene.there[4]
    assert scene.judged() == []
