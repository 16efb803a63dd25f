"""The outermost ASGI app of a server of several models: whose path it is, and what is asked of all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.compiled import LimitsConfig
from headrace.serving.body import read
from headrace.serving.flags import PATH as FLAGS
from headrace.serving.head import Now
from headrace.serving.measures import CONTENT_TYPE
from headrace.serving.overload import Load
from headrace.serving.plane import Plane, below, relative
from headrace.serving.problem import Refused, problem
from headrace.serving.problem import error as told_by_protocol
from headrace.serving.together.exposition import merged
from headrace.serving.together.repository import REPOSITORY, index

LOG = logging.getLogger("headrace.serving")

BELOW = below("")
NAMED = ("/v2/models/", f"{REPOSITORY}models/")
"""What the Open Inference Protocol asks of one model, whose name follows."""
_ASKED: Mapping[str, str] = {
    "/health/live": "GET",
    "/health/ready": "GET",
    "/metadata": "GET",
    "/metrics": "GET",
    "/v2": "GET",
    "/v2/": "GET",
    "/v2/health/live": "GET",
    "/v2/health/ready": "GET",
    f"{REPOSITORY}index": "POST",
}
"""What is asked of all, and by which method."""
_TURNED_AWAY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE})
"""By which another model's server may be asked instead."""
_INDEX = LimitsConfig(body=4096, concurrency=64)
"""What an index takes: a body of one key, before anybody has looked at who sends it."""


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
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return self.status == HTTPStatus.OK

    def response(self) -> Response:
        return Response(self.body, self.status, self.headers)


class Together:
    """An ASGI app. A model that cannot be started is told of at its paths and in /health/ready, and the others answer."""

    def __init__(self, members: Sequence[Member], *, exposed: bool = False) -> None:
        """`exposed` says that others than this machine reach it: why a model is not served is for the log then."""
        self._members = {member.model: member for member in members}
        self._exposed = exposed
        self._load = Load(_INDEX)

    @property
    def nows(self) -> dict[tuple[bytes, bytes], Now]:
        """What answers where a request is read, by its method and target: below a model's own path alone."""
        planes = [member.plane for member in self._members.values() if member.plane is not None]
        return {key: now for plane in planes for key, now in plane.nows.items() if key[1].startswith(BELOW.encode())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path: str = scope["path"]
        named = next((prefix for prefix in NAMED if path.startswith(prefix)), None)
        if path.startswith(BELOW):
            name = path.removeprefix(BELOW).partition("/")[0]
            await self._one(name, relative(scope, below(name)), receive, send)
        elif named is not None:
            await self._one(path.removeprefix(named).partition("/")[0], scope, receive, send)
        else:
            try:
                answer = await (self._flags(scope, receive) if path.startswith(FLAGS) else self._all(scope, receive, path))
            except Refused as refused:
                answer = refused.response(path)
            await answer(scope, receive, send)

    async def _one(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        member = self._members.get(name)
        if member is not None and member.plane is not None:
            await member.plane(scope, receive, send)
            return
        if member is not None:
            refused = Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not-started", self._why(member))
        else:
            refused = Refused(HTTPStatus.NOT_FOUND, "no-such-model", self._there())
        await refused.response(scope["path"])(scope, receive, send)

    async def _all(self, scope: Scope, receive: Receive, path: str) -> Response:
        """What is asked of the server as a whole: by asking each model the same, as the caller. Refused where it is nothing of that."""
        method = _ASKED.get(path)
        if method is None:
            raise Refused(HTTPStatus.NOT_FOUND, "no-such-route", f"{self._there()}; all of them answer {', '.join(_ASKED)}")
        if scope["method"] != method:
            message = f"{path} is asked by {method}"
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", message, headers={"allow": method})
        body = await self._body(scope, receive) if method == "POST" else b""
        said = await asyncio.gather(*(self._ask(member, scope, body) for member in self._members.values()))
        told = dict(zip(self._members, said, strict=True))
        if path.startswith("/v2"):
            return self._by_protocol(told, path, body)
        started = self._started(told)
        if path in {"/metrics", "/metadata"} and started and not any(found.well for found in started):
            return started[0].response()
        match path:
            case "/metrics":
                texts = [found.body.decode() for found in said if found.well]
                return Response(merged(texts), headers={"content-type": CONTENT_TYPE})
            case "/metadata":
                return _json({"models": {name: orjson.loads(found.body) for name, found in told.items()}})
            case "/health/live":
                return _health("live", told, well=all(found.well for found in self._started(told)))
            case _:
                return _health("ready", told, well=any(found.well for found in said))

    async def _flags(self, scope: Scope, receive: Receive) -> Response:
        """The flags are the project's: what the first model says whose server takes the caller, or else the first refusal."""
        body = await self._body(scope, receive)
        started = [member for member in self._members.values() if member.plane is not None]
        refused: list[_Said] = []
        for member in started or list(self._members.values()):
            said = await self._ask(member, scope, body)
            if said.status not in _TURNED_AWAY:
                return said.response()
            refused.append(said)
        return refused[0].response()

    def _by_protocol(self, told: Mapping[str, _Said], path: str, body: bytes) -> Response:
        """As the Open Inference Protocol says it."""
        match path:
            case "/v2/health/live":
                return _protocol("live", told, self._started(told))
            case "/v2/health/ready":
                return _protocol("ready", told, list(told.values()))
            case _:
                return self._first(told, path, body)

    def _first(self, told: Mapping[str, _Said], path: str, body: bytes) -> Response:
        """What the first model says that answers the caller, or else the first refusal; an index has the rows of all that answer."""
        started = self._started(told)
        answered = [found for found in started if found.well]
        if not answered:
            found = (started or list(told.values()))[0]
            return found.response()
        if not path.startswith(REPOSITORY):
            return answered[0].response()
        gone = {name: self._why(member) for name, member in self._members.items() if member.plane is None}
        return _json(index([found.body for found in answered], gone, body))

    def _why(self, member: Member) -> str:
        """Why a model is not served, where whoever asks may know: it has no server that could look at a key."""
        return "its server did not start: the log says why" if self._exposed else member.fault

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        self._load.take()
        try:
            return await read(scope, receive, self._load)
        finally:
            self._load.give()

    async def _ask(self, member: Member, scope: Scope, body: bytes) -> _Said:
        """What a model's own app says to the same request."""
        if member.plane is None:
            answer = Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not-started", self._why(member)).response(scope["path"])
            return _Said(answer.status_code, bytes(answer.body), {"content-type": answer.headers["content-type"]})
        status, headers, parts = HTTPStatus.INTERNAL_SERVER_ERROR.value, {}, []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            else:
                parts.append(message.get("body", b""))

        await member.plane(scope, receive, send)
        return _Said(status, b"".join(parts), headers)

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


def _health(word: str, told: Mapping[str, _Said], *, well: bool) -> Response:
    models = {}
    for name, found in told.items():
        said = orjson.loads(found.body)
        if found.well:
            models[name] = {"status": word, **{key: said[key] for key in ("degraded",) if key in said}}
        else:
            models[name] = {"status": f"not {word}", "detail": said.get("detail")}
    failing = [f"{name}: {state['detail']}" for name, state in models.items() if state["status"] != word]
    if not well:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"not-{word}", "; ".join(failing))
    return _json({"status": word if not failing else "partly", "models": models})


def _protocol(word: str, told: Mapping[str, _Said], counted: Sequence[_Said]) -> Response:
    """The Open Inference Protocol's health, which is well where all that count are."""
    if all(found.well for found in counted):
        return _json({"live": True} if word == "live" else {"live": True, "ready": True})
    failing = [f"{name}: {orjson.loads(found.body)['error']}" for name, found in told.items() if not found.well]
    return told_by_protocol(HTTPStatus.SERVICE_UNAVAILABLE, f"not-{word}", "; ".join(failing))


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
