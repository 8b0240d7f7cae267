import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from flask import jsonify, request

from kable_hub.clock import ManualClock
from kable_hub.testing import Fault, Simulator, builders, observing


class Counter(Simulator):
    """A provider whose only state is how often it was counted up."""

    def __init__(self, **options):
        self.count = 0
        super().__init__(**options)

    def routes(self, app):
        @app.post("/count")
        def count():
            before = self.count
            time.sleep(0.001)
            self.count = before + 1
            return jsonify(count=self.count, sent=request.get_json(silent=True)), 201

        @app.get("/count")
        def read():
            return jsonify(count=self.count)


@pytest.fixture
def counter():
    with Counter() as simulator:
        yield simulator


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def post(http, simulator, **options):
    return http.post(f"{simulator.url}/count", timeout=60, **options)


def test_a_request_is_executed_and_stands_in_the_log(counter, http):
    answer = post(http, counter, json={"a": 1}, params={"q": "1"}, headers={"X-Key": "k"})
    assert (answer.status_code, answer.json()["sent"]) == (201, {"a": 1})
    (seen,) = counter.requests
    assert (seen.method, seen.path, seen.query, seen.status) == ("POST", "/count", {"q": "1"}, 201)
    assert seen.body == b'{"a": 1}'
    assert seen.executed
    assert (seen.header("x-key"), seen.header("x-none")) == ("k", "")


def test_it_listens_on_loopback_alone(counter):
    assert counter.url.startswith("http://127.0.0.1:")
    assert not counter.url.endswith("/")


def test_a_fault_before_answers_without_executing(counter, http):
    counter.fault(Fault(status=503, body="away", headers={"Retry-After": "2"}))
    answer = post(http, counter)
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (503, "away", "2")
    assert counter.count == 0
    assert not counter.requests[0].executed


def test_a_fault_after_executes_and_spoils_the_answer(counter, http):
    counter.fault(Fault(stage="after", status=500, body="oops"))
    assert post(http, counter).status_code == 500
    assert counter.count == 1
    assert counter.requests[0].executed


@pytest.mark.parametrize(("stage", "count"), [("before", 0), ("after", 1)])
def test_a_reset_cuts_the_connection_before_or_after_the_state_changed(counter, http, stage, count):
    counter.fault(Fault(stage=stage, reset=True))
    with pytest.raises(requests.ConnectionError):
        post(http, counter)
    assert counter.count == count
    assert (counter.requests[0].status, counter.requests[0].executed) == (0, count == 1)
    assert post(http, counter).status_code == 201


def test_a_truncated_answer_promises_more_than_it_brings(counter, http):
    counter.fault(Fault(stage="after", truncate=5))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        post(http, counter)
    assert counter.count == 1


def test_a_delay_lets_the_client_time_out_while_the_state_changes(counter, http):
    counter.fault(Fault(stage="after", delay=0.5))
    with pytest.raises(requests.Timeout):
        http.post(f"{counter.url}/count", timeout=0.1)
    deadline = time.monotonic() + 60
    while counter.count == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert counter.count == 1


def test_a_delay_after_the_work_keeps_only_the_answer_waiting(counter, http):
    counter.fault(Fault(stage="after", delay=60))
    with pytest.raises(requests.Timeout):
        http.post(f"{counter.url}/count", timeout=0.2)
    assert counter.count == 1


@pytest.mark.parametrize(("stage", "count"), [("before", 0), ("after", 1)])
def test_a_request_that_hangs_is_never_answered_and_ends_with_whoever_asked(
    counter, http, stage, count
):
    busy = threading.active_count()
    counter.fault(Fault(stage=stage, hang=True))
    with pytest.raises(requests.Timeout):
        http.post(f"{counter.url}/count", timeout=0.2)
    assert (counter.count, counter.requests[0].status) == (count, 0)
    http.close()
    deadline = time.monotonic() + 60
    while threading.active_count() > busy and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= busy


def test_a_request_executed_late_comes_when_the_simulator_s_clock_says_so(http):
    clock = ManualClock(builders.NOW)
    with Counter(clock=clock) as simulator:
        simulator.fault(Fault(method="POST", late=30))
        with pytest.raises(requests.ConnectionError):
            post(http, simulator, json={"a": 1})
        assert [one.executed for one in simulator.requests] == [False]
        clock.advance(29)
        assert http.get(f"{simulator.url}/count", timeout=60).json() == {"count": 0}
        clock.advance(1)
        assert http.get(f"{simulator.url}/count", timeout=60).json() == {"count": 1}
        simulator.fault(Fault(late=5))
        with pytest.raises(requests.ConnectionError):
            post(http, simulator)
        simulator.clear_faults()
        clock.advance(5)
        assert (simulator.catch_up(), simulator.count, simulator.catch_up()) == (1, 2, 0)


@pytest.mark.parametrize(("stage", "count"), [("before", 0), ("after", 1)])
def test_a_provider_that_goes_down_is_there_again_once_it_is_started(counter, http, stage, count):
    counter.fault(Fault(stage=stage, down=True))
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            post(http, counter)
    assert (counter.count, len(counter.requests)) == (count, 1)
    counter.start()
    assert post(http, counter).json()["count"] == count + 1


def test_trouble_is_asked_at_each_request_that_no_fault_is_meant_for(counter, http):
    asked = []

    def choose(request):
        asked.append(request.path)
        return Fault(status=502) if len(asked) == 2 else None

    counter.trouble(choose)
    counter.fault(Fault(status=500))
    assert [post(http, counter).status_code for _ in range(4)] == [500, 201, 502, 201]
    counter.clear_faults()
    post(http, counter)
    assert asked == ["/count"] * 3


def test_a_fault_lets_some_pass_strikes_some_and_is_gone(counter, http):
    counter.fault(Fault(status=500, skip=1, times=2))
    assert [post(http, counter).status_code for _ in range(5)] == [201, 500, 500, 201, 201]


def test_a_fault_strikes_only_the_path_and_the_method_that_it_names(counter, http):
    counter.fault(Fault(path="/other", status=500), Fault(method="GET", status=502))
    assert post(http, counter).status_code == 201
    assert http.get(f"{counter.url}/count", timeout=60).status_code == 502


def test_of_two_faults_that_match_the_first_added_strikes_first(counter, http):
    counter.fault(Fault(status=500), Fault(status=502))
    assert [post(http, counter).status_code for _ in range(3)] == [500, 502, 201]


def test_cleared_faults_do_not_strike(counter, http):
    counter.fault(Fault(status=500, times=9))
    counter.clear_faults()
    assert post(http, counter).status_code == 201


def test_views_run_one_at_a_time(counter):
    def once(_):
        with requests.Session() as session:
            session.trust_env = False
            return post(session, counter).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(once, range(40))) == {201}
    assert counter.count == 40


def test_the_log_is_filtered_by_method_and_path_and_can_be_switched_off(counter, http):
    post(http, counter)
    http.get(f"{counter.url}/count", timeout=60)
    assert [one.method for one in counter.seen(path="/count")] == ["POST", "GET"]
    assert len(counter.seen("POST", "^/count$")) == 1
    assert counter.seen("DELETE") == []
    counter.keep_log = False
    post(http, counter)
    assert len(counter.requests) == 2


def test_the_log_tells_the_simulator_s_own_time(http):
    with Counter(clock=ManualClock(builders.NOW)) as simulator:
        post(http, simulator)
    assert simulator.requests[0].at == builders.NOW.timestamp()


def test_state_and_port_survive_a_restart_and_nothing_answers_in_between(counter, http):
    post(http, counter)
    address = counter.url
    counter.stop()
    counter.stop()
    with pytest.raises(requests.ConnectionError):
        post(http, counter)
    counter.start()
    assert counter.url == address
    assert post(http, counter).json()["count"] == 2


def test_stopping_cuts_a_connection_that_a_client_keeps_open(counter, http):
    post(http, counter)
    counter.stop()
    with pytest.raises(requests.ConnectionError):
        post(http, counter)


def test_latency_is_added_to_each_request(http):
    with Counter(latency=0.1) as simulator:
        began = time.monotonic()
        post(http, simulator)
        assert time.monotonic() - began >= 0.1


def test_two_simulators_share_nothing(counter, http):
    with Counter() as other:
        counter.fault(Fault(status=500))
        assert post(http, other).status_code == 201
        assert (counter.count, other.count, counter.requests) == (0, 1, [])


def test_no_thread_listens_on_after_stop():
    simulator = Counter().start()
    busy = threading.active_count()
    simulator.stop()
    deadline = time.monotonic() + 60
    while threading.active_count() >= busy and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() < busy


def test_an_observer_sees_every_request_with_its_answer_while_it_looks(counter, http):
    seen = []

    def look(simulator, asked, answer):
        seen.append((simulator, asked.path, asked.get_data(), answer.status_code))

    with observing(look):
        post(http, counter, data=b"one")
        counter.fault(Fault(status=503))
        post(http, counter, data=b"two")
    post(http, counter, data=b"three")
    assert seen == [(counter, "/count", b"one", 201), (counter, "/count", b"two", 503)]


def test_a_client_that_dies_in_the_middle_of_its_request_is_no_failure(counter, http, capfd):
    port = int(counter.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(b"POST /count HTTP/1.1\r\nHost: acme\r\nContent-Length: 50\r\n\r\n{")
    assert http.get(f"{counter.url}/count").json() == {"count": 0}
    counter.stop()
    assert "Traceback" not in capfd.readouterr().err
