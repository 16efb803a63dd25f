"""What is still to come of a refused request is read for a while and thrown away, so that its answer is not lost to a reset."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

import pytest
from serving_project import project as make_project
from serving_sockets import Sockets, running

from headrace.compiled import ServingConfig, read
from headrace.serving import app, connections
from headrace.serving.workspace import open_workspace

LIMITS = {"body": 4000, "depth": 3, "time": 5.0, "answer": 5.0, "concurrency": 4, "connections": 50}
DECLARED = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n"
CHUNKED = b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
LONG = b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture(scope="module", params=["direct", "app"])
def sockets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sockets]:
    made = make_project(tmp_path_factory.mktemp("lingering"), {"limits": LIMITS})
    made.alias("champion", made.register())
    config = read(ServingConfig, made.config)
    with open_workspace(made.config.parent / "headrace.json", config) as workspace:
        plane = app(config, workspace)
        with running(plane, plane.nows if request.param == "direct" else {}, config.limits) as opened:
            yield opened
    made.store.close()


def answered(connection: socket.socket) -> None:
    """Wait until there is an answer to be read, and read nothing."""
    assert select.select([connection], [], [], 20)[0]


def rest(connection: socket.socket) -> bytes:
    back = b""
    while more := connection.recv(65536):
        back += more
    return back


def send_on(connection: socket.socket, until: float) -> None:
    while time.monotonic() < until:
        connection.sendall(b" " * 10_000)
        time.sleep(0.002)


@pytest.mark.parametrize("begun", [DECLARED, CHUNKED + b"2000\r\n" + b" " * 0x2000 + b"\r\n"], ids=["declared", "chunked"])
def test_a_client_that_goes_on_sending_reads_why_its_body_is_refused(sockets: Sockets, begun: bytes) -> None:
    with sockets.connect() as connection:
        connection.sendall(begun)
        answered(connection)
        for _ in range(20):
            connection.sendall(b" " * 100_000)
        assert rest(connection).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("begun", [LONG, b"nonsense\r\n\r\n"], ids=["431", "400"])
def test_a_client_that_goes_on_sending_reads_why_its_head_is_refused(sockets: Sockets, begun: bytes) -> None:
    with sockets.connect() as connection:
        connection.sendall(begun)
        answered(connection)
        for _ in range(5):
            connection.sendall(b" " * 100_000)
        assert rest(connection).split()[1] == (b"431" if begun is LONG else b"400")


def test_a_request_line_that_is_too_long_is_told_so_when_it_is_whole(sockets: Sockets) -> None:
    assert b"urn:headrace:too-large-head" in sockets.said(LONG + b"\r\n")


@pytest.mark.parametrize("bound", ["LINGER", "LINGERED"])
def test_nobody_goes_on_for_ever(sockets: Sockets, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    seconds, size = (0.2, 2**40) if bound == "LINGER" else (60.0, 300_000)
    monkeypatch.setattr(connections, "LINGER", seconds)
    monkeypatch.setattr(connections, "LINGERED", size)
    began = time.monotonic()
    with sockets.connect() as connection:
        # Of a request whose head was read, uvicorn's own timer for what is idle would end it, too.
        connection.sendall(LONG)
        answered(connection)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            send_on(connection, until=began + 4)
