"""Traces of requests for OpenTelemetry: which are traced, what a span says, and that no request waits for whoever takes them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from starlette.types import Message, Scope, Send

from headrace import __version__
from headrace.compiled import TracingConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.secrets import Secrets

if TYPE_CHECKING:
    from opentelemetry.trace import Span

QUEUED = 2048
"""Spans that wait to be sent; what ends while so many wait is dropped."""
_DELAY_MS = 1000
_PATIENCE = 3.0
"""Seconds that sending a bundle of spans may take, tries included."""
_ENDING = 0.7
"""Seconds that the end of a server waits for the last ones."""
_LARGEST = 2**16
"""Bytes of an answer that is looked into for who answered."""
_ERROR = 500


class Tracing:
    """The tracer of one server; used by its event loop."""

    def __init__(self, config: TracingConfig, *, model: str, environment: str, root: Path) -> None:
        """HeadraceError `tracing-missing` without the extra, `secret-missing` where a reference leads nowhere."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        except ModuleNotFoundError as error:
            message = f"model/{model} sends traces, and `{error.name}` is not installed"
            raise HeadraceError(Diagnostic("tracing-missing", message, help="pip install 'headrace[tracing]'"), Exit.INVALID) from None
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        secrets = Secrets(root)
        exporter = OTLPSpanExporter(endpoint=secrets.resolve(config.endpoint), headers=secrets.resolve(config.headers), timeout=_PATIENCE)
        resource = Resource.create(
            {
                "service.name": f"headrace-{model}",
                "service.version": __version__,
                "deployment.environment.name": environment,
                "headrace.model": model,
            }
        )
        # No provider of the whole process is set: a plugin's own tracing stays its own.
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(config.sample)), resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUED, schedule_delay_millis=_DELAY_MS))
        self._tracer = self._provider.get_tracer("headrace.serving", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, scope: Scope, path: str, send: Send) -> Traced:
        """A request that begins, at a path as the server declares it, under the trace that its `traceparent` names."""
        from opentelemetry.trace import SpanKind

        carried = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIED}
        span = self._tracer.start_span(
            f"{scope['method']} {path}",
            context=self._propagator.extract(carried),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "http.route": path, "url.scheme": scope.get("scheme", "http")},
        )
        return Traced(span, send)

    def close(self) -> None:
        """Send what waits, for as long as an end may take."""
        ending = threading.Thread(target=self._provider.shutdown, name="tracing-end", daemon=True)
        ending.start()
        ending.join(_ENDING)


_CARRIED = (b"traceparent", b"tracestate")


class Traced:
    """One request under way; its answer goes through `send`."""

    def __init__(self, span: Span, send: Send) -> None:
        self._span = span
        self._send = send
        self._answer = b""

    async def send(self, message: Message) -> None:
        """Pass it on, and keep what says who answered."""
        if message["type"] == "http.response.body" and not message.get("more_body", False) and self._span.is_recording():
            self._answer = message.get("body", b"")
        await self._send(message)

    def end(self, status: int) -> None:
        """It was answered."""
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("http.response.status_code", int(status))
        self._span.set_attributes(_who(self._answer))
        if status >= _ERROR:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _who(answer: bytes) -> dict[str, Any]:
    """Which version answered, as which arm, and the id under which the journal has it; nothing of inputs or of what was predicted."""
    if not answer.startswith(b"{") or len(answer) > _LARGEST:
        return {}
    try:
        told = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(told.get("type"), str):
        return {"error.type": told["type"]}
    known = {"headrace.prediction.id": told.get("id"), "headrace.version": told.get("version"), "headrace.arm": told.get("arm")}
    return {name: value for name, value in known.items() if isinstance(value, str | int)}
