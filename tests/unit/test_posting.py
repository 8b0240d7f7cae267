"""One POST: judged by the head of its answer, bounded in time, whatever the other side does."""

import socket
import ssl
import threading

import pytest

from kable_hub.clock import SystemClock
from kable_hub.sync import posting
from kable_hub.sync.posting import Answered, post
from tests.receiver import receiver, says

DATE = b"Retry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\n"


def send(url, clock=None):
    return post(url, {"webhook-id": "evt_1"}, '{"a":"é"}', clock or SystemClock(), private=True)


def test_the_body_arrives_as_it_is_and_only_the_status_counts():
    with receiver() as there:
        assert send(there.url) == Answered(204)
        one = there.heard[0]
    assert one.body == '{"a":"é"}'.encode()
    assert one.headers["content-type"] == "application/json"
    assert one.headers["host"] == there.url.split("/")[2]
    assert one.id == "evt_1"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", Answered(200)),
        (b"HTTP/1.0 200\r\n\r\n", Answered(200)),
        (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 201 Made\r\n\r\n", Answered(201)),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", Answered(302)),
        (b"HTTP/1.1 503 No\r\nRetry-After: 120\r\n\r\n", Answered(503, retry_after=120)),
        (b"HTTP/1.1 503 No\r\nRetry-After: soon\r\n\r\n", Answered(503)),
        (b"220 mail.example ESMTP\r\n\r\n", Answered(error="the answer is not HTTP")),
        (b"x" * 70_000, Answered(error="the answer is not HTTP")),
        (b"HTTP/1.1 200", Answered(error="the connection broke before the answer")),
        (b"", Answered(error="the connection broke before the answer")),
    ],
)
def test_an_answer_is_judged_by_its_head_alone(answer, expected):
    with says(answer) as url:
        assert send(url) == expected


def test_a_wish_for_time_may_be_a_date():
    with says(b"HTTP/1.1 429 Wait\r\n" + DATE + b"\r\n") as url:
        assert (send(url).retry_after or 0) > 10**9


def test_a_receiver_that_dribbles_its_answer_is_left_in_time(monkeypatch):
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 0.3)
    listening = socket.create_server(("127.0.0.1", 0))
    left = threading.Event()

    def dribble():
        wire, _ = listening.accept()
        with wire:
            wire.recv(65_536)
            try:
                while not left.wait(0.05):
                    wire.sendall(b"H")
            except OSError:
                pass

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        answered = send(f"http://127.0.0.1:{listening.getsockname()[1]}/")
    finally:
        left.set()
        thread.join()
        listening.close()
    assert answered.status is None
    assert answered.error.startswith("no answer within")


def test_who_is_not_there_is_told_as_that():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/").error == "could not be reached"
    assert send("http://nowhere.invalid/").error == "could not be reached"


def test_what_does_not_speak_tls_is_not_spoken_to():
    with says(b"HTTP/1.1 200 OK\r\n\r\n") as url:
        answered = send(url.replace("http:", "https:"))
    assert answered.error == "the certificate or the encryption is not accepted"
    assert issubclass(ssl.SSLCertVerificationError, ssl.SSLError)


def test_a_private_address_is_not_called():
    with receiver() as there:
        answered = post(there.url, {}, "{}", SystemClock(), private=False)
        assert there.heard == []
    assert answered.error == "not sent: the address is not on the public internet"
