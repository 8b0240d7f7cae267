"""Generated requests over the whole description: no crash, no answer it does not describe."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests import stores
from tests.conftest import need_postgres
from tests.stores import migrated
from tests.web.site import customer, invoice, site

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
BULK = "/api/v1/invoices/bulk"
"""Here a wrong item is told in its result, so that wrong data is answered by 200."""

OPERATORS = ("/api/v1/accounts", "/api/v1/plugins")
generated = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", params=["postgres"])
def furnished(request, tmp_path_factory):
    """A site where something stands already, on the store that is stricter about text."""
    need_postgres()
    folder = tmp_path_factory.mktemp("fuzz")
    url = stores.fresh_database_url(request.param, folder, prepare=migrated)
    with site(url, folder) as web:
        web.connect()
        web.made("/customers", customer(acmeCustomerId="A-1"))
        made = web.made("/invoices", invoice(autoPush=False))
        endpoint = web.made("/webhook-endpoints", {"url": "https://shop.example/hooks"})["id"]
        web.known = {
            "endpoint_id": endpoint,
            "message_id": web.made(f"/webhook-endpoints/{endpoint}/test")["id"],
            "account_id": web.account,
            "key_id": web.made(
                f"/accounts/{web.account}/keys", {"environment": "test"}, key=web.operator
            )["id"],
            "customer": "c1",
            "provider": "acme",
            "reference": "acme",
            "name": "item",
            "invoice_id": made["id"],
            "delivery_id": made["deliveries"][0]["id"],
        }
        yield web
    stores.drop_database(url)


@pytest.fixture
def described(furnished):
    config = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
    return schemathesis.openapi.from_wsgi("/docs/openapi.json", furnished.app, config=config)


def try_out(operation, web, mode):
    key = web.operator if operation.path.startswith(OPERATORS) else web.key
    headers = {"Authorization": f"Bearer {key}"}
    checks = CHECKS if operation.path == BULK else [*CHECKS, negative_data_rejection]

    @generated
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case):
        case.call_and_validate(headers=headers, checks=checks)
        known = case.path_parameters or {}
        case.path_parameters = {name: web.known[name] for name in known}
        case.call_and_validate(headers=headers, checks=checks)

    answers()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_generated_requests_are_answered_as_described(described, furnished, mode):
    failed = []
    for operation in (one.ok() for one in described.get_all_operations()):
        try:
            try_out(operation, furnished, mode)
        except BaseExceptionGroup as error:
            failed.append(f"{operation.label}: {error}")
    assert failed == []


def test_the_description_is_valid_openapi_3_1(described):
    assert described.raw_schema["openapi"] == "3.1.0"
    described.validate()
    operations = [one.ok() for one in described.get_all_operations()]
    assert len(operations) > 40
    assert all(one.definition.raw.get("summary") for one in operations)


def test_errors_are_described_as_problems(described):
    shown = described.raw_schema["components"]["responses"]["DEFAULT_ERROR"]["content"]
    assert list(shown) == ["application/problem+json"]
