from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest

from headrace.diagnostics import HeadraceError
from headrace.local import prefect_server as local
from headrace.local.process import stop


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def healthy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_server_named(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def tell_up(root, url):
    (root / ".headrace" / "run").mkdir(parents=True)
    (root / ".headrace" / "run" / "up.json").write_text(json.dumps({"pid": os.getpid(), "prefect": url}))


def test_the_environment_names_the_server(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api/")
    with local.server_for(tmp_path) as url:
        assert url == "http://prefect.example/api"


def test_the_server_of_a_running_up_is_used(tmp_path, healthy):
    tell_up(tmp_path, healthy)
    with local.server_for(tmp_path) as url:
        assert url == healthy


def test_an_up_that_is_starting_is_waited_for(tmp_path, healthy):
    folder = tmp_path / ".headrace" / "run"
    folder.mkdir(parents=True)
    (folder / "up.json").write_text(json.dumps({"pid": os.getpid(), "prefect": ""}))
    said: list[str] = []

    def say(text: str) -> None:  # what `up` does while somebody waits
        said.append(text)
        (folder / "up.json").write_text(json.dumps({"pid": os.getpid(), "prefect": healthy}))

    with local.server_for(tmp_path, say=say) as url:
        assert (healthy, ["`headrace up` is starting Prefect's server; waiting for it …"]) == (url, said)


def test_a_server_that_another_command_is_about_to_start_is_waited_for(tmp_path, healthy, monkeypatch):
    monkeypatch.setattr(local, "start_server", lambda *_: pytest.fail("it started a second one"))
    claimed = local.claim(tmp_path)
    said: list[str] = []

    def say(text: str) -> None:  # an `up` that comes first: it has no note yet, and then its server answers
        said.append(text)
        tell_up(tmp_path, healthy)

    with claimed, local.server_for(tmp_path, say=say) as url:
        assert (healthy, ["another command is starting Prefect's server; waiting for it …"]) == (url, said)


def test_a_server_that_never_comes_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "START", 0.0)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with local.claim(tmp_path), pytest.raises(HeadraceError, match="prefect-start"), local.server_for(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", '{"pid": 1e300, "prefect": ""}', '{"pid": 4194305, "prefect": ""}', '{"prefect": ""}'])
def test_an_up_that_is_none_is_not_waited_for(tmp_path, text):
    tell_up(tmp_path, "")
    (tmp_path / ".headrace" / "run" / "up.json").write_text(text)
    assert not local.starting(tmp_path)


def test_an_up_that_died_is_not_believed(tmp_path):
    tell_up(tmp_path, f"http://127.0.0.1:{local.free_port()}/api")
    assert local.running(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"prefect": 3}', '{"pid": 1, "prefect": 3}', '{"pid": true, "prefect": "http://x"}'])
def test_a_broken_note_of_up_is_not_believed(tmp_path, text):
    tell_up(tmp_path, "")
    (tmp_path / ".headrace" / "run" / "up.json").write_text(text)
    assert local.running(tmp_path) is None


@pytest.mark.slow
@pytest.mark.prefect
def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HeadraceError) as raised:
            local.start_server(tmp_path, taken.getsockname()[1])
    assert [d.id for d in raised.value.report] == ["prefect-start"]


@pytest.mark.slow
@pytest.mark.prefect
def test_a_server_and_its_worker_leave_no_process_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_PROFILE", "ephemeral")
    said: list[str] = []
    others = {child.pid for child in psutil.Process().children(recursive=True)}  # other tests' servers
    with local.server_for(tmp_path, worker=True, say=said.append) as url:
        assert local.answers(url)
        children = [child for child in psutil.Process().children(recursive=True) if child.pid not in others]
        assert {"server", "worker"} <= {word for child in children for word in child.cmdline()}
        servers = [child for child in children if "server" in child.cmdline()]
        assert {c.laddr.ip for child in servers for c in child.net_connections("tcp") if c.status == "LISTEN"} == {"127.0.0.1"}
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert not local.answers(url)
    assert len(said) == 1
    assert (tmp_path / ".headrace" / "prefect" / "prefect.db").exists()
    assert {path.name for path in (tmp_path / ".headrace" / "logs").iterdir()} == {"prefect-server.log", "prefect-worker.log"}


@pytest.mark.slow
@pytest.mark.prefect
def test_stopping_twice_is_stopping_once(tmp_path):
    server = local.start_server(tmp_path)
    assert stop(server.child)
    assert stop(server.child)
    with pytest.raises(ProcessLookupError):
        os.killpg(server.child.process.pid, 0)
