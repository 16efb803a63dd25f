"""A server that others than this machine reach asks for keys, and in production speaks TLS; a real one is spoken to by the command line."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from serving_project import ROW, Project
from serving_project import project as make_project
from test_serving_tls import CONFIG, certify

from headrace.cli import main as command_line
from headrace.compiled import AccessConfig, AuthConfig
from headrace.diagnostics import Exit, HeadraceError
from headrace.identity import keys
from headrace.serving.__main__ import main
from headrace.serving.exposed import is_exposed, refuse

KEYS = AuthConfig(keys=True, jwt=None, public=None)


@pytest.mark.parametrize(
    ("host", "exposed"),
    [
        ("127.0.0.1", False),
        ("127.8.9.1", False),
        ("::1", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.0.2.7", True),
        ("fe80::1%lo", True),
    ],
)
def test_an_address_is_exposed_unless_it_is_loopback(host: str, exposed: object) -> None:
    assert exposed is is_exposed(host)


@pytest.mark.parametrize(
    ("access", "production", "allowed", "fault"),
    [
        (AccessConfig(), False, (), "open-server"),
        (AccessConfig(), True, (), "open-server"),
        (AccessConfig(), True, ("plain-http",), "open-server"),
        (AccessConfig(tls=CONFIG), True, (), "open-server"),
        (AccessConfig(auth=KEYS), True, (), "plain-server"),
        (AccessConfig(), True, ("anonymous",), "plain-server"),
        (AccessConfig(), False, ("anonymous",), None),
        (AccessConfig(), True, ("anonymous", "plain-http"), None),
        (AccessConfig(auth=KEYS), False, (), None),
        (AccessConfig(auth=KEYS), True, ("plain-http",), None),
        (AccessConfig(auth=KEYS, tls=CONFIG), True, (), None),
    ],
)
def test_beyond_loopback_it_asks_for_keys_and_in_production_speaks_tls(
    access: AccessConfig, production: object, allowed: tuple[str, ...], fault: str | None
) -> None:
    refuse(access, "127.0.0.1", model="m", production=bool(production))
    if fault is None:
        refuse(access, "0.0.0.0", model="m", production=bool(production), allowed=allowed)
        return
    with pytest.raises(HeadraceError, match=fault) as refused:
        refuse(access, "0.0.0.0", model="m", production=bool(production), allowed=allowed)
    assert Exit.REFUSED == refused.value.code


def test_such_a_server_does_not_start_and_says_what_to_write(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([str(project.config), "--host", "0.0.0.0", "--port", "0"])
    told = capsys.readouterr().err
    assert (4, True, True) == (code, "error[open-server]" in told, "help: write `auth: {keys: true}` under `serving`" in told)


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        command_line(arguments)
    return int(ended.value.code or 0)


@pytest.mark.slow
def test_a_served_model_is_asked_over_tls_with_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way of a user: a key is made, the server proves itself by its file, the answer comes; a key that was revoked ends."""
    access: dict[str, Any] = {"auth": KEYS.to_json(), "tls": CONFIG.to_json()}
    project = make_project(tmp_path, {"access": access, "port": free()})
    project.alias("champion", project.register())
    certify(tmp_path, "server.example.com")
    key = keys.issue(project.store, "user:ana", name="billing", models=None, environment="dev", expires=None)
    command = [sys.executable, "-m", "headrace.serving", str(project.config)]
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen(command, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})
    ask = ("predict", "--json", "--root", str(tmp_path), "--row", json.dumps(ROW))
    try:
        monkeypatch.setenv("HEADRACE_API_KEY", key.text)
        until = time.monotonic() + 60
        while (code := run(*ask)) != 0:
            told = capsys.readouterr()
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until, told
            time.sleep(0.1)
        answer = json.loads(capsys.readouterr().out)
        monkeypatch.delenv("HEADRACE_API_KEY")
        without = run(*ask), capsys.readouterr().err
    finally:
        server.send_signal(signal.SIGTERM)
        ended = server.wait(60)
        log.close()
        project.store.close()
    assert (0, "champion", 0) == (code, answer["arm"], ended)
    assert (1, True, True) == (without[0], "unauthenticated" in without[1], "HEADRACE_API_KEY" in without[1])
