"""The guard itself: this machine is reachable, nothing else is."""

import http.server
import socket
import subprocess
import sys
import threading

import pytest
import requests

from tests import loopback

# Reserved for documentation: nobody answers there, should the guard ever fail.
OUTSIDE = [("192.0.2.1", 80), ("198.51.100.7", 443), ("2001:db8::1", 80)]


@pytest.fixture(autouse=True)
def forgive():
    yield
    loopback.refused.clear()


@pytest.mark.parametrize("address", OUTSIDE)
@pytest.mark.parametrize("way", ["connect", "connect_ex"])
def test_an_address_outside_is_refused_by_name(address, way):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as plug, pytest.raises(loopback.OutsideTraffic, match=address[0]):
        getattr(plug, way)(address)

    assert loopback.refused == [str(address)]


def test_a_datagram_outside_is_refused():
    plug = socket.socket(type=socket.SOCK_DGRAM)
    with plug, pytest.raises(loopback.OutsideTraffic):
        plug.sendto(b"x", ("192.0.2.1", 53))


def test_a_name_outside_is_not_even_looked_up():
    with pytest.raises(loopback.OutsideTraffic, match=r"api\.example\.com"):
        requests.get("http://api.example.com/", timeout=5)


def test_a_name_under_invalid_is_unknown_as_on_any_machine():
    with pytest.raises(requests.ConnectionError):
        requests.get("http://nowhere.invalid/", timeout=5)

    assert loopback.refused == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9"])
def test_this_machine_answers(host):
    server = http.server.ThreadingHTTPServer(("", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        answer = requests.get(f"http://{host}:{server.server_port}/", timeout=5)
    finally:
        server.shutdown()
        server.server_close()

    assert answer.status_code == 501


HIDING = """
import socket

def test_it():
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except Exception:
        pass
"""


def test_a_swallowed_refusal_fails_the_test_all_the_same(tmp_path, repository):
    (tmp_path / "test_hiding.py").write_text(HIDING)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.loopback", str(tmp_path)]
    done = subprocess.run(command, cwd=repository, text=True, capture_output=True, check=False)

    assert done.returncode == 1
    assert "the test tried to reach ('192.0.2.1', 80)" in done.stdout
