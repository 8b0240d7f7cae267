"""A person's browser: follows redirects, keeps cookies, approves what it is asked."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

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
    """One browser window with its cookies. `HEADER` marks its requests."""

    HEADER = "x-opened-by-a-person"

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"Accept": "text/html", self.HEADER: "1"})

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

    def consent(self, url: str, callback: str) -> dict[str, str]:
        """Open `url`, agree to every page, and answer what the way back to `callback` carries,
        without opening it."""
        method, form = "GET", dict[str, str]()
        for _ in range(PAGES):
            page = self._session.request(
                method, url, data=form, timeout=TIMEOUT, allow_redirects=False
            )
            if page.is_redirect:
                method, form, url = "GET", {}, urljoin(url, page.headers["Location"])
                if url.startswith(callback):
                    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
                continue
            asked = _Form()
            asked.feed(page.text)
            if not asked.found:
                break
            method, form, url = "POST", asked.values, urljoin(url, asked.action)
        raise AssertionError(f"The provider's pages did not lead back to {callback}.")
