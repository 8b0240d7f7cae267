"""Addresses to come back to: what an open redirect would need is refused."""

from collections.abc import Sequence

import pytest

from kable_hub.domain import Environment
from kable_hub.usecases.addresses import address_fault, check_hosts
from kable_hub.usecases.checks import Checks

TEST, LIVE = Environment.TEST, Environment.LIVE
ALLOWED = [
    "shop.example",
    "shop.example:8443",
    "*.shops.example",
    "[::1]:9000",
    "xn--bcher-kva.example",
]


def code(url: str, hosts: Sequence[str] = ALLOWED, environment: Environment = TEST) -> str:
    """What stands against an address, in a word."""
    fault = address_fault(url, environment, hosts)
    return fault[0] if fault else ""


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/thanks?a=b#c",
        "HTTPS://Shop.Example:443",
        "http://shop.example/plain",
        "https://shop.example:8443/",
        "https://one.shops.example/",
        "https://two.one.shops.example/",
        "https://[::1]:9000/",
        "https://xn--bcher-kva.example/",
        "https://shop.example?to=https://evil.example",
    ],
)
def test_an_address_at_a_listed_host_is_taken(url: str):
    assert code(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        "https://shop.example:444/",
        "http://shop.example:443/",
        "https://shops.example/",
        "https://evil.example#@shop.example/",
        "https://evil.example?@shop.example/",
        "https://evil.example/shop.example",
        "https://2130706433/",
    ],
)
def test_an_address_anywhere_else_is_refused(url: str):
    assert code(url, []) == ""
    assert code(url) == "host_not_allowed"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example@evil.example/",
        "https://shop.example:pw@evil.example/",
        "https://evil.example\\@shop.example/",
        "https:\\\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "//evil.example/",
        "https://",
        "https://:443/",
        "https://shop.example:/x y",
        "https://shop.example:99999/",
        "https://shop.example:0/",
        "https://shop.example./",
        "https://shop..example/",
        "https://shop%2eexample/",
        "https://sho\tp.example/",
        "https://shop.example/\n",
        "https://sh\N{CYRILLIC SMALL LETTER O}p.example/",
        "https://shop\N{FULLWIDTH FULL STOP}example/",
        "https://\N{KELVIN SIGN}.example/",
        "https://[shop.example/",
        "javascript:alert(1)//shop.example",
        "data:text/html,shop.example",
        "https://shop.example/" + "x" * 2000,
        " https://shop.example/",
    ],
)
def test_what_browsers_might_read_differently_is_refused_even_without_a_list(url: str):
    assert code(url, []) == code(url) == "bad_url"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "*",
        "*.example",
        "*.*.example",
        "https://shop.example",
        "shop.example/",
        "user@shop.example",
        "shop.example:0",
        "shop.example:99999",
        "shop..example",
        "-shop.example",
        "\N{KELVIN SIGN}.example",
        "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example",
    ],
)
def test_a_host_that_is_none_is_named_by_its_place(host: str):
    checks = Checks()
    check_hosts(checks, "returnHosts", ["shop.example", host])
    assert [(one.field, one.code) for one in checks.errors] == [("returnHosts.1", "bad_host")]


def test_live_takes_https_alone():
    assert code("http://shop.example/", [], LIVE) == "bad_url"
    assert code("https://shop.example/", [], LIVE) == ""
