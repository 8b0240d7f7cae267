"""No secret reaches a log line, whoever writes it and in whatever form."""

import io
import json
import logging

import pytest
import structlog

from kable_hub import logs
from kable_hub.settings import Settings

CANARY = "canary-4f9d2c7ab1"


@pytest.fixture(params=["console", "json"])
def lines(request, tmp_path):
    stream = io.StringIO()
    environ = {
        "KABLE_DATA_DIR": str(tmp_path),
        "KABLE_LOG_FORMAT": request.param,
        "KABLE_ACME_TEST_SECRET_KEY": CANARY,
    }
    logs.configure(Settings.load(environ), stream)
    return stream


@pytest.mark.parametrize(
    "text",
    [
        f"the plugin said {CANARY}",
        "sent Authorization: Bearer abcdef123456",
        "key sk_test_51CanaryCanaryCanary refused",
        "signing with whsec_CanaryCanaryCanary",
        "token eyJhbGciOi.eyJzdWIiOiJ.c2lnbmF0dXJl refused",
        "GET /connect/acme/callback?code=canarycode&state=canarystate",
        "cannot reach postgresql://hub:canarypassword@db/hub",
        'answered {"access_token": "canarytoken"}',
    ],
)
def test_secrets_in_the_text_of_a_message_are_hidden(lines, text):
    logging.getLogger("plugin").warning(text)
    structlog.get_logger("hub").warning(text)
    written = lines.getvalue()
    assert written.count(logs.HIDDEN) >= 2
    for part in ("canary", "Canary", "abcdef123456", "eyJhbGciOi"):
        assert part not in written


def test_secrets_in_fields_are_hidden_by_the_name_of_the_field(lines):
    structlog.get_logger("hub").info("called", access_token="plain", headers={"Cookie": "plain"})
    assert "plain" not in lines.getvalue()


def test_a_traceback_shows_no_local_variables_and_no_secret(lines):
    def broken(anything):
        raise ValueError(f"cannot read {anything}")

    try:
        broken(CANARY)
    except ValueError:
        structlog.get_logger("hub").exception("failed", why="a test")
        logging.getLogger("plugin").exception("failed")
    written = lines.getvalue()
    assert "ValueError" in written
    assert CANARY not in written
    assert "locals" not in written


def test_lines_of_plain_logging_carry_the_context_and_the_same_form(tmp_path):
    stream = io.StringIO()
    environ = {"KABLE_DATA_DIR": str(tmp_path), "KABLE_LOG_FORMAT": "json"}
    logs.configure(Settings.load(environ), stream)
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        logging.getLogger("plugin").warning("hello %s", "you")
    line = json.loads(stream.getvalue())
    assert line["event"] == "hello you"
    assert line["request_id"] == "req_1"
    assert line["logger"] == "plugin"
    assert line["level"] == "warning"
    assert line["timestamp"].endswith("+00:00")


def test_ordinary_words_are_left_alone():
    text = "pushed invoice inv_01JD3X to con_01JD3Y: code 200, state delivered"
    assert logs.Redaction([CANARY]).text(text) == text


def test_a_library_that_begins_anew_by_itself_is_told_of_in_one_line(lines):
    gone = OSError("the server hung up")
    for name in ("procrastinate.worker", "plugin"):
        try:
            raise gone
        except OSError:
            logging.getLogger(name).exception("it failed:\n%s", name)
    logging.getLogger("procrastinate").info("a job began")
    written = lines.getvalue()
    assert "it failed: procrastinate.worker" in written
    assert "a job began" not in written
    assert written.count("hung up") == 1
