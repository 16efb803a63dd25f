"""Traces, as a real receiver of OTLP over HTTP gets them."""

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from serving_project import MODEL, ROW
from serving_project import project as make_project

from headrace.compiled import ServingConfig, read
from headrace.diagnostics import HeadraceError
from headrace.serving import app
from headrace.serving.workspace import open_workspace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{}"


class Receiver:
    """What takes spans: each as the protocol has it, with its resource, and the headers that it came with."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[Any] = []
        self.headers: list[Any] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                told = ExportTraceServiceRequest()
                told.ParseFromString(gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data)
                receiver.headers.append(self.headers)
                for item in told.resource_spans:
                    receiver.resources.append(attributes(item.resource))
                    receiver.spans += [span for scope in item.scope_spans for span in scope.spans]
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def got(self, many: int) -> list[Any]:
        until = time.monotonic() + 60
        while len(self.spans) < many:
            assert time.monotonic() < until, self.spans
            time.sleep(0.02)
        return self.spans


def attributes(item: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in item.attributes}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    with ExitStack() as stack:

        def started(endpoint: str, sample: float = 1.0, headers: dict[str, str] | None = None) -> TestClient:
            tracing = {"endpoint": endpoint, "sample": sample, "headers": headers or {}}
            made = make_project(tmp_path, {"access": {"tracing": tracing}})
            stack.callback(made.store.close)
            made.alias("champion", made.register())
            config = read(ServingConfig, made.config)
            workspace = stack.enter_context(open_workspace(made.config.parent / "headrace.json", config))
            return stack.enter_context(TestClient(app(config, workspace)))

        yield started


def test_a_request_is_a_span_under_its_callers_trace_and_says_who_answered(receiver: Receiver, start: Callable[..., TestClient]) -> None:
    client = start(receiver.url)
    answer = client.post("/predict", json=ROW, headers={"traceparent": PARENT.format("01")}).json()
    (span,) = receiver.got(1)
    expected = {
        "http.request.method": "POST",
        "http.route": "/predict",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "headrace.prediction.id": answer["id"],
        "headrace.version": 1,
        "headrace.arm": "champion",
    }
    assert ("POST /predict", 2, expected) == (span.name, span.kind, attributes(span))
    assert ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331") == (span.trace_id.hex(), span.parent_span_id.hex())
    assert span.end_time_unix_nano > span.start_time_unix_nano
    (resource,) = receiver.resources
    assert (f"headrace-{MODEL}", MODEL, "dev") == tuple(
        resource[name] for name in ("service.name", "headrace.model", "deployment.environment.name")
    )


def test_a_refusal_says_its_type_and_an_unknown_path_is_no_name(receiver: Receiver, start: Callable[..., TestClient]) -> None:
    client = start(receiver.url)
    client.post("/predict", json={})
    client.get("/made/up")
    told = [(span.name, attributes(span)["http.response.status_code"], attributes(span).get("error.type")) for span in receiver.got(2)]
    assert [("POST /predict", 422, "urn:headrace:invalid-request"), ("GET other", 404, "urn:headrace:no-such-route")] == told


def test_the_caller_decides_what_is_traced_and_else_the_share_does(receiver: Receiver, start: Callable[..., TestClient]) -> None:
    client = start(receiver.url, sample=0.0)
    for headers in ({}, {"traceparent": PARENT.format("00")}, {"traceparent": "nonsense"}, {"traceparent": PARENT.format("01")}):
        client.post("/predict", json=ROW, headers=headers)
    client.get("/health/live", headers={"traceparent": PARENT.format("01")})
    assert ["0af7651916cd43dd8448eb211c80319c"] == [span.trace_id.hex() for span in receiver.got(1)]


def test_what_an_endpoint_wants_is_kept_out_of_the_files(
    receiver: Receiver, start: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTLP_TOKEN", "Bearer secret")
    start(receiver.url, headers={"Authorization": "env:OTLP_TOKEN"}).post("/predict", json=ROW)
    receiver.got(1)
    assert {"Bearer secret"} == {headers["Authorization"] for headers in receiver.headers}


def test_a_receiver_that_is_away_holds_up_no_answer(start: Callable[..., TestClient]) -> None:
    client = start("http://127.0.0.1:9/v1/traces")
    assert {200} == {client.post("/predict", json=ROW).status_code for _ in range(20)}


def test_without_the_extra_it_says_what_to_install(start: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(HeadraceError, match="tracing-missing"):
        start("http://127.0.0.1:9/v1/traces")


def test_a_server_without_traces_loads_nothing_of_it() -> None:
    code = "import sys, headrace.serving.application; print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
