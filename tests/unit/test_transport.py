"""One request over a real socket: once, whole, or an error that says what is known."""

import datetime as dt
import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kable_hub import Call, ContractViolation, OutcomeUnknown, Transient, transport

OK = b"HTTP/1.1 200 OK\r\nRequest-Id: req_1\r\nContent-Length: 2\r\n\r\n{}"
SECRET = "token-canary-1"


class Server:
    """Answers each request with the next of `answers`; None closes the connection instead."""

    def __init__(self, answers: list[bytes | None], wrap: ssl.SSLContext | None = None) -> None:
        self.answers, self.wrap = answers, wrap
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.wrap else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
                self.connections += 1
                taken = self.wrap.wrap_socket(plain, server_side=True) if self.wrap else plain
            except ssl.SSLError:
                continue
            except OSError:
                return
            with taken:
                self._serve(taken)
            self.closed.set()

    def _serve(self, taken: socket.socket) -> None:
        while self.answers:
            heard = b""
            while b"\r\n\r\n" not in heard:
                some = taken.recv(65536)
                if not some:
                    return
                heard += some
            head, _, body = heard.partition(b"\r\n\r\n")
            size = next((int(one[15:]) for one in head.split(b"\r\n") if one[:15] == LENGTH), 0)
            while len(body) < size:
                body += taken.recv(65536)
            self.requests.append(head + b"\r\n\r\n" + body)
            answer = self.answers.pop(0)
            if answer is None:
                return
            taken.sendall(answer)


LENGTH = b"Content-Length:"


@contextmanager
def serving(*answers: bytes | None, wrap: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(list(answers), wrap)
    with closing(server.listener):
        yield server


def ask(server: Server, method: str = "POST", path: str = "/x?a=1", **more: object) -> Call:
    call = Call("things.create", method != "GET", (0.5, 0.5))
    given = {"to": "Acme", "headers": {"Authorization": f"Bearer {SECRET}"}, **more}
    transport.send(call, method, server.url + path, **given)
    return call


def test_a_request_goes_out_as_it_was_given_and_the_gate_hears_of_the_answer() -> None:
    with serving(OK) as server:
        call = ask(server, body="name=é")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /x?a=1 HTTP/1.1"
    assert f"Authorization: Bearer {SECRET}".encode() in lines
    assert body == "name=é".encode()
    assert (call.http_status, call.request_id) == (200, "req_1")


def test_an_answer_is_whole_and_its_headers_are_found_in_any_case() -> None:
    packed = gzip.compress(b'{"total": 1.10}')
    head = f"HTTP/1.1 402 No\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n"
    with serving(f"{head}RETRY-after: 7\r\nX-Id: x1\r\n\r\n".encode() + packed) as server:
        call = Call("things.get", writes=False)
        answer = transport.send(call, "GET", server.url, to="A", headers={}, request_id="X-Id")
    assert (answer.status, answer.request_id) == (402, "x1")
    assert (answer.header("Retry-After"), str(answer.json()["total"])) == ("7", "1.10")
    assert "total" in answer.text
    assert "total" not in repr(answer)


def test_a_connection_is_kept_for_the_next_request() -> None:
    with serving(OK, OK, OK) as server:
        for _ in range(3):
            ask(server)
    assert (len(server.requests), server.connections) == (3, 1)


def test_a_connection_that_the_server_closed_is_replaced_before_anything_is_written() -> None:
    with serving(OK, None) as server:
        ask(server)
        server.answers.clear()
        with socket.create_connection(("127.0.0.1", server.port)):
            pass
        # The server ends the connection that stays open between the two requests.
        transport._wires()[("http", "127.0.0.1", server.port)].sock.shutdown(socket.SHUT_WR)
        assert server.closed.wait(60)
        server.answers[:] = [OK]
        ask(server)
    assert (len(server.requests), server.answers) == (2, [])


def test_a_write_on_a_kept_connection_that_breaks_is_not_sent_again() -> None:
    with serving(OK, None, OK) as server:
        ask(server)
        with pytest.raises(OutcomeUnknown) as caught:
            ask(server)
        assert len(server.requests) == 2
        ask(server)
    assert caught.value.code == "no_answer"
    assert len(server.requests) == 3


def test_a_late_word_is_never_taken_for_the_answer_to_the_next_request() -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    late = OK.replace(b"req_1", b"req_0")
    with serving(hint + late, OK + late, OK) as server:
        with pytest.raises(OutcomeUnknown):
            ask(server)
        assert ask(server).request_id == "req_1"
        assert ask(server).request_id == "req_1"
    assert len(server.requests) == 3


SPOILT = [
    None,
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n"
    + gzip.compress(b"{}", mtime=0)[:10],
    b"hello\r\n\r\n",
]


@pytest.mark.parametrize("answer", SPOILT)
@pytest.mark.parametrize(
    ("method", "more", "kind"),
    [
        ("POST", {}, OutcomeUnknown),
        ("GET", {}, Transient),
        ("GET", {"ambiguous": True}, OutcomeUnknown),
    ],
)
def test_half_an_answer_is_none(answer, method, more, kind) -> None:
    with serving(answer) as server, pytest.raises(kind) as caught:
        ask(server, method, **more)
    assert caught.value.code == "no_answer"


def test_an_answer_that_does_not_come_in_time_proves_nothing() -> None:
    with serving(b"", OK) as server, pytest.raises(OutcomeUnknown):
        ask(server)


def refused() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        return f"http://127.0.0.1:{one.getsockname()[1]}/{SECRET}"


def full() -> Iterator[str]:
    """A port whose queue is full: a connection is never opened."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    for one in (*waiting, listener):
        one.close()


def told(url: str) -> Transient:
    call = Call("things.create", True, (0.2, 0.2))
    with pytest.raises(Transient) as caught:
        transport.send(call, "POST", url, to="Acme", headers={}, body="{}")
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value


def test_a_request_that_never_left_did_nothing() -> None:
    places: list[Callable[[], str]] = [refused, lambda: next(full())]
    assert [told(place()).code for place in places] == ["unreachable"] * 2
    assert told("http://no host.localhost/").code == "unreachable"


def test_an_address_that_is_none_is_named_without_being_shown() -> None:
    for url in (f"ftp://x/{SECRET}", f"http:///{SECRET}", f"http://x:port/{SECRET}", "nothing"):
        call = Call("things.create", True)
        with pytest.raises(ContractViolation) as caught:
            transport.send(call, "POST", url, to="Acme", headers={})
        assert SECRET not in str(caught.value)


def test_a_header_that_would_split_the_request_reaches_nobody() -> None:
    with serving(OK) as server:
        with pytest.raises(ValueError, match="Invalid header"):
            ask(server, headers={"X": "a\r\nY: b"})
        ask(server)
    assert len(server.requests) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.mark.parametrize("trusted", [False, True])
def test_a_certificate_that_nobody_vouches_for_is_never_spoken_to(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if trusted:
        monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    transport.trusted.cache_clear()
    with serving(OK, OK, wrap=context) as server:
        if trusted:
            ask(server)
            ask(server)
        else:
            with pytest.raises(Transient) as caught:
                ask(server)
            assert caught.value.code == "unreachable"
    transport.trusted.cache_clear()
    assert (len(server.requests), server.connections) == ((2, 1) if trusted else (0, 1))


def test_only_so_many_connections_are_kept() -> None:
    servers = [Server([OK, OK]) for _ in range(transport.KEPT + 1)]
    for server in servers:
        ask(server)
    assert len(transport._wires()) == transport.KEPT
    ask(servers[0])
    assert servers[0].connections == 2
    for server in servers:
        server.listener.close()


def test_each_thread_has_connections_of_its_own() -> None:
    with serving(OK, OK) as server:
        ask(server)
        threading.Thread(target=ask, args=(server,)).start()
        # The server speaks on one connection at a time: the first has to end for the second.
        transport._wires().popitem()[1].close()
        assert server.closed.wait(60)
        while len(server.requests) < 2:
            server.closed.wait(0.01)
    assert server.connections == 2
