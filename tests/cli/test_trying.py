import signal

import pytest
import requests

from kable_hub.demo import simulators
from kable_hub.demo.stage import free_port


def test_every_plugin_of_the_repository_brings_a_simulator(cli):
    from tests.architecture.tree import entry_points

    assert set(simulators.names()) >= entry_points().keys()


@pytest.mark.parametrize("name", simulators.names())
def test_a_simulator_runs_until_it_is_interrupted_and_tells_where(cli, name):
    port = free_port(0)
    process = cli.start("simulate", name, "--port", str(port), PYTHONUNBUFFERED="1")
    try:
        assert process.stdout.readline() == f"# {name} listens at http://127.0.0.1:{port}\n"
        assert process.stdout.readline().startswith(f"export KABLE_{name.upper()}_")
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 404
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_a_simulator_nobody_installed_is_told_with_those_that_are_there(cli):
    done = cli("simulate", "nobody")
    assert done.code == 1
    assert done.err.startswith("Error: There is no simulator 'nobody'; installed are: ")
    assert all(name in done.err for name in simulators.names())


def test_the_demo_tells_that_its_port_is_taken(cli):
    process = cli.start("simulate", simulators.names()[0], "--json", PYTHONUNBUFFERED="1")
    try:
        process.stdout.readline()
        url = process.stdout.readline()
        port = url.rpartition(":")[2].strip('",\n')
        done = cli.alone("demo", "--once", "--port", port)
        assert done.code == 1
        assert f"port {port}: Address already in use" in done.err
        assert "Traceback" not in done.err
    finally:
        process.kill()
        process.communicate()


def test_the_demo_stays_up_until_it_is_interrupted(cli):
    process = cli.start("demo", "--port", "0")
    try:
        said = ""
        while "Ctrl-C ends the demo" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        url = said.partition("API docs   ")[2].split()[0]
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(url, timeout=60).ok
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "Bye." in out
