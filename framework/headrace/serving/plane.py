"""The outermost ASGI function of a server: who may ask, how many at once, and exact paths answered ahead of the FastAPI app behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.serving.measures import Measures
from headrace.serving.overload import FREE, Load
from headrace.serving.problem import Refused


@dataclass(frozen=True, slots=True)
class Media:
    """An answer that is no JSON, and what it is."""

    body: bytes
    kind: str


Handler = Callable[[Mapping[str, Any], Receive], Awaitable[bytes | Media]]
"""Answers a request with JSON, or with what it says, or raises Refused."""


@dataclass(frozen=True, slots=True)
class Hot:
    """What answers one path without a framework, and the measures of the server that it belongs to."""

    answer: Handler
    measures: Measures


class Plane:
    """An ASGI app: `hot` by exact (method, path) in front, and `behind` it all else: docs, health, events, errors.

    `measures` count what is refused before a path is looked up.
    """

    def __init__(self, behind: FastAPI, hot: Mapping[tuple[str, str], Hot], measures: Measures, load: Load) -> None:
        self.behind = behind
        self.state = behind.state
        self._hot = dict(hot)
        self.measures = measures
        self._load = load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the lifespan."""
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
            return
        # The one place where a request is admitted (who asks) and then takes a place (how many are answered at once), which it gives
        # back whatever becomes of it. What is refused here: `self.measures.refused(…)`, and the refusal's own response.
        path, load = scope["path"], self._load
        if path in FREE:
            await self.behind(scope, receive, send)
            return
        try:
            load.take()
        except Refused as refused:
            self.measures.refused(refused.status)
            await refused.response(path)(scope, receive, send)
            return
        try:
            found = self._hot.get((scope["method"], path))
            if found is None:
                await self.behind(scope, receive, send)
            else:
                await _answer(found, scope, receive, send)
        finally:
            load.give()


async def _answer(hot: Hot, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        body = await hot.answer(scope, receive)
    except Refused as refused:
        hot.measures.refused(refused.status)
        await refused.response(scope["path"])(scope, receive, send)
        return
    except ClientDisconnect:
        await Response(status_code=HTTPStatus.BAD_REQUEST)(scope, receive, send)
        return
    except Exception:
        await bug(scope["path"])(scope, receive, send)
        raise  # the server logs it
    kind = b"application/json"
    if isinstance(body, Media):
        kind, body = body.kind.encode(), body.body
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", kind)]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bug(path: str = "") -> Response:
    """What a client is told of a fault of the server itself: nothing of what it was."""
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", "the server failed; its log says how").response(path)
