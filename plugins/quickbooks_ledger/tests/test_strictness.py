"""The simulator refuses what Intuit's schema refuses; the two are compared where it is at hand.

Not compared is what lies inside objects that no app of this kind writes (kind `any`).
"""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kable_quickbooks_ledger import simulator_schema as schema
from kable_quickbooks_ledger.simulator_faults import QboFault
from kable_quickbooks_ledger.simulator_types import ENUMS, SHAPES

KINDS = {
    "decimal": {"number", "money"},
    "boolean": {"flag"},
    "date": {"date"},
    "dateTime": {"moment"},
    "int": {"whole"},
    "positiveInteger": {"count"},
}
WRITTEN = ("Invoice", "Customer", "Payment")

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.decimals(-9, 9, places=3),
    st.text(max_size=8),
    st.sampled_from(["2026-11-22", "2026-13-01", "2026-11-22T10:00:00Z", "NotSet", "a@b.example"]),
    st.integers(14, 4001).map("x".__mul__),
    st.lists(st.just({"value": "1"}), max_size=2),
    st.just({"value": "28"}),
    st.just({"Address": "nobody"}),
    st.just({}),
)


@pytest.fixture(scope="module")
def model(data):
    return json.loads((data / "qbo_model.json").read_text())


def base(model, kind):
    while kind in model["simple"]:
        kind = model["simple"][kind]["base"]
    return kind


def bodies(shape):
    names = [*(name for name, kind in SHAPES[shape].items() if "any" not in kind), "Color"]
    made = st.dictionaries(st.sampled_from(names), SCALARS, max_size=4)
    # The checker itself stumbles over lines that are no list.
    return made.filter(lambda body: isinstance(body.get("Line", []), list))


def code_of(shape, body):
    try:
        schema.check(shape, body)
    except QboFault as fault:
        return fault.fault["Error"][0]["code"]
    return ""


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_the_properties_of_intuits_schema_and_their_kinds(model, shape):
    theirs = model["types"][shape]["f"]
    assert set(SHAPES[shape]) == set(theirs)
    for name, kind in SHAPES[shape].items():
        field = theirs[name]
        assert kind.startswith("[") is bool(field.get("many")), name
        core = kind.rstrip("!").strip("[]")
        if field["t"] in model["types"]:
            assert core == (field["t"] if field["t"] in SHAPES else "any"), name
        elif model["simple"].get(field["t"], {}).get("enum"):
            assert list(ENUMS[core]) == model["simple"][field["t"]]["enum"], name
        else:
            wanted = KINDS.get(base(model, field["t"]))
            assert core in wanted if wanted else core.startswith(("text", "email")), name


@pytest.mark.parametrize("shape", SHAPES)
def test_every_length_is_the_documented_one(checker, shape):
    for name, kind in SHAPES[shape].items():
        core = kind.rstrip("!")
        if not core.startswith("text"):
            continue
        limit = int(core.removeprefix("text") or 0)
        field = checker.T[shape]["f"][name]
        documented = checker.DOC_MAX.get(
            (shape, name), checker.DOC_MAX.get(("*", name), field.get("max"))
        )
        assert limit == (documented or 0), name


@pytest.mark.parametrize("shape", WRITTEN)
def test_what_intuits_schema_refuses_is_refused(checker, shape):
    @given(bodies(shape))
    def hold(body):
        wrong = [
            one.rule
            for one in checker.check(shape, body, "create")
            if one.severity == "error" and one.rule.startswith(("schema.", "doc."))
        ]
        if wrong:
            assert code_of(shape, body), wrong

    hold()


@pytest.mark.parametrize("shape", WRITTEN)
def test_what_it_refuses_intuits_schema_does_not_take_as_it_is(checker, shape):
    @given(bodies(shape))
    def hold(body):
        if code_of(shape, body):
            assert checker.check(shape, body, "create")

    hold()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Color": "red"}, "2010"),
        ({"DocNumber": "x" * 22}, "2050"),
        ({"DocNumber": 7}, "2010"),
        ({"CustomerRef": "28"}, "2010"),
        ({"CustomerRef": {"name": "Drivr App"}}, "2020"),
        ({"CustomerRef": [{"value": "28"}]}, "2010"),
        ({"Line": {}}, "2010"),
        ({"Line": [{"LineNum": 0}]}, "2080"),
        ({"Line": [{"Amount": Decimal("1.001")}]}, "6000"),
        ({"Line": [{"SalesItemLineDetail": {}, "DescriptionLineDetail": {}}]}, "2600"),
        ({"TxnDate": "22.11.2026"}, "2060"),
        ({"TxnDate": ""}, "2060"),
        ({"ECloudStatusTimeStamp": "2026-11-22"}, "2060"),
        ({"ECloudStatusTimeStamp": "2026-11-22T10:00:00Z"}, ""),
        ({"EmailStatus": "Mail"}, "2170"),
        ({"GlobalTaxCalculation": "Maybe"}, "2170"),
        ({"AllowIPNPayment": "true"}, "2230"),
        ({"ExchangeRate": "1.08"}, "2080"),
        ({"PrivateNote": "bell\x07"}, "2040"),
        ({"BillEmail": {"Address": "nobody"}}, "2210"),
        ({"BillEmail": {"Address": "a@b.example, c@d.example"}}, ""),
        ({"PrintStatus": "NeedToPrint", "TrackingNum": "1", "InvoiceLink": None}, ""),
    ],
)
def test_each_refusal_has_intuits_code(body, code):
    assert code_of("Invoice", body) == code
