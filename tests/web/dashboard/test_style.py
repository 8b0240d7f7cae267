"""The style sheet and the templates know the same classes, and pages say where they are."""

import re
from pathlib import Path

import pytest

import kable_hub.web
from kable_hub.web.dashboard.words import STATES

WEB = Path(kable_hub.web.__file__).parent
TEMPLATES = sorted((WEB / "templates" / "dashboard").rglob("*.html"))
SHEET = re.sub(r"/\*.*?\*/", "", (WEB / "static" / "dashboard.css").read_text(), flags=re.S)
PICO = {"secondary", "outline"}
"""Classes whose rules are Pico's."""

MADE = {
    *(one.tone for one in STATES.values()),
    *("env-live", "env-test", "delivered", "queued", "failed", "rejected"),
}
"""Classes that a template puts together."""

BARE = {"open", "provider"}
"""Classes that only name a thing; no rule is meant for them."""

_ATTRIBUTE = re.compile(r'class="((?:\{\{.*?\}\}|\{%.*?%\}|[^"])*)"')
_CODE = re.compile(r"\{\{(.*?)\}\}|\{%.*?%\}")


def classes_of(template: str) -> set[str]:
    """The classes of a template, those in the texts of its expressions included."""
    found: set[str] = set()
    for written in _ATTRIBUTE.findall(template):
        texts = [_CODE.sub(" ", written)]
        for code in _CODE.findall(written):
            chosen = re.split(r"\bif\b", code)[0] + code.partition(" else ")[2]
            texts += re.findall(r"'([^']*)'", chosen)
        found |= {name for text in texts for name in text.split()}
    return {name for name in found if re.fullmatch(r"[a-z][a-z-]*[a-z]", name)} - {"env-"}


USED = {name for path in TEMPLATES for name in classes_of(path.read_text())}
RULED = set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"\{[^{}]*\}", "{}", SHEET)))


def test_every_class_of_a_template_has_a_rule():
    assert len(USED) > 60
    assert not USED - RULED - PICO - BARE - MADE


def test_every_class_with_a_rule_is_used():
    assert not RULED - USED - MADE


def test_every_exception_is_one():
    assert not BARE & RULED
    assert USED >= BARE | PICO


@pytest.mark.parametrize("env", ["live", "test"])
def test_a_page_says_its_environment_in_the_tab_and_over_the_page(people, env):
    page = people.member.page(f"/a/{people.site.account}/{env}/settings/keys/")
    other = {"live": "test", "test": "live"}[env]
    assert f"<title>{env.capitalize()} · Settings · Kable Hub</title>" in page
    assert f'<body class="env-{env}"' in page
    assert f"icon-{env}.svg" in page
    assert f"<strong>{env.capitalize()}</strong>" in page
    assert f"icon-{other}.svg" not in page
    assert people.member.get(f"/static/icon-{env}.svg").mimetype == "image/svg+xml"


def test_the_navigation_marks_the_section_and_the_tab_of_the_page(member):
    page = member.page("settings/keys/")
    marked = re.findall(r'href="([^"]+)"[^>]* aria-current="page"', page)
    assert marked == [member.at("settings/"), member.at("settings/keys/")]
    home = member.home.removesuffix("test")
    assert f'class="live" href="{home}live/settings/">Live' in page
