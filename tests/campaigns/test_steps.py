"""A process dies at every kind of step, and no write of a drain is without its name."""

import ast
from pathlib import Path

import pytest

import kable_hub
from kable_hub.sync import transitions
from tests.campaigns.dying import BESIDE, ENDS, WRITES
from tests.campaigns.walking import scenes, walk
from tests.conftest import need_postgres

HUB = Path(kable_hub.__file__).parent
ACCEPTED = "create_invoices"
EVERYWHERE = {
    ACCEPTED,
    "call",
    "Queue.acquire",
    "Queue.claim",
    "Queue.mark_may_exist",
    "Queue.reconcile",
    "Queue.release",
    "Queue.renew",
    "Queue.settle delivered",
    "Queue.settle due",
    "Queue.settle rejected",
    "Queue.settle uncertain",
    "Queue.wake",
}
ON = {"sqlite": {"Queue.void_leases"}, "postgres": set()}
AT = {
    "stripe": {"Queue.give_back", "Queue.save_progress", "Queue.settle blocked"},
    "quickbooks": {
        "Access._end",
        "Access._refresh_alone",
        "Access._save",
        "Memories._read",
        "Queue.freeze_many",
        "Queue.store_batch",
    },
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("provider", "store"), [("stripe", "sqlite"), ("quickbooks", "postgres")])
def test_whatever_step_a_process_dies_at_each_invoice_stands_once(provider, store, tmp_path):
    if store == "postgres":
        need_postgres()
    with walk(provider, store, tmp_path) as one:
        for scene in scenes(provider):
            one.through(scene)
        assert list(one.judged()) == []
    moments = {"call": ("done", "not done")}
    assert one.met == {
        f"{name} {moment}"
        for name in EVERYWHERE | ON[store] | AT[provider]
        for moment in moments.get(name, ("after", "in"))
    }


def test_every_write_of_a_drain_is_a_step_with_a_name():
    files = [HUB / "store" / "queue.py", *sorted((HUB / "sync").glob("*.py"))]
    writers = {name for file in files for name in writing(file)}
    assert writers == WRITES.keys() | BESIDE.keys()


def test_every_named_step_is_met_by_a_process_that_dies_there():
    met = EVERYWHERE.union(*ON.values(), *AT.values()) - {"call", ACCEPTED}
    ends = {f"Queue.settle {state}" for state in ENDS}
    assert met == WRITES.keys() - {"Queue.settle"} | ends


def test_every_state_that_a_drain_leads_to_is_a_step():
    fates = {one.value for one in transitions.Fate}
    tree = ast.parse((HUB / "sync" / "endings.py").read_text("utf-8"))
    said = {
        one.value.value
        for one in ast.walk(tree)
        if isinstance(one, ast.keyword)
        and one.arg == "state"
        and isinstance(one.value, ast.Constant)
    }
    assert fates | said == set(ENDS)


def writing(file: Path) -> list[str]:
    """The functions of a file that open a transaction, with their class."""
    found = []
    for one in ast.parse(file.read_text("utf-8")).body:
        for inner in one.body if isinstance(one, ast.ClassDef) else [one]:
            if isinstance(inner, ast.FunctionDef) and opens(inner):
                owner = f"{one.name}." if isinstance(one, ast.ClassDef) else ""
                found.append(f"{owner}{inner.name}")
    return found


def opens(function: ast.FunctionDef) -> bool:
    calls = [one.func for one in ast.walk(function) if isinstance(one, ast.Call)]
    names = [one for one in calls if isinstance(one, ast.Attribute)]
    return any(
        one.attr in ("write", "atomic") and "database" in ast.unparse(one.value) for one in names
    )
