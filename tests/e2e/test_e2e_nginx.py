"""Two servers behind nginx, as `headrace export --to nginx` prints it: it balances, and the death of one is no client's concern."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections import Counter
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest
from serving_process import CONFIG, MODEL, ROW, Project, ask, free_port, project, served, until
from sqlmodel import select

from headrace.builtin.exporters import nginx
from headrace.cli import main
from headrace.hooks import Server
from headrace.journal import ship, unshipped
from headrace.store import tables

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.needs_nginx]


def reached(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def leaves(made: Project, folder: Path) -> Project:
    """The project as another machine has it: what `headrace export --to docker` copies into an image, and nothing else."""
    with pytest.raises(SystemExit) as ended:
        main(["export", MODEL, "--to", "docker", "--out", str(folder), "--param", "anonymous=true", "--root", str(made.root)])
    assert not ended.value.code
    return Project(folder / "project", made.store, folder / "project" / "flows" / made.config.name)


def test_two_servers_share_what_is_asked_and_one_goes_on_alone(tmp_path: Path) -> None:
    assert shutil.which("nginx"), "nginx-light is in .ci/debian.txt"
    state = tmp_path / "shop" / ".headrace"
    made = project(tmp_path / "shop", workspace={"store": f"sqlite:///{state}/state.db", "blobs": f"{state}/blobs"})
    made.alias("champion", made.register())
    other = leaves(made, tmp_path / "image")
    front = free_port()
    with ExitStack() as stack:
        servers = [stack.enter_context(served(made)), stack.enter_context(served(other, "--drain", "0"))]
        told = Server(MODEL, CONFIG, {"project": "labour", "store": "env:S", "blobs": "env:B"}, files={}, requirements=(), python="3.11")
        addresses = tuple(f"127.0.0.1:{one.port}" for one in servers)
        folder = tmp_path / "nginx"
        folder.mkdir()
        nginx.export(told, nginx.Params(servers=addresses, listen=f"127.0.0.1:{front}"), folder)
        balancer = subprocess.Popen(["nginx", "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            until(lambda: reached(front))
            connection = HTTPConnection("127.0.0.1", front, timeout=30)
            workers = Counter(ask(connection, "GET", "/metadata")[1]["worker"] for _ in range(40))
            assert 2 == len(workers)
            assert min(workers.values()) >= 10
            answered = []
            for turn in range(300):
                if turn == 100:
                    servers[0].kill()
                status, answer = ask(connection, "POST", "/predict", {**ROW, "person_id": str(turn)})
                assert 200 == status, answer
                answered.append(answer["id"])
            assert (404, 200) == (ask(connection, "GET", "/metrics")[0], ask(connection, "GET", "/health/ready")[0])
            connection.close()
        finally:
            balancer.terminate()
            balancer.wait(60)
    assert 300 == len(set(answered))
    for one in (made, other):
        ship(made.store, one.spool)
        until(lambda one=one: unshipped(made.store, one.spool) == 0)  # type: ignore[misc]
    with made.store.read() as session:
        assert {*answered} <= {*session.exec(select(tables.Prediction.id))}
