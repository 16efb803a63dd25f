"""What strangers send to a real server: too much, too slowly, half of it, or what it does not understand; it refuses, and goes on."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from serving_process import MODEL, ROW, Served, project, served, until
from sqlmodel import select

from headrace.journal import ship
from headrace.store.tables import Prediction

pytestmark = [pytest.mark.slow, pytest.mark.alone]

LIMITS = {"body": 65536, "depth": 8, "time": 1.0, "answer": 5.0, "concurrency": 16, "connections": 200}
FLOOD = Path(__file__).parents[1] / "bench" / "connections.py"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = project(tmp_path_factory.mktemp("attacked"), {"limits": LIMITS})
    made.alias("champion", made.register())
    with served(made) as running:
        yield running
        assert b"Traceback" not in running.log.read_bytes()
    made.store.close()


@pytest.fixture(autouse=True)
def goes_on(server: Served) -> Iterator[None]:
    """Whatever was sent, the next one is answered, and memory has not grown with it."""
    before = psutil.Process(server.process.pid).memory_info().rss
    yield
    until(lambda: server.request("POST", "/predict", ROW)[0] == 200, 10)
    assert psutil.Process(server.process.pid).memory_info().rss - before < 64 * 2**20


def connect(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=15)


def head(path: str = "/predict", *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", ""]).encode()


def answer(raw: socket.socket) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of an answer after which the server closes, or that is all that it sends."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = raw.recv(65536)
        assert part, data
        data += part
    start, _, body = data.partition(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in start.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < size:
        body += raw.recv(65536)
    return int(start.split()[1]), json.loads(body)


def push(raw: socket.socket, data: bytes, most: int) -> int:
    """Send it again and again until so much was taken, or nobody takes any more; how much it was."""
    sent = 0
    try:
        while sent < most:
            raw.sendall(data)
            sent += len(data)
    except OSError:
        pass
    return sent


def test_a_body_of_a_gigabyte_is_refused_by_its_declared_length(server: Served) -> None:
    with connect(server) as raw:
        raw.sendall(head("/predict/batch", f"Content-Length: {2**30}") + b"{")
        status, told = answer(raw)
        assert (413, "urn:headrace:too-large") == (status, told["type"])
        assert b"" == raw.recv(10)


def test_a_body_of_a_gigabyte_in_chunks_is_refused_when_it_is_too_much(server: Served) -> None:
    with connect(server) as raw:
        raw.sendall(head("/predict/batch", "Transfer-Encoding: chunked"))
        sent = push(raw, b"4000\r\n" + b" " * 0x4000 + b"\r\n", 2**30)
        assert sent < 2**26
        raw.settimeout(5)
        with suppress(ConnectionResetError):  # what was sent after the answer may take the answer with it
            assert 413 == answer(raw)[0]


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", f"/v2/models/{MODEL}/infer", "/outcomes", "/explain"])
def test_a_body_that_does_not_come_is_given_up(server: Served, path: str) -> None:
    with connect(server) as raw:
        raw.sendall(head(path, "Content-Length: 1000") + b'{"age": ')
        started = time.monotonic()
        status, told = answer(raw)
        assert (408, True) == (status, time.monotonic() - started > LIMITS["time"] - 0.1)
        assert "did not come within 1 s" in (told["error"] if path.startswith("/v2") else told["detail"])
        assert path.startswith("/v2") or told["type"] == "urn:headrace:too-slow"


def test_a_client_that_dribbles_is_given_up_in_the_same_time(server: Served) -> None:
    with connect(server) as raw:
        raw.sendall(head("/predict", "Content-Length: 1000"))
        raw.settimeout(0.1)
        for _ in range(100):
            try:
                raw.sendall(b" ")
                part = raw.recv(1000)
            except TimeoutError:
                continue
            assert part.startswith(b"HTTP/1.1 408 ")
            return
        raise AssertionError("it went on listening")


def test_slow_clients_take_no_place_from_others(server: Served) -> None:
    with ExitStack() as held:
        for _ in range(4 * LIMITS["concurrency"]):  # type: ignore[operator, call-overload]
            raw = held.enter_context(connect(server))
            raw.sendall(head("/predict", "Content-Length: 1000") + b"{")
        assert 200 == server.request("POST", "/predict", ROW)[0]


def test_half_a_head_is_given_up(server: Served) -> None:
    with connect(server) as raw:
        raw.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nX-A: ")
        assert 408 == answer(raw)[0]


def test_a_flood_of_headers_is_refused(server: Served) -> None:
    for flood in (b"X-A: " + b"a" * 1000 + b"\r\n", b"a" * 4096):
        with connect(server) as raw:
            raw.sendall(b"GET /metadata HTTP/1.1\r\nHost: x\r\n" + (b"" if flood.endswith(b"\n") else b"X-B: "))
            sent = push(raw, flood, 2**28)
            assert sent < 2**26
            with suppress(ConnectionResetError):
                status, told = answer(raw)
                assert (431, "urn:headrace:too-large-head") == (status, told["type"])


def test_a_client_that_hangs_up_half_way_leaves_nothing(server: Served) -> None:
    for _ in range(50):
        with connect(server) as raw:
            raw.sendall(head("/predict/batch", "Content-Length: 60000") + b" " * 30000)
    until(lambda: server.request("GET", "/metrics")[0] == 200)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 30000,
        b"[" * 30000 + b"]" * 30000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        json.dumps({**ROW, "education": [[[[[[[[[1]]]]]]]]]}).encode(),
    ],
)
@pytest.mark.parametrize(
    "path", ["/predict", "/predict/batch", f"/v2/models/{MODEL}/infer", "/outcomes", "/explain", "/v2/repository/index"]
)
def test_json_that_nests_too_deep_is_not_parsed(server: Served, path: str, body: bytes) -> None:
    status, told = server.request("POST", path, body)
    said = told["error"].removeprefix("body-too-deep: ") if path.startswith("/v2") else told["detail"]
    assert (422, "the body nests deeper than 8 levels") == (status, said)


def test_brackets_within_texts_are_no_depth(server: Served) -> None:
    status, told = server.request("POST", "/predict", {**ROW, "education": "[{" * 60 + '"\\"'})
    assert (200, ["education"]) == (status, told["unseen"])


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_what_is_no_finite_number_is_refused_everywhere(server: Served, value: str) -> None:
    record = json.dumps(ROW).replace("46.0", value)
    columns = '{"columns": {"person_id": [1], "age": [VALUE], "education": ["16"], "sex": ["1"]}}'.replace("VALUE", value)
    tensor = '{"inputs": [{"name": "all", "shape": [1, 3], "datatype": "FP64", "data": [VALUE, 1, 1]}]}'.replace("VALUE", value)
    for path, body, status in (
        ("/predict", record, 422),
        ("/explain", record, 422),
        ("/predict/batch", f'{{"rows": [{record}]}}', 422),
        ("/predict/batch", columns, 422),
        (f"/v2/models/{MODEL}/infer", tensor, 400),
    ):
        assert status == server.request("POST", path, body.encode())[0], (path, body)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/octet-stream", "\xff"])
def test_a_body_of_another_kind_is_refused_everywhere(server: Served, kind: str) -> None:
    for path in ("/predict", "/predict/batch", f"/v2/models/{MODEL}/infer", "/outcomes", "/explain"):
        assert 415 == server.request("POST", path, json.dumps(ROW).encode(), {"Content-Type": kind})[0]


def test_a_request_that_is_sent_again_is_answered_again_by_an_id_of_its_own(server: Served) -> None:
    body = {"id": "r-1", "inputs": [{"name": "all", "shape": [1, 3], "datatype": "FP64", "data": [46, 21, 2]}]}
    told = [server.request("POST", f"/v2/models/{MODEL}/infer", body)[1] for _ in range(2)]
    outputs = [{item["name"]: item["data"] for item in one["outputs"]} for one in told]
    assert (["r-1"] * 2, outputs[0]["prediction"], outputs[0]["entity"]) == (
        [one["id"] for one in told],
        outputs[1]["prediction"],
        ["r-1:0"],
    )
    assert outputs[0]["id"] != outputs[1]["id"]


def test_more_connections_than_may_be_are_told_so_and_the_others_answered(server: Served) -> None:
    flood = [sys.executable, str(FLOOD), str(server.port), "400", json.dumps(ROW)]
    told = json.loads(subprocess.run(flood, capture_output=True, text=True, check=True, timeout=120).stdout)
    assert (400, 0) == (told["answered"] + told["refused"], told["failed"])
    assert 0 < told["refused"] <= 400 - LIMITS["connections"] + 5  # type: ignore[operator]
    assert 'headrace_refused_requests_total{model="employment",status="503"}' in server.request("GET", "/metrics")[1]


def test_more_requests_at_once_than_may_be_are_told_when_to_try_again(tmp_path: Path) -> None:
    made = project(tmp_path, {"limits": {**LIMITS, "concurrency": 2}})
    made.alias("champion", made.register_flaky(0.5, delay=0.5))
    batch = head("/predict/batch", f"Content-Length: {len(data := json.dumps({'rows': [ROW]}).encode())}") + data
    with served(made) as server, ExitStack() as held:
        sockets = [held.enter_context(connect(server)) for _ in range(6)]
        for raw in sockets:
            raw.sendall(batch)
        # A probe is answered all the same.
        assert 200 == server.request("GET", "/health/live")[0]
        seen = [raw.recv(65536) for raw in sockets]
    made.store.close()
    refused = [text for text in seen if b" 503 " in text.split(b"\r\n")[0]]
    assert (2, 4) == (len(seen) - len(refused), len(refused))
    assert all(b"retry-after: 1\r\n" in text and b"urn:headrace:overloaded" in text for text in refused)


def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    made = project(tmp_path, {"limits": {**LIMITS, "answer": 0.1}})
    made.alias("champion", made.register_flaky(0.5, delay=0.6))
    with served(made) as server:
        status, told = server.request("POST", "/predict/batch", {"rows": [ROW]})
    assert (503, "urn:headrace:too-long") == (status, told["type"])
    made.store.close()


def test_a_large_batch_that_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    with served(made) as server:
        told = server.request("POST", "/predict/batch", {"rows": [{**ROW, "person_id": i} for i in range(1000)]})[1]["predictions"]
        server.kill()
    ship(made.store, made.spool)
    with made.store.read() as session:
        kept = {row.id: (row.entity, row.output) for row in session.exec(select(Prediction))}
    assert {one["id"]: (str(i), one["prediction"]) for i, one in enumerate(told)} == kept
    made.store.close()
