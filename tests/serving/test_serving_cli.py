import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from serving_project import ROW, Project
from serving_project import project as make_project

from headrace.cli import main
from headrace.diagnostics import Exit

ANSWER = {"id": "1", "prediction": 0.5, "model": "employment", "version": 3, "arm": "champion", "unseen": ["education"]}
PROBLEM = {"type": "urn:headrace:invalid-request", "detail": "no", "errors": [{"field": "age", "message": "must be a number"}]}


class Model(BaseHTTPRequestHandler):
    """Answers what it was sent, or a problem where the row has no age."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        refused = "age" not in body and "rows" not in body
        told = json.dumps(PROBLEM if refused else {"path": self.path, **ANSWER}).encode()
        self.send_response(422 if refused else 200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_GET(self) -> None:
        told = json.dumps({"project": "another", "model": "employment"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_predict_prints_the_answer(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run("predict", "--json", "--url", url, "--row", json.dumps(ROW))
    assert {"path": "/predict", **ANSWER} == json.loads(capsys.readouterr().out)


def test_predict_sends_a_list_as_a_batch(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([ROW]))
    assert 0 == run("predict", "--json", "--url", url + "/", "--file", str(file))
    assert "/predict/batch" == json.loads(capsys.readouterr().out)["path"]


def test_predict_tells_each_field_at_fault(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.FAILED == run("predict", "--url", url, "--row", "{}")
    told = capsys.readouterr()
    assert "`age` must be a number" in told.out + told.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), Exit.USAGE, "--row"),
        (("--row", "{"), Exit.USAGE, "request-unreadable"),
        (("--row", "{}", "--url", "http://127.0.0.1:1"), Exit.FAILED, "server-away"),
        (("--row", "{}", "--url", "not a url"), Exit.FAILED, "server-away"),
        (("--row", "{}"), Exit.FAILED, "not-compiled"),
    ],
)
def test_predict_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: Exit, said: str
) -> None:
    assert code == run("predict", "--root", str(tmp_path), *options)
    told = capsys.readouterr()
    assert said in told.out + told.err


def test_predict_asks_no_server_of_another_project(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_project(tmp_path, {"port": int(url.rpartition(":")[2])})
    made.store.close()
    assert Exit.FAILED == run("predict", "employment", "--root", str(tmp_path), "--row", json.dumps(ROW))
    said = f"error[other-server]: {url} answers for model/employment of project another, not for model/employment of project labour"
    assert said in capsys.readouterr().err


def test_serve_becomes_the_server_of_the_model(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: became.append(command))
    assert 0 == run("serve", "model/employment", "--port", "0", "--root", str(project.root))
    assert [[sys.executable, "-m", "headrace.serving", str(project.config), "--host", "127.0.0.1", "--port", "0"]] == became


def test_serve_warns_where_the_specs_are_newer_than_what_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "execv", lambda *_: None)
    assert 0 == run("init", str(tmp_path), "--no-ci") == run("compile", "--root", str(tmp_path))
    capsys.readouterr()
    assert (0, "") == (run("serve", "--root", str(tmp_path)), capsys.readouterr().err)
    path = next(path for path in (tmp_path / "specs").rglob("*.yaml") if "port: " in path.read_text())
    path.write_text(re.sub(r"port: \d+", "port: 18999", path.read_text()))
    assert 0 == run("serve", "--root", str(tmp_path))
    told = capsys.readouterr().err
    assert (True, True) == ("warning[flows-behind]" in told, "`headrace compile`" in told)
    path.write_text("kind: [")
    assert 0 == run("serve", "--root", str(tmp_path))
    assert "`headrace validate`" in capsys.readouterr().err


def test_serve_needs_a_compiled_model_that_serves(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.config.unlink()
    assert Exit.FAILED == run("serve", "--root", str(project.root))
    assert "not-served" in capsys.readouterr().err


def test_predict_tells_a_person_one_line_a_prediction(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run("predict", "--url", url, "--row", json.dumps(ROW))
    assert f"version {ANSWER['version']}" in capsys.readouterr().out
