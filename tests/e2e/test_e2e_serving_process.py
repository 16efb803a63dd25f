"""A server as a process: how it starts, what it refuses, what it survives."""

import json
import random
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from serving_process import ROW, free_port, project, served, until

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def serve(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headrace.serving", str(path), *options], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_taken_port_is_named_with_what_to_type(tmp_path: Path) -> None:
    made = project(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = serve(made.config, "--port", str(port))
    assert 1 == told.returncode
    assert f"error[port-taken]: port {port} of 127.0.0.1 is taken by another process" in told.stderr
    assert f"--port {port + 1}" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(("text", "fault"), [(None, "not-compiled"), ("{", "config-unreadable"), ("{}", "config-unreadable")])
def test_a_config_that_is_none_is_told(tmp_path: Path, text: str | None, fault: str) -> None:
    path = tmp_path / "flows" / "x.serving.json"
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)
    told = serve(path)
    assert (1, True, False) == (told.returncode, f"error[{fault}]" in told.stderr, "Traceback" in told.stderr)


def test_the_command_line_serves_and_predicts(tmp_path: Path) -> None:
    port = free_port()
    made = project(tmp_path, {"port": port})
    made.alias("champion", made.register())
    headrace = [sys.executable, "-m", "headrace"]
    server = subprocess.Popen([*headrace, "serve", "model/employment", "--root", str(made.root)], stderr=subprocess.DEVNULL)
    try:

        def predict(*options: str) -> subprocess.CompletedProcess[str]:
            command = [*headrace, "predict", "employment", "--root", str(made.root), "--json", *options]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        until(lambda: predict("--row", json.dumps(ROW)).returncode == 0, 60)
        rows = made.root / "rows.json"
        rows.write_text(json.dumps([ROW, ROW]))
        one, many, wrong = predict("--row", json.dumps(ROW)), predict("--file", str(rows)), predict("--row", '{"age": NaN}')
    finally:
        server.terminate()
        code = server.wait(60)
    away = predict("--row", json.dumps(ROW))
    assert (0, 1) == (code, json.loads(one.stdout)["version"])
    assert 2 == len(json.loads(many.stdout)["predictions"])
    assert (1, True) == (wrong.returncode, "`age` must be a finite number" in wrong.stdout + wrong.stderr)
    assert (1, True) == (away.returncode, "server-away" in away.stdout + away.stderr)


def test_bytes_of_any_kind_never_make_it_fail(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    noise = random.Random(7)
    good = json.dumps(ROW).encode()
    with served(made) as server:
        statuses = set()
        for turn in range(600):
            body = bytearray(good)
            for _ in range(noise.randint(1, 6)):
                at = noise.randrange(len(body) + 1)
                match noise.randrange(3):
                    case 0:
                        body[at:at] = noise.randbytes(noise.randint(1, 4))
                    case 1:
                        del body[at : at + noise.randint(1, 5)]
                    case _:
                        body[at : at + 1] = noise.choice([b"NaN", b"1e999", b"-0", b"true", b"null", b'"', b"{", b"[", b"\\u0000", b"\xff"])
            path = ("/predict", "/predict/batch", "/outcomes")[turn % 3]
            status, told = server.request("POST", path, bytes(body))
            statuses.add(status)
            if status != 200:
                assert (422, True) == (status, bool(told["detail"]))
        for garbage in (
            b"\x00" * 100,
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            noise.randbytes(500),
        ):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
                raw.sendall(garbage)
                raw.shutdown(socket.SHUT_WR)
                assert b" 500 " not in raw.recv(4096)
        assert 200 == server.request("POST", "/predict", ROW)[0]
        assert 200 == server.request("GET", "/health/ready")[0]
    assert {200, 422} == statuses
    assert b"Traceback" not in server.log.read_bytes()


def test_it_starts_within_bounds_and_stays_small(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.alias("champion", made.register())
    with served(made) as server:
        for _ in range(200):
            server.request("POST", "/predict", ROW)
        server.request("POST", "/predict/batch", {"rows": [ROW] * 1000})
        peak = int(
            next(line for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")).split()[
                1
            ]
        )
        threads = psutil.Process(server.process.pid).num_threads()
    assert peak / 1024 < 400
    assert threads < 20
