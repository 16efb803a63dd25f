"""The outermost ASGI app of a server of several models: whose path it is, and what is asked of all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.serving.measures import CONTENT_TYPE
from headrace.serving.plane import Plane, below, relative
from headrace.serving.problem import problem
from headrace.serving.together.exposition import merged

LOG = logging.getLogger("headrace.serving")

BELOW = below("")
STORED = "/v2/models/"


@dataclass(frozen=True, slots=True)
class Member:
    """One model: what answers for it, or why nothing does."""

    model: str
    plane: Plane | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    status: int
    body: bytes


class Together:
    """An ASGI app. A model that cannot be started is told of at its paths and in /health/ready, and the others answer."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = {member.model: member for member in members}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path: str = scope["path"]
        if path.startswith(BELOW):
            name = path.removeprefix(BELOW).partition("/")[0]
            await self._one(name, relative(scope, below(name)), receive, send)
        elif path.startswith(STORED):
            await self._one(path.removeprefix(STORED).partition("/")[0], scope, receive, send)
        else:
            await (await self._all(scope, path))(scope, receive, send)

    async def _one(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        member = self._members.get(name)
        if member is not None and member.plane is not None:
            await member.plane(scope, receive, send)
        elif member is not None:
            await problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-started", member.fault)(scope, receive, send)
        else:
            await problem(HTTPStatus.NOT_FOUND, "no-such-model", self._there())(scope, receive, send)

    async def _all(self, scope: Scope, path: str) -> Response:
        """What is asked of the server as a whole: by asking each model the same, as the caller."""
        paths = ("/health/live", "/health/ready", "/metadata", "/metrics")
        if path not in paths:
            return problem(HTTPStatus.NOT_FOUND, "no-such-route", f"{self._there()}; all of them answer {', '.join(paths)}")
        if scope["method"] != "GET":
            answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", f"{path} is asked by GET")
            answer.headers["allow"] = "GET"
            return answer
        said = await asyncio.gather(*(_ask(member, scope) for member in self._members.values()))
        told = dict(zip(self._members, said, strict=True))
        match path:
            case "/metrics":
                texts = [found.body.decode() for found in said if found.status == HTTPStatus.OK]
                return Response(merged(texts), headers={"content-type": CONTENT_TYPE})
            case "/metadata":
                return _json({"models": {name: orjson.loads(found.body) for name, found in told.items()}})
            case "/health/live":
                return _health("live", told, well=all(found.status == HTTPStatus.OK for found in self._started(told)))
            case _:
                return _health("ready", told, well=any(found.status == HTTPStatus.OK for found in said))

    def _started(self, told: Mapping[str, _Said]) -> list[_Said]:
        return [found for name, found in told.items() if self._members[name].plane is not None]

    def _there(self) -> str:
        return f"the models of this server answer below {', '.join(below(name) for name in self._members)}"

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.gather(*(self._start(member) for member in self._members.values()))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        running = [member.plane.state.server.stop() for member in self._members.values() if member.plane is not None]
        for error in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(error, Exception):
                LOG.error("a model's server did not stop well: %s", error)
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self, member: Member) -> None:
        if member.plane is None:
            LOG.error("model/%s is not served: %s", member.model, member.fault)
            return
        try:
            await member.plane.state.server.start()
        except Exception as error:
            LOG.exception("model/%s is not served", member.model)
            self._members[member.model] = Member(member.model, None, f"its server did not start: {type(error).__name__}: {error}")


async def _ask(member: Member, scope: Scope) -> _Said:
    """What a model's own app says to the same request."""
    if member.plane is None:
        answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-started", member.fault)
        return _Said(answer.status_code, bytes(answer.body))
    status, parts = HTTPStatus.INTERNAL_SERVER_ERROR.value, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await member.plane(scope, receive, send)
    return _Said(status, b"".join(parts))


def _health(word: str, told: Mapping[str, _Said], *, well: bool) -> Response:
    models = {}
    for name, found in told.items():
        fine = found.status == HTTPStatus.OK
        models[name] = {"status": word} if fine else {"status": f"not {word}", "detail": orjson.loads(found.body).get("detail")}
    failing = [f"{name}: {state['detail']}" for name, state in models.items() if state["status"] != word]
    if not well:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not-{word}", "; ".join(failing))
    return _json({"status": word if not failing else "partly", "models": models})


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
