"""Where the hub may be told to send, by name and by what a name resolves to."""

import pytest

from kable_hub.sync import reach
from kable_hub.sync.reach import Refused

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "::1",
    "[::1]",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "localhost",
    "LOCALHOST",
    "api.localhost",
    "localhost.",
    "metadata.google.internal",
    "printer.local",
    "router.home.arpa",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_what_only_the_hub_could_reach_is_refused_as_it_is_written(host):
    assert reach.name_fault(host)


@pytest.mark.parametrize(
    "host", ["shop.example", "8.8.8.8", "2606:4700::1111", "localhost.example", "internal.example"]
)
def test_public_names_and_addresses_are_let_in(host):
    assert reach.name_fault(host) == ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "169.254.169.254", "::1", "10.1.1.1"])
def test_what_a_name_resolves_to_is_judged_again(host):
    with pytest.raises(Refused):
        reach.places(host, 80, private=False)
    assert reach.places(host, 80, private=True)


def test_a_public_address_is_called_as_it_was_checked():
    assert [place[1:] for place in reach.places("8.8.8.8", 443, private=False)] == [
        ("8.8.8.8", 443)
    ]


@pytest.mark.parametrize(
    ("host", "mine"),
    [("localhost", True), ("127.3.2.1", True), ("[::1]", True), ("10.0.0.1", False)],
)
def test_this_machine_is_known_by_its_addresses(host, mine):
    assert reach.is_loopback(host) is mine
