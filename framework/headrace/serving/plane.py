"""The outermost ASGI function of a server: who may ask, how many at once, and exact paths answered ahead of the FastAPI app behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from headrace.serving.head import Now
from headrace.serving.measures import Measures
from headrace.serving.overload import UNBOUNDED, Load
from headrace.serving.problem import Refused
from headrace.serving.tracing import Tracing
from headrace.serving.written import at_once

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Media:
    """An answer that is no JSON, and what it is."""

    body: bytes
    kind: str


Handler = Callable[[Mapping[str, Any], Receive], Awaitable[bytes | Media]]
"""Answers a request with JSON, or with what it says, or raises Refused."""
FREE = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
"""What a supervisor asks, without a key and all the time."""
Admit = Callable[[Mapping[str, Any]], Awaitable[None] | None]
"""Raises Refused where a request may not go on; what it returns is awaited, and may raise it too."""


@dataclass(frozen=True, slots=True)
class Hot:
    """What answers one path without a framework, and the measures of the server that it belongs to."""

    answer: Handler
    measures: Measures
    now: Now | None = None
    """Answers the same where a request is read, as far as it can."""


class Plane:
    """An ASGI app: `hot` by exact (method, path) in front, and `behind` it all else: docs, health, events, errors.

    `admit` says who may ask, as `Guard.admit`; `measures` count what is refused before a path is looked up; `tracing` follows requests.
    Every path is answered below `/models/NAME`, too, as in a server of several.
    """

    def __init__(  # noqa: PLR0917 - what a plane is made of
        self,
        behind: FastAPI,
        hot: Mapping[tuple[str, str], Hot],
        measures: Measures,
        model: str,
        load: Load,
        admit: Admit | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.behind = behind
        self.state = behind.state
        self._hot = dict(hot)
        self._measures = measures
        self._load = load
        self._admit = admit
        self._tracing = tracing
        routes = [route for route in behind.routes if isinstance(route, Route)]
        self._declared = frozenset(route.path for route in routes if "{" not in route.path)
        self._patterns = tuple((route.path, route.path_regex) for route in routes if "{" in route.path)
        self._below = f"{below(model)}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the lifespan."""
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
            return
        while scope["path"].startswith(self._below):  # as often as it stands there: a route would be found behind each of them
            scope = relative(scope, self._below[:-1])
        measures, started, method, path = self._measures, perf_counter(), scope["method"], self._path(scope["path"])
        span = None if self._tracing is None or path in FREE else self._tracing.begin(scope, path, send)
        measures.inside += 1
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR
        try:
            status = await self._answer(scope, receive, send if span is None else span.send)
        finally:
            measures.inside -= 1
            measures.responded(method if method in _METHODS else "other", path, status, perf_counter() - started)
            if span is not None:
                span.end(status)

    @property
    def nows(self) -> dict[tuple[bytes, bytes], Now]:
        """What answers where a request is read, by its method and target."""
        each = [(method, path, hot.now) for (method, path), hot in self._hot.items() if hot.now is not None]
        return {(m.encode(), target.encode()): now for m, path, now in each for target in (path, self._below[:-1] + path)}

    def _path(self, path: str) -> str:
        """A path as it is declared, such as `/events/{view}`; `other` where it is not."""
        if path in self._declared:
            return path
        return next((declared for declared, expression in self._patterns if expression.match(path)), "other")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """One request; the status that it was answered with."""
        # The one place where a request is admitted (who asks) and then takes a place (how many are answered at once), which it gives
        # back whatever becomes of it. What is refused here: `self._measures.refused(…)`, and the refusal's own response.
        path = scope["path"]
        try:
            if self._admit is not None and (waiting := self._admit(scope)) is not None:
                async with self._load.within():
                    await waiting
            if path in UNBOUNDED:
                return await _behind(self.behind, scope, receive, send)
            self._load.take()
        except Refused as refused:
            self._measures.refused(refused.status)
            await refused.response(path)(scope, receive, send)
            return refused.status
        try:
            found = self._hot.get((scope["method"], path))
            if found is None:
                return await _behind(self.behind, scope, receive, send)
            return await _answer(found, scope, receive, send)
        finally:
            self._load.give()


def below(model: str) -> str:
    """The path below which a model's own paths are."""
    return f"/models/{model}"


def relative(scope: Scope, prefix: str) -> Scope:
    """A request as what is below a path sees it."""
    return {**scope, "path": scope["path"].removeprefix(prefix), "root_path": scope.get("root_path", "") + prefix}


async def _behind(app: FastAPI, scope: Scope, receive: Receive, send: Send) -> int:
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR

    async def seen(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    await app(scope, receive, seen)
    return status


async def _answer(hot: Hot, scope: Scope, receive: Receive, send: Send) -> int:
    try:
        body = await hot.answer(scope, receive)
    except Refused as refused:
        hot.measures.refused(refused.status)
        await refused.response(scope["path"])(scope, receive, send)
        return refused.status
    except ClientDisconnect:
        await Response(status_code=HTTPStatus.BAD_REQUEST)(scope, receive, send)
        return HTTPStatus.BAD_REQUEST
    except Exception:
        await bug(scope["path"])(scope, receive, send)
        raise  # the server logs it
    kind = b"application/json"
    if isinstance(body, Media):
        kind, body = body.kind.encode(), body.body
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", kind)]
    if at_once(send, headers, body):
        return HTTPStatus.OK
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return HTTPStatus.OK


def bug(path: str = "") -> Response:
    """What a client is told of a fault of the server itself: nothing of what it was."""
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", "the server failed; its log says how").response(path)
