"""Flags over HTTP, as OpenFeature's remote evaluation protocol (OFREP) has it: evaluated where they are asked, by what was read last."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from headrace.digest import digest
from headrace.flags import Code, Evaluated, InForce, Unanswered, Unreadable, evaluate, read
from headrace.serving.body import read as body_of
from headrace.serving.follow import EVERY, STORE_FAULTS
from headrace.serving.problem import Refused
from headrace.store.changes import Changes

if TYPE_CHECKING:
    from headrace.serving.measures import Measures
    from headrace.serving.overload import Load
    from headrace.store import Store

LOG = logging.getLogger("headrace.serving")
PATH = "/ofrep/v1/evaluate/flags"
"""All flags at once; below it each by its name."""
TARGETING_KEY = "targetingKey"
"""What a client calls the unit that it asks for; an attribute as any other."""


class Flags(threading.Thread):
    """The flags that are in force, looked at every `EVERY` seconds: swapped whole, read without a lock.

    It is a thread of its own: who switches something off does not wait until a version is loaded. While the store is away, what was read
    last goes on.
    """

    def __init__(self, store: Store, measures: Measures, model: str) -> None:
        super().__init__(name=f"flags-{model}", daemon=True)
        self._store = store
        self._measures = measures
        self._changes = Changes(store)
        self._seen: object = None
        self._ended = threading.Event()
        self.current: Mapping[str, InForce | Unreadable] | None = None
        """None until they were read once."""

    async def begin(self) -> None:
        """Read them once, so that the first request finds them, and again and again from then on."""
        with suppress(*STORE_FAULTS):  # the thread says so, and tries again
            await asyncio.to_thread(self.look)
        self.start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def run(self) -> None:
        """Look, wait, look again."""
        failing = False
        while not self._ended.wait(EVERY):
            try:
                self.look()
                failing = False
            except Exception as error:  # noqa: BLE001 - a server that stops looking would keep a switch on for ever
                self._measures.failed("flags")
                if not failing:
                    LOG.warning("the flags cannot be read, those that were read last go on: %s", error)
                failing = True
        self._changes.close()

    def look(self) -> None:
        """Read them, where the store changed."""
        seen = self._changes.token()
        if seen == self._seen:
            return
        with self._store.read() as session:
            self.current = read(session)
        self._seen = seen

    def evaluated(self, name: str, attributes: Mapping[str, object]) -> Evaluated | Unanswered:
        """One flag's answer. Refused (503) where none were read yet."""
        found = self.known().get(name)
        if found is None:
            return Unanswered(name, Code.FLAG_NOT_FOUND, "no flag of this name is in force")
        if isinstance(found, Unreadable):
            told: Evaluated | Unanswered = Unanswered(name, Code.PARSE_ERROR, f"this server cannot read it: {found.why}")
        else:
            told = evaluate(found.flag, found.salt, attributes)
        self._measures.evaluated(name, told.variant if isinstance(told, Evaluated) else "")
        return told

    def known(self) -> Mapping[str, InForce | Unreadable]:
        """Those in force. Refused (503) where none were read yet: that a flag is not there is another thing than not to know."""
        if self.current is None:
            detail = "the flags could not be read yet"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "flags-unknown", detail, headers={"Retry-After": "1"})
        return self.current


class Ofrep:
    """The two endpoints of the protocol."""

    def __init__(self, flags: Flags, load: Load) -> None:
        self._flags = flags
        self._load = load

    async def one(self, request: Request) -> Response:
        """POST /ofrep/v1/evaluate/flags/KEY."""
        name = request.path_params["key"]
        given = _context(await body_of(request.scope, request.receive, self._load))
        found = self._flags.evaluated(name, given) if isinstance(given, dict) else Unanswered(name, Code.INVALID_CONTEXT, given)
        if isinstance(found, Evaluated):
            return _json(_told(found))
        return _json(_told(found), HTTPStatus.NOT_FOUND if found.code is Code.FLAG_NOT_FOUND else HTTPStatus.BAD_REQUEST)

    async def all(self, request: Request) -> Response:
        """POST /ofrep/v1/evaluate/flags: each flag's answer, or why it has none; 304 where the client has just that already."""
        given = _context(await body_of(request.scope, request.receive, self._load))
        if isinstance(given, str):
            return _json({"errorCode": Code.INVALID_CONTEXT, "errorDetails": given}, HTTPStatus.BAD_REQUEST)
        answer = orjson.dumps({"flags": [_told(self._flags.evaluated(name, given)) for name in self._flags.known()]})
        tag = f'"{digest(answer).removeprefix("sha256:")}"'
        if _has(request.headers.get("if-none-match"), tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
        return Response(answer, media_type="application/json", headers={"ETag": tag})


def _context(body: bytes) -> dict[str, object] | str:
    """The attributes of a request; what is wrong with it, where it has none that can be read."""
    try:
        asked = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        return f"the body is no JSON: {error.msg} at character {error.pos}"
    if not isinstance(asked, dict):
        return 'the body must be a JSON object such as {"context": {"targetingKey": "7"}}'
    given = asked.get("context", {})
    if not isinstance(given, dict):
        return "`context` must be a JSON object"
    if not isinstance(given.get(TARGETING_KEY, ""), str):
        return f"`context.{TARGETING_KEY}` must be a text"
    return given


def _told(found: Evaluated | Unanswered) -> dict[str, Any]:
    if isinstance(found, Unanswered):
        return {"key": found.flag, "errorCode": found.code, "errorDetails": found.why}
    metadata = {} if found.rule is None else {"metadata": {"rule": found.rule}}
    return {"key": found.flag, "value": found.value, "variant": found.variant, "reason": found.reason, **metadata}


def _has(sent: str | None, tag: str) -> bool:
    """Whether one of the tags that a client sent is this one, compared weakly."""
    return sent is not None and any(each.strip().removeprefix("W/") in {tag, "*"} for each in sent.split(","))


def _json(value: object, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
