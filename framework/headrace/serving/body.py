"""How a request's body is read: once, as bytes, no more of it than is allowed, and in no more time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator, Mapping
from http import HTTPStatus
from types import coroutine
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from headrace.compiled import LimitsConfig
from headrace.serving.overload import Load
from headrace.serving.problem import Refused

ARROW = "application/vnd.apache.arrow.stream"
"""Apache Arrow's stream of record batches."""
_CLOSE = {"connection": "close"}
"""What is still to come of a refused body is read by nobody."""
SMALL = 4096
"""Bytes of a body that is parsed in no time, whatever it is."""
_SHOWN = 40
"""Characters of a header that a message repeats."""
_OTHER = bytes(set(range(256)) - set(b"[]{}"))
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)', re.DOTALL)


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    """A header of a request by its name in lower case; the first one, where it is sent twice."""
    for key, value in scope["headers"]:
        if key == name:
            told: str = value.decode("latin-1")
            return told
    return None


async def read(scope: Mapping[str, Any], receive: Receive, load: Load, *, arrow: bool = False) -> bytes:
    """As `read_any`, and no deeper than it may be: refused (422) as `shallow` says it."""
    return shallow(await read_any(scope, receive, load, arrow=arrow), header(scope, b"content-type"), load.limits)


async def read_any(scope: Mapping[str, Any], receive: Receive, load: Load, *, arrow: bool = False) -> bytes:
    """The body of a request, JSON or, where it may be, Arrow; that it must be `shallow` is for the caller to say.

    Refused: 415 where it says that it is something else, or packed, 413 where it is too large, 408 where it does not come in time, 503
    where too much is still coming in. Raises starlette's ClientDisconnect where the client goes before all of it is there.
    """
    limits = load.limits
    # A page in a browser may post text to loopback without asking; JSON it may not.
    kind = header(scope, b"content-type")
    if kind is not None and kind != "application/json" and not is_json(kind) and not (arrow and is_arrow(kind)):
        also = f", or Arrow as `{ARROW}`" if arrow else ""
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-json", f"the body must be JSON: send `Content-Type: application/json`{also}")
    packed = header(scope, b"content-encoding")
    if packed is not None and packed.strip().lower() not in {"", "identity"}:
        message = f"the body is sent as `Content-Encoding: {packed[:_SHOWN]}`, and it is read as it comes: send it without"
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "packed-body", message)
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdecimal() and (len(declared) > len(str(limits.body)) or int(declared) > limits.body):
        raise _too_large(limits)
    waiting = receive().__await__()
    try:
        signal = next(waiting)
    except StopIteration as done:
        message = done.value
        first: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body", False):
            if len(first) > limits.body:
                raise _too_large(limits) from None
            return first
        rest = _rest(receive, load, message)
    else:
        rest = _rest(receive, load, _go_on(waiting, signal))
    # Whoever waits for a client works on nothing.
    load.give()
    try:
        async with asyncio.timeout(limits.time):
            body = await rest
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "too-slow", f"the body did not come within {limits.time:g} s", headers=_CLOSE) from None
    finally:
        load.again()
    load.check()
    return body


async def _rest(receive: Receive, load: Load, begun: Any) -> bytes:  # noqa: ANN401 - a message, or one that is awaited
    """A body that comes in several parts, or has not begun to."""
    chunks: list[bytes] = []
    size = 0
    try:
        message = begun if isinstance(begun, dict) else await begun
        while True:
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            load.hold(len(chunk))
            size += len(chunk)
            chunks.append(chunk)
            if size > load.limits.body:
                raise _too_large(load.limits)
            if not message.get("more_body", False):
                return b"".join(chunks)
            message = await receive()
    finally:
        load.drop(size)


@coroutine
def _go_on(waiting: Generator[Any, Any, Any], signal: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401 - the event loop's own
    """Await what was begun, and has already asked the event loop to wait for `signal`."""
    try:
        while True:
            try:
                told = yield signal
            except BaseException as error:  # noqa: BLE001 - whatever ends the wait is told to who waits
                signal = waiting.throw(error)
            else:
                signal = waiting.send(told)
    except StopIteration as done:
        return done.value


def is_json(kind: str) -> bool:
    """Whether a content type is JSON's, by any of its names."""
    essence = kind.partition(";")[0].strip().lower()
    return essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))


def is_arrow(kind: str) -> bool:
    """Whether a content type is that of an Arrow stream."""
    return kind.partition(";")[0].strip().lower() == ARROW


def shallow(body: bytes, kind: str | None, limits: LimitsConfig) -> bytes:
    """The body; Refused (422) where its JSON nests deeper than it may."""
    if kind is not None and is_arrow(kind):
        return body
    # Of a small body two counts tell most often; of a large one they would take longer than to look at its brackets at once.
    if len(body) < SMALL and body.count(b"[") + body.count(b"{") <= limits.depth:
        return body
    if deep(body, limits.depth):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "body-too-deep", f"the body nests deeper than {limits.depth} levels")
    return body


def deep(body: bytes, most: int) -> bool:
    """Whether brackets nest deeper than so many levels; told without parsing, at the speed of memory.

    Brackets within texts count for nothing where they would refuse a body. Where they hide a level, the parsers' own bounds hold.
    """
    return _depth(body.translate(None, _OTHER)) > most and _depth(_TEXT.sub(b"", body).translate(None, _OTHER)) > most


def _depth(brackets: bytes) -> int:
    import numpy as np

    codes = np.frombuffer(brackets, dtype=np.uint8)
    if not len(codes):
        return 0
    # 0x5b and 0x7b open, 0x5d and 0x7d close: the second bit tells them apart.
    steps = np.where(codes & 0b10, 1, -1)
    return int(np.cumsum(steps).max())


def _too_large(limits: LimitsConfig) -> Refused:
    message = f"the body has more than {limits.body} bytes: send fewer rows at once, or raise `serving.limits.body`"
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", message, headers=_CLOSE)
