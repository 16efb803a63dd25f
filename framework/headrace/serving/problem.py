"""How a request is refused: RFC 9457 problem documents, one a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One field that cannot be taken, as `rows[3].age`, and why; the field is empty where the body itself is at fault."""

    field: str
    message: str


class Refused(Exception):  # noqa: N818 - it says what happened to the request
    """A request that gets a problem document for an answer: status, a stable id, a headline, the fields at fault, and headers."""

    def __init__(
        self,
        status: int,
        id: str,  # noqa: A002 - the id of a diagnostic
        detail: str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.id = id
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    def response(self, path: str = "") -> Response:
        """The problem document; on a path of another protocol, its error object."""
        if open_inference(path):
            answer = error(self.status, self.id, self.detail)
        elif remote_evaluation(path):
            answer = general(self.status, self.id, self.detail)
        else:
            answer = problem(self.status, self.id, self.detail, self.faults)
        answer.headers.update(self.headers)
        return answer


def open_inference(path: str) -> bool:
    """Whether a path is the Open Inference Protocol's."""
    return path == "/v2" or path.startswith("/v2/")


def remote_evaluation(path: str) -> bool:
    """Whether a path is OpenFeature's remote evaluation protocol's."""
    return path.startswith("/ofrep/")


def error(status: int, id: str, detail: str) -> Response:  # noqa: A002 - the id of a diagnostic
    """The error object of the Open Inference Protocol, which has one text and nothing else."""
    return Response(orjson.dumps({"error": f"{id}: {detail}"}), status, media_type="application/json")


def general(status: int, id: str, detail: str) -> Response:  # noqa: A002 - the id of a diagnostic
    """The error object of OpenFeature's remote evaluation protocol, of a fault that it has no code of its own for."""
    return Response(orjson.dumps({"errorCode": "GENERAL", "errorDetails": f"{id}: {detail}"}), status, media_type="application/json")


def problem(status: int, id: str, detail: str, faults: Sequence[Fault] = ()) -> Response:  # noqa: A002 - the id of a diagnostic
    """A problem document: `type` is the id as a URN, `errors` the fields at fault."""
    body: dict[str, Any] = {"type": f"urn:headrace:{id}", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if faults:
        body["errors"] = [{"field": fault.field, "message": fault.message} for fault in faults]
    return Response(orjson.dumps(body), status, media_type=MEDIA_TYPE)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
"""The document's JSON Schema."""
