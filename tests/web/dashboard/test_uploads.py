"""Files of invoices in the dashboard: taken, looked at, refused, repeated."""

import io
import re
import threading
from dataclasses import replace

import pytest

from kable_hub.domain import Environment
from kable_hub.importing import Columns, CsvFile, uploads
from kable_hub.store.scope import Scope

HEAD = "number,client_id,currency,issue_date,description,unit_price\n"
GOOD = HEAD + "INV-1,c1,USD,2026-11-22,work,19.99\nINV-1,c1,USD,2026-11-22,more,5\n"


def send(person, text, **more):
    file = (io.BytesIO(text.encode()), "november <1>.csv")
    return person.post("invoices/upload/", {"file": file, **more})


def through(person, answer):
    """The page of an upload that is over."""
    assert answer.status_code == 303, answer.text
    found = re.search(r"uploads/(upl_\w+)/", answer.location)
    assert found is not None
    join(found[1])
    return person.page(answer.location)


def join(upload_id):
    for one in threading.enumerate():
        if one.name == upload_id:
            one.join(60)


def counts(page):
    return [int(re.sub("<[^>]+>", "", one)) for one in re.findall(r"<dd>(.*?)</dd>", page)]


def test_a_file_goes_in_once_however_often_it_is_uploaded(web, member):
    assert "client_id" in member.page("invoices/upload/")
    page = through(member, send(member, GOOD))
    assert counts(page) == [1, 0, 0, 1]
    assert "november &lt;1&gt;.csv" in page
    assert "every 1s" not in page
    assert "24.99" in member.page("invoices/")
    assert counts(through(member, send(member, GOOD))) == [0, 1, 0, 0]


def test_a_faulty_row_is_told_with_its_line_and_refuses_its_invoice_alone(web, member):
    page = through(member, send(member, GOOD + "INV-2,c1,USD,22.11.2026,work,1\n"))
    assert counts(page) == [1, 0, 1, 1]
    assert "is not a date of the form YYYY-MM-DD." in page
    assert re.search(r">4</td><td[^>]*>INV-2</td><td[^>]*><code>issue_date</code></td>", page)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "The file is empty."), ("a,b\n1,2\n", "There is no column"), (HEAD, "no rows")],
)
def test_what_is_no_such_file_is_refused_before_anything_is_written(web, member, text, said):
    answer = send(member, text)
    assert answer.status_code == 422
    assert said in answer.text
    assert "--column" not in answer.text
    assert not list(web.hub.settings.data_dir.rglob("*.csv"))
    assert "No invoices yet" in member.page("invoices/")


def test_a_currency_is_named_beside_a_file_that_has_none(web, member):
    text = GOOD.replace("currency,", "").replace("USD,", "")
    assert send(member, text).status_code == 422
    refused = send(member, text, currency="dollars")
    assert refused.status_code == 422
    assert "no currency code" in refused.text
    assert counts(through(member, send(member, text, currency="usd"))) == [1, 0, 0, 1]
    assert member.post("invoices/upload/").status_code == 422


def test_an_upload_that_breaks_off_says_that_it_may_be_repeated(web, member):
    scope = Scope(web.account, Environment.TEST)
    begun = uploads.begin(web.hub, scope, "x.csv", lambda path: path.write_text(GOOD))
    join(begun.id)
    path = web.hub.settings.data_dir / "uploads" / web.account / "test" / f"{begun.id}.csv"
    path.write_text(GOOD)
    source = CsvFile(path, Columns.parse(()))
    path.unlink()
    uploads._run(web.hub, scope, path, source, replace(begun, state="running"))
    page = member.page(f"invoices/uploads/{begun.id}/")
    assert "It stopped after 0 of 1 invoices." in page
    assert "Upload the file again" in page


def test_an_upload_that_runs_is_looked_at_again_until_it_went_silent(web, member):
    scope = Scope(web.account, Environment.TEST)
    folder = web.hub.settings.data_dir / "uploads" / web.account / "test"
    folder.mkdir(parents=True)
    now = web.hub.now()
    name = "upl_" + "0" * 26
    for at, said, moves in ((now, "3 of 9 invoices", True), (1, "It stopped after 3 of 9", False)):
        one = uploads.Upload(name, "x.csv", "running", 9, at, at, done=3)
        uploads._keep(folder / f"{name}.csv", one)
        part = member.get(f"invoices/uploads/{name}/", htmx=True).text
        assert said in part
        assert ("every 1s" in part) is moves
    assert uploads.find(web.hub, scope, name).state == "stopped"


def test_a_file_of_another_account_or_environment_is_not_found(web, people):
    answer = send(people.member, GOOD)
    through(people.member, answer)
    upload = answer.location.split("/")[-2]
    assert people.stranger.get(answer.location).status_code == 404
    assert people.stranger.get(f"invoices/uploads/{upload}/").status_code == 404
    assert people.member.get(answer.location.replace("/test/", "/live/")).status_code == 404
    assert people.member.get("invoices/uploads/..%2F..%2Fx/").status_code == 404
