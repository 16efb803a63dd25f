"""How a request's body is read: once, as bytes, and no more of it than is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from headrace.serving.problem import Refused

MAX_BODY = 2**20
"""The most bytes of a body; a batch that needs more is two batches."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request is taken."""

    body: int = MAX_BODY
    """Bytes."""


LIMITS = Limits()


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    """A header of a request by its name in lower case; the first one, where it is sent twice."""
    for key, value in scope["headers"]:
        if key == name:
            told: str = value.decode("latin-1")
            return told
    return None


async def read(scope: Mapping[str, Any], receive: Receive, limits: Limits = LIMITS) -> bytes:
    """The body of a request; Refused (415) where it says that it is no JSON, (413) where it is too large.

    Raises starlette's ClientDisconnect where the client goes before all of it is there.
    """
    # A page in a browser may post text to loopback without asking; JSON it may not.
    kind = header(scope, b"content-type")
    if kind is not None and kind != "application/json" and not _is_json(kind):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-json", "the body must be JSON: send `Content-Type: application/json`")
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdecimal() and int(declared) > limits.body:
        raise _too_large(limits)
    message = await _next(receive)
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(first) > limits.body:
            raise _too_large(limits)
        return first
    chunks, size = [first], len(first)
    while message.get("more_body", False) and size <= limits.body:
        message = await _next(receive)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limits.body:
        raise _too_large(limits)
    return b"".join(chunks)


async def _next(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


def _too_large(limits: Limits) -> Refused:
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"the body has more than {limits.body} bytes: send fewer rows at once")


def _is_json(kind: str) -> bool:
    essence = kind.partition(";")[0].strip().lower()
    return essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))
