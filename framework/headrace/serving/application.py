"""The HTTP face of one model: bodies in, answers out, and what a supervisor asks; FastAPI with routes that do nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from time import perf_counter

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from headrace import __version__
from headrace.compiled import ServingConfig
from headrace.serving import openapi
from headrace.serving.measures import CONTENT_TYPE
from headrace.serving.moment import HEADER
from headrace.serving.online import Filled, events_of
from headrace.serving.problem import Refused, problem
from headrace.serving.server import Server
from headrace.serving.workspace import Workspace

MAX_BODY = 2**20
"""The most bytes of a body; a batch that needs more is two batches."""

Endpoint = Callable[[Request], Awaitable[Response]]


def app(config: ServingConfig, workspace: Workspace) -> FastAPI:
    """The app of one serving config; its lifespan follows the store from start to end.

    Requests are answered by the process that runs it: one event loop, one spool segment.
    """
    server = Server(config, workspace)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await server.start()
        try:
            yield
        finally:
            await server.stop()

    made = FastAPI(title=f"model/{config.model}", version=__version__, lifespan=lifespan, redoc_url=None)
    made.state.server = server
    document = openapi.document(config, server.schema, server.online)
    made.openapi = lambda: document  # type: ignore[method-assign]
    routes = Routes(server)
    for path, method, endpoint in (
        ("/predict", "POST", routes.predict),
        ("/predict/batch", "POST", routes.batch),
        ("/outcomes", "POST", routes.outcomes),
        *([("/events/{view}", "POST", routes.events)] if server.online.views else []),
        ("/health/live", "GET", routes.live),
        ("/health/ready", "GET", routes.ready),
        ("/metadata", "GET", routes.metadata),
        ("/metrics", "GET", routes.metrics),
    ):
        made.add_route(path, routes.guarded(endpoint), methods=[method], include_in_schema=False)
    made.add_exception_handler(HTTPException, _http_problem)
    made.add_exception_handler(Exception, _bug)
    return made


class Routes:
    """What each path answers."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with its refusals as problem documents."""

        async def run(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refused as refused:
                self._server.measures.refused(refused.status)
                return refused.response()
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.BAD_REQUEST)

        return run

    async def predict(self, request: Request) -> Response:
        """POST /predict."""
        body = await _body(request)
        started = perf_counter()
        server = self._server
        row = server.schema.read_row(body)
        at = await server.moments.of(request.headers.get(HEADER))
        snapshot = server.ready_snapshot()
        (filled,) = await server.online.fill([row], at)
        reply = server.answering.one(snapshot, filled.row, at, started)
        if reply.error is not None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "prediction-failed", f"v{reply.version} {reply.error.removeprefix('the model ')}")
        return _json(reply.body(server.config.model) | _fresh(filled))

    async def batch(self, request: Request) -> Response:
        """POST /predict/batch."""
        body = await _body(request)
        started = perf_counter()
        server = self._server
        rows = server.schema.read_rows(body)
        at = await server.moments.of(request.headers.get(HEADER))
        snapshot = server.ready_snapshot()
        filled = await server.online.fill(rows, at, "rows[{}].")
        replies = await server.answering.many(snapshot, [item.row for item in filled], at, started)
        told = zip(replies, filled, strict=True)
        return _json({"predictions": [reply.body(server.config.model) | _fresh(item) for reply, item in told]})

    async def outcomes(self, request: Request) -> Response:
        """POST /outcomes."""
        server = self._server
        answers = server.schema.read_outcomes(await _body(request))
        server.answering.outcomes(answers, await server.moments.of(request.headers.get(HEADER)))
        return _json({"accepted": len(answers)}, HTTPStatus.ACCEPTED)

    async def events(self, request: Request) -> Response:
        """POST /events/VIEW."""
        server = self._server
        view = server.online.views.get(request.path_params["view"])
        if view is None:
            known = ", ".join(server.online.views) or "none"
            raise Refused(HTTPStatus.NOT_FOUND, "no-such-view", f"the views that this server reads events of are: {known}")
        found, late, told = events_of(view, await _body(request), await server.moments.of(request.headers.get(HEADER)))
        return _json({"accepted": told, "added": await view.push(found), "late": late}, HTTPStatus.ACCEPTED)

    async def live(self, request: Request) -> Response:
        """GET /health/live."""
        del request
        if dead := self._server.dead():
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not-live", dead)
        return _json({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """GET /health/ready."""
        del request
        checks = await self._server.checks()
        failing = [f"{name}: {reason}" for name, reason in checks.items() if reason is not None]
        if failing:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "; ".join(failing))
        return _json({"status": "ready", "checks": dict.fromkeys(checks, "ok")})

    async def metadata(self, request: Request) -> Response:
        """GET /metadata."""
        del request
        return _json(await self._server.metadata())

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        del request
        server = self._server
        text = server.measures.text(spool=await server.unshipped(), unflushed=server.counter.unflushed)
        return Response(text, headers={"content-type": CONTENT_TYPE})


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type")
    # A page in a browser may post text to loopback without asking; JSON it may not.
    if kind is not None and not _is_json(kind):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-json", "the body must be JSON: send `Content-Type: application/json`")
    too_large = Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"the body has more than {MAX_BODY} bytes: send fewer rows at once"
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def _is_json(kind: str) -> bool:
    essence = kind.partition(";")[0].strip().lower()
    return essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))


def _fresh(filled: Filled) -> dict[str, object]:
    return {"freshness": filled.freshness} if filled.freshness else {}


def _json(value: object, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


async def _http_problem(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
    headers = error.headers or {}
    kinds = {HTTPStatus.NOT_FOUND: "no-such-route", HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed"}
    answer = problem(error.status_code, kinds.get(HTTPStatus(error.status_code), "refused"), str(error.detail))
    answer.headers.update(headers)
    return answer


async def _bug(request: Request, error: Exception) -> Response:
    del request, error
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", "the server failed; its log says how")
