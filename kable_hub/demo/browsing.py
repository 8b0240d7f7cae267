"""The newcomer's browser: follows redirects, keeps cookies, approves what it is asked."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

TIMEOUT = 30
PAGES = 10


class _Form(HTMLParser):
    """The first form of a page: where it goes, and what its first button sends."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False
        self.action = ""
        self.values: dict[str, str] = {}
        self._inside = False
        self._pressed = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.found:
            self.found, self._inside, self.action = True, True, given.get("action", "")
        elif self._inside:
            self._take(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False

    def _take(self, tag: str, given: dict[str, str]) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "input" and name and given.get("type", "text") not in ("checkbox", "radio"):
            self.values[name] = value
        elif tag == "select":
            self._select = name
        elif tag == "option" and (self._select not in self.values or "selected" in given):
            self.values[self._select] = value
        elif tag == "button" and not self._pressed:
            self._pressed = True
            if name:
                self.values[name] = value


class Browser:
    """One browser window with its cookies."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "text/html"

    def approve(self, url: str) -> requests.Response:
        """Open `url`, agree to every page with a form, answer the page where there is none."""
        page = self._session.get(url, timeout=TIMEOUT)
        for _ in range(PAGES):
            form = _Form()
            form.feed(page.text)
            if not form.found or not page.ok:
                break
            target = urljoin(page.url, form.action)
            page = self._session.post(target, data=form.values, timeout=TIMEOUT)
        return page
