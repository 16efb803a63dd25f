"""The HTTP face of one model: bodies in, answers out, and what a supervisor asks; routes that do nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from time import perf_counter
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive

from headrace import __version__
from headrace.compiled import ServingConfig
from headrace.serving import openapi
from headrace.serving.approvals import Approvals
from headrace.serving.bodies.asked import Bodies
from headrace.serving.bodies.protocol import Protocol
from headrace.serving.body import header, read
from headrace.serving.business import of_measures
from headrace.serving.measures import CONTENT_TYPE
from headrace.serving.middleware import declared, surround
from headrace.serving.moment import HEADER
from headrace.serving.online import Filled, events_of
from headrace.serving.openapi_access import secured
from headrace.serving.plane import Handler, Hot, Media, Plane, bug
from headrace.serving.problem import Refused
from headrace.serving.prompt import METHOD, PATH, prompt
from headrace.serving.server import Server
from headrace.serving.workspace import Workspace

Endpoint = Callable[[Request], Awaitable[Response]]

_HEADER = HEADER.lower().encode()


def app(config: ServingConfig, workspace: Workspace, middleware: Sequence[Middleware] = (), *, exposed: bool = False) -> Plane:
    """The app of one serving config; its lifespan follows the store from start to end.

    Requests are answered by the process that runs it: one event loop, one spool segment. With the config's middleware, or with
    `middleware`, Starlette's, every path is answered behind it, by a FastAPI route; without, predictions are answered in front of FastAPI,
    by the same code. `exposed` says that it listens beyond loopback.

    Raises HeadraceError `middleware-failed` where one that the config names cannot be imported or made.
    """
    around = [*declared(workspace.root, config.middleware), *middleware]
    server = Server(config, workspace, exposed=exposed)
    routes = Routes(server)
    bodies = Bodies(server)
    answers: dict[tuple[str, str], Handler] = {
        ("POST", "/predict"): routes.predict,
        ("POST", "/predict/batch"): bodies.batch,
        ("POST", f"/v2/models/{config.model}/infer"): bodies.infer,
        ("POST", "/explain"): bodies.explain,
    }
    behind = _behind(server, routes, answers, Protocol(server, bodies), Approvals(server, workspace), around)
    surround(behind, workspace.root)
    nows = {(METHOD, PATH): prompt(server)}
    hot = {} if around else {key: Hot(answer, server.measures, nows.get(key)) for key, answer in answers.items()}
    return Plane(behind, hot, server.measures, config.model, server.load, server.guard.admit, server.tracing)


def _behind(  # noqa: PLR0917 - all that answers
    server: Server,
    routes: Routes,
    answers: Mapping[tuple[str, str], Handler],
    protocol: Protocol,
    approvals: Approvals,
    middleware: Sequence[Middleware],
) -> FastAPI:
    """All routes as FastAPI has them."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await server.start()
        try:
            yield
        finally:
            await server.stop()

    title = f"model/{server.config.model}"
    made = FastAPI(title=title, version=__version__, lifespan=lifespan, redoc_url=None, middleware=list(middleware))
    made.state.server = server
    document = secured(
        openapi.document(server.config, server.schema, server.online, server.measured), server.config.access, server.guard.open
    )
    made.openapi = lambda: document  # type: ignore[method-assign]
    for path, method, endpoint in (
        *((path, method, routed(answer)) for (method, path), answer in answers.items()),
        ("/outcomes", "POST", routes.outcomes),
        *([("/events/{view}", "POST", routes.events)] if server.online.views else []),
        ("/health/live", "GET", routes.live),
        ("/health/ready", "GET", routes.ready),
        ("/metadata", "GET", routes.metadata),
        ("/metrics", "GET", routes.metrics),
        ("/approvals", "GET", approvals.listed),
        ("/approvals/{id}", "GET", approvals.one),
        ("/approvals/{id}/votes", "POST", approvals.vote),
        *_protocol(protocol),
    ):
        made.add_route(path, routes.guarded(endpoint), methods=[method], include_in_schema=False)
    made.add_exception_handler(HTTPException, _http_problem(made))
    made.add_exception_handler(Exception, _bug)
    return made


def _protocol(protocol: Protocol) -> list[tuple[str, str, Endpoint]]:
    """The Open Inference Protocol's paths."""
    models = "/v2/models/{name}"
    return [
        ("/v2", "GET", protocol.server),
        ("/v2/", "GET", protocol.server),
        ("/v2/health/live", "GET", protocol.live),
        ("/v2/health/ready", "GET", protocol.ready),
        *[
            (f"{path}{rest}", method, endpoint)
            for path in (models, models + "/versions/{version}")
            for rest, method, endpoint in (
                ("", "GET", protocol.model),
                ("/ready", "GET", protocol.model_ready),
                ("/infer", "POST", protocol.infer),
            )
        ],
        ("/v2/repository/index", "POST", protocol.index),
        ("/v2/repository/models/{name}/load", "POST", protocol.load),
        ("/v2/repository/models/{name}/unload", "POST", protocol.unload),
    ]


def routed(answer: Handler) -> Endpoint:
    """A handler as an endpoint."""

    async def run(request: Request) -> Response:
        told = await answer(request.scope, request.receive)
        return Response(told.body, media_type=told.kind) if isinstance(told, Media) else Response(told, media_type="application/json")

    return run


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
                return refused.response(request.scope["path"])
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.BAD_REQUEST)

        return run

    async def predict(self, scope: Mapping[str, Any], receive: Receive) -> bytes:
        """POST /predict."""
        body = await read(scope, receive, self._server.load)
        started = perf_counter()
        server = self._server
        row = server.schema.read_row(body)
        at = await server.moments.of(header(scope, _HEADER))
        snapshot = server.ready_snapshot()
        fresh = None
        if server.online.views or server.answering.waits(snapshot):
            # Whoever goes from here is journalled nowhere: a record is written after the last wait.
            async with server.load.within():
                if server.online.views:
                    (filled,) = await server.online.fill([row], at)
                    row, fresh = filled.row, _fresh(filled)
                reply = await server.answering.one(snapshot, row, at, started)
        else:
            reply = await server.answering.one(snapshot, row, at, started)
        if reply.error is not None:
            raise reply.refusal()
        model = server.config.model
        return reply.json(model) if fresh is None else orjson.dumps(reply.body(model) | fresh)

    async def outcomes(self, request: Request) -> Response:
        """POST /outcomes."""
        server = self._server
        body = await read(request.scope, request.receive, self._server.load)
        if server.measured is not None and of_measures(body):
            told = server.measured.read(body)
            server.answering.measures(told, server.config.unit_column, await server.moments.of(request.headers.get(HEADER)))
            return _json({"accepted": len(told)}, HTTPStatus.ACCEPTED)
        answers = server.schema.read_outcomes(body)
        server.answering.outcomes(answers, await server.moments.of(request.headers.get(HEADER)))
        return _json({"accepted": len(answers)}, HTTPStatus.ACCEPTED)

    async def events(self, request: Request) -> Response:
        """POST /events/VIEW."""
        server = self._server
        view = server.online.views.get(request.path_params["view"])
        if view is None:
            known = ", ".join(server.online.views) or "none"
            raise Refused(HTTPStatus.NOT_FOUND, "no-such-view", f"the views that this server reads events of are: {known}")
        body = await read(request.scope, request.receive, self._server.load)
        found, late, told = events_of(view, body, await server.moments.of(request.headers.get(HEADER)))
        return _json({"accepted": told, "added": await view.push(found), "late": late}, HTTPStatus.ACCEPTED)

    async def live(self, request: Request) -> Response:
        """GET /health/live."""
        del request
        if dead := self._server.dead():
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not-live", dead)
        return _json({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """GET /health/ready: whether a prediction would be answered now. Which part is not well everybody learns, and why those who may
        observe; what a prediction does without is told as degraded."""  # noqa: D205, D209 - two sentences
        if self._server.draining:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "draining", "the server ends: ask another one")
        checks = await self._server.checks()
        if failing := self._server.failing(checks, request.scope):
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", failing)
        degraded = self._server.degraded(checks, request.scope)
        told = {name: "degraded" if name in degraded else "ok" for name in checks}
        return _json({"status": "ready", "checks": told, **({"degraded": degraded} if degraded else {})})

    async def metadata(self, request: Request) -> Response:
        """GET /metadata."""
        del request
        return _json(await self._server.metadata())

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        del request
        server = self._server
        text = server.measures.text(spool=await server.unshipped(), unflushed=server.counter.unflushed, ages=server.guard.ages())
        return Response(text, headers={"content-type": CONTENT_TYPE})


def _fresh(filled: Filled) -> dict[str, object]:
    return {"freshness": filled.freshness} if filled.freshness else {}


def _json(value: object, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _http_problem(made: FastAPI) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What is said of a path that there is not, or is asked by another method: with the paths, and the methods, that there are."""
    paths = ", ".join(
        route.path for route in made.routes if isinstance(route, Route) and not route.path.startswith(("/v2", "/openapi", "/docs/"))
    )

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
        path, kind, detail = request.scope["path"], "refused", str(error.detail)
        if error.status_code == HTTPStatus.NOT_FOUND:
            kind, detail = "no-such-route", f"this server answers {paths} and the Open Inference Protocol's /v2"
        elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            kind, detail = "method-not-allowed", f"{path} is asked by {(error.headers or {}).get('Allow', 'another method')}"
        return Refused(error.status_code, kind, detail, headers=error.headers).response(path)

    return told


async def _bug(request: Request, error: Exception) -> Response:
    del error
    return bug(request.scope["path"])
