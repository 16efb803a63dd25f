"""Everything that is built in keeps the contracts that plugins are held to."""

import http.server
import threading

import pytest

from headrace.diagnostics import Report
from headrace.hooks import load_plugins
from headrace.testing import check_channel, check_plugins, check_reader

PLUGINS = load_plugins(None, Report(), allow=[])


@pytest.mark.parametrize(("axis", "name"), [(axis, name) for axis, name, _ in PLUGINS.items()], ids="-".join)
def test_a_built_in_keeps_its_contract(axis: str, name: str) -> None:
    assert [(axis, name, [])] == list(check_plugins(PLUGINS, {(axis, name)}))


def test_the_log_keeps_its_contract_when_it_sends(tmp_path) -> None:
    file = tmp_path / "alerts.jsonl"
    found = check_channel(
        PLUGINS.channels["log"],
        {"path": str(file)},
        unreachable={"path": str(tmp_path)},
        received=lambda: len(file.read_text().splitlines()) if file.exists() else 0,
        secret=(),
    )
    assert [] == found


def test_the_webhook_keeps_its_contract_when_it_sends() -> None:
    taken: list[str] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/taken":
                taken.append(self.path)
            self.send_response(204 if self.path == "/taken" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        here = f"http://127.0.0.1:{server.server_port}"
        found = check_channel(
            PLUGINS.channels["webhook"],
            {"url": f"{here}/taken", "sign_with": "a-long-secret-word"},
            unreachable={"url": f"{here}/refused-with-a-secret", "sign_with": "another-long-secret"},
            received=lambda: len(taken),
        )
        server.shutdown()
        thread.join()
    assert [] == found


@pytest.mark.parametrize(
    ("name", "write"),
    [("csv", lambda frame, path: frame.to_csv(path, index=False)), ("parquet", lambda frame, path: frame.to_parquet(path, index=False))],
)
def test_readers_keep_their_contract_when_they_read(name: str, write) -> None:
    assert [] == check_reader(PLUGINS.readers[name], write)
