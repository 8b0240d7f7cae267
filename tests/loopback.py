"""No test talks to anything but this machine: an attempt fails the test and names the address."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

refused: list[str] = []
"""Addresses refused since the last test; a broad `except` in the code under test hides none."""


class OutsideTraffic(AssertionError):
    """Something tried to leave this machine."""


def is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in ("", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_unspecified


def refuse(address: object) -> None:
    refused.append(str(address))
    raise OutsideTraffic(f"a test tried to reach {address}; tests may use loopback only")


def check(connection: socket.socket, address: Any) -> None:
    if connection.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
        refuse(address)


def connect(connection: socket.socket, address: Any) -> None:
    check(connection, address)
    REAL["connect"](connection, address)


def connect_ex(connection: socket.socket, address: Any) -> Any:
    check(connection, address)
    return REAL["connect_ex"](connection, address)


def sendto(connection: socket.socket, data: Any, *rest: Any) -> Any:
    check(connection, rest[-1])
    return REAL["sendto"](connection, data, *rest)


GUARDED = {"connect": connect, "connect_ex": connect_ex, "sendto": sendto}
REAL = {name: getattr(socket.socket, name) for name in GUARDED}


def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
    """Look up numbers and local names only; a name under `.invalid` is unknown, as reserved."""
    if str(host).endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is not known")
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        if not is_local(host):
            refuse(host)
    return real_lookup(host, *args, **kwargs)


real_lookup = socket.getaddrinfo


@pytest.fixture(autouse=True, scope="session")
def loopback_guard() -> Iterator[None]:
    """Stand between every socket of this process and the network."""
    with pytest.MonkeyPatch.context() as patch:
        for name, guarded in GUARDED.items():
            patch.setattr(socket.socket, name, guarded)
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Fail a test that tried to leave the machine, also when the code under test hid it."""
    refused.clear()
    yield
    if refused:
        attempts = ", ".join(refused)
        refused.clear()
        pytest.fail(f"the test tried to reach {attempts}; tests may use loopback only")
