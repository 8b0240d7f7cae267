"""Settings, defaults: what new invoices and customers do where nobody says."""

from tests.web.site import customer, invoice

PAGE = "settings/defaults/"


def test_a_member_has_invoices_wait_and_customers_created(people, member):
    web = people.site
    web.connect()
    page = member.page(PAGE)
    assert 'value="send" checked' in page
    assert "Create at Acme" in page
    said = member.done(PAGE, {"auto_push": "hold", "create_at": ["acme"]})
    assert "This holds for what comes from now on." in said
    assert 'value="hold" checked' in said
    made = web.made("/customers", customer())
    assert [one["state"] for one in made["links"]] == ["pending"]
    linked = web.made("/customers", customer("c2", acmeCustomerId="A-1"))
    assert [one["state"] for one in linked["links"]] == ["linked"]
    waits = web.made("/invoices", invoice(customer="c2"))
    assert [one["state"] for one in waits["deliveries"]] == ["held"]
    live = member.page(member.at(PAGE).replace("/test/", "/live/"))
    assert 'value="send" checked' in live


def test_the_form_of_a_new_customer_begins_with_the_default_and_may_refuse_it(people, member):
    people.site.connect()
    assert 'name="create.acme" value="1" checked' not in member.page("customers/new")
    member.done(PAGE, {"auto_push": "send", "create_at": ["acme"]})
    assert 'name="create.acme" value="1" checked' in member.page("customers/new")
    sent = {"client_id": "c9", "company_name": "Northwind", "currency": "USD"}
    member.done("customers/new", sent)
    assert people.site.get("/customers/c9").json["links"] == []


def test_a_chosen_provider_whose_plugin_is_away_is_named_and_forgotten(people, member, monkeypatch):
    hub = people.site.hub
    member.done(PAGE, {"auto_push": "send", "create_at": ["acme"]})
    monkeypatch.setattr(hub.registry, "providers", list)
    assert "its plugin is away" in member.page(PAGE)
    assert "No installed provider can create customers" in member.page(PAGE)
    assert "its plugin is away" not in member.done(PAGE, {"auto_push": "send"})
