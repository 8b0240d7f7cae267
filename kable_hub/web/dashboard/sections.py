"""The sections of an account, as the navigation of every page shows them."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, request, url_for

_SECTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Overview", "dashboard.overview.index", {}),
    ("Payments", "dashboard.connections.index", {"kind": "payments"}),
    ("Accounting", "dashboard.connections.index", {"kind": "accounting"}),
    ("Customers", "dashboard.customers.index", {}),
    ("Invoices", "dashboard.invoices.index", {}),
    ("Settings", "dashboard.settings.index", {}),
    ("Plugins", "dashboard.plugins.index", {}),
)


@dataclass(frozen=True)
class Section:
    """A section: its name, its address, and whether this page is of it."""

    name: str
    url: str
    here: bool


def install(app: Flask) -> None:
    """Give `sections()` and `section_in(env)` to the app's templates."""
    app.add_template_global(sections)
    app.add_template_global(section_in)


def sections(env: str = "") -> list[Section]:
    """All of them, in this page's environment or in the one that `env` names."""
    there: dict[str, Any] = {"env": env} if env else {}
    found = [(name, url_for(endpoint, **values, **there)) for name, endpoint, values in _SECTIONS]
    here = _of(request.path)
    return [Section(name, url, _of(url) == here) for name, url in found]


def section_in(env: str) -> str:
    """The address of this page's section in the environment `env`; else its overview."""
    found = sections(env=env)
    return next((one.url for one in found if one.here), found[0].url)


def _of(path: str) -> str:
    """The section of /a/<account>/<env>/<section>/..."""
    return "".join(path.split("/")[4:5])
