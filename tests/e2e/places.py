"""Every page of the dashboard by a name of its own, as addresses in a demo that has ended."""

from collections.abc import Iterator, Mapping

from flask import Flask
from werkzeug.routing import MapAdapter

from kable_hub.web import dashboard

ALONE = {
    "sign-in": "/signin?next=/you",
    "link-to-choose-a-password": "{invitation}",
    "link-that-is-over": "/first/unknown",
}
"""For whoever is not signed in."""

PLACES = {
    "accounts": "/accounts",
    "you": "/you",
    "overview": "{home}/overview/",
    "overview-empty": "{empty}/overview/",
    "payments": "{home}/payments/",
    "payments-free": "{empty}/payments/",
    "accounting": "{home}/accounting/",
    "stripe": "{home}/payments/stripe/",
    "stripe-not-connected": "{empty}/payments/stripe/",
    "quickbooks": "{home}/accounting/quickbooks/",
    "stripe-disconnect": "{home}/payments/stripe/disconnect",
    "customers": "{home}/customers/",
    "customers-none-fits": "{home}/customers/?search=nobody",
    "customers-empty": "{empty}/customers/",
    "customer-new": "{home}/customers/new",
    "customer": "{home}/customers/aurora-tools/",
    "customer-empty": "{home}/customers/longname/",
    "customer-edit": "{home}/customers/longname/edit",
    "integrations": "{home}/customers/last-penny/integrations/",
    "integrations-not-linked": "{home}/customers/driftwood/integrations/",
    "find": "{home}/customers/driftwood/integrations/stripe/find",
    "find-none": "{home}/customers/driftwood/integrations/stripe/find?q=zzz",
    "check": "{home}/customers/driftwood/integrations/quickbooks/check?reference=28",
    "check-refused": "{home}/customers/driftwood/integrations/stripe/check?reference=x",
    "earlier": "{home}/customers/last-penny/integrations/stripe/earlier",
    "unlink": "{home}/customers/last-penny/integrations/stripe/unlink",
    "card": "{home}/customers/last-penny/at/stripe/card",
    "own-settings": "{home}/customers/last-penny/at/quickbooks/settings",
    "link-from-a-file": "{home}/customers/bulk/",
    "link-from-a-file-empty": "{empty}/customers/bulk/",
    "invoices": "{home}/invoices/",
    "invoices-none-fits": "{home}/invoices/?q=zzz",
    "invoices-empty": "{empty}/invoices/",
    "invoice-delivered": "{home}/invoices/{AUR-1001}/",
    "invoice-blocked": "{home}/invoices/{LPB-5001}/",
    "invoice-rejected": "{home}/invoices/{AUR-CN-1}/",
    "invoice-not-linked": "{home}/invoices/{DFS-6001}/",
    "invoice-settle": "{home}/invoices/{AUR-1001}/deliveries/{AUR-1001 at stripe}/settle/",
    "invoice-void": "{home}/invoices/{AUR-1001}/deliveries/{AUR-1001 at stripe}/void/",
    "invoice-preview": "{home}/invoices/{AUR-1001}/preview/quickbooks/",
    "invoice-preview-refused": "{home}/invoices/{AUR-CN-1}/preview/stripe/",
    "upload": "{home}/invoices/upload/",
    "uploaded": "{home}/invoices/uploads/{upload}/",
    "settings": "{home}/settings/",
    "keys": "{home}/settings/keys/",
    "keys-empty": "{empty}/settings/keys/",
    "key-revoke": "{home}/settings/keys/{key}/revoke",
    "defaults": "{home}/settings/defaults/",
    "webhooks": "{home}/settings/webhooks/",
    "webhooks-empty": "{empty}/settings/webhooks/",
    "webhook": "{home}/settings/webhooks/{endpoint}/",
    "webhook-remove": "{home}/settings/webhooks/{endpoint}/remove",
    "people": "{home}/settings/people/",
    "people-empty": "{empty}/settings/people/",
    "plugins": "{home}/plugins/",
    "nowhere": "{home}/nowhere/",
}
"""For an operator. `{home}` is the demo's account in test; `{empty}` one on plan free, in live,
that has nothing yet."""

NO_PAGES = {
    "signin.home": "leads on to another",
    "dashboard.invoices.export": "is a file",
    "dashboard.connection_settings.choices": "is a part that htmx takes into a page",
}


def uncovered() -> set[str]:
    """The endpoints with a page that no place above stands for."""
    app = Flask("kable_hub.web")
    dashboard.install(app)
    adapter = app.url_map.bind("localhost")
    shown = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return shown - {"static"} - set(NO_PAGES) - set(_covered(adapter))


def _covered(adapter: MapAdapter) -> Iterator[str]:
    for template in (*ALONE.values(), *PLACES.values()):
        path = template.format_map(_Anything()).partition("?")[0]
        if not path.endswith("nowhere/"):
            yield adapter.match(path)[0]


class _Anything(dict[str, str]):
    """Stands for what only a hub at work knows."""

    def __missing__(self, name: str) -> str:
        known: Mapping[str, str] = {
            "home": "/a/x/test",
            "empty": "/a/y/live",
            "invitation": "/first/x",
        }
        return known.get(name, "x")
