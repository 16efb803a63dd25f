"""How votes are given over HTTP, in a server's OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.serving import problem
from headrace.serving.approvals import Vote
from headrace.serving.schema import json_schema

SCHEME = {"voter": {"type": "http", "scheme": "bearer", "description": "an API key that may `approve`, of the person who votes"}}
"""The way in, which is there whatever else a server asks for."""
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "the request's id"}
_ALL = {
    "name": "all",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["true", "false"], "default": "false"},
    "description": "those that were decided, too",
}
_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_VOTED: dict[str, Any] = {
    "type": "object",
    "required": ["principal", "choice", "reason", "key", "at"],
    "properties": {name: {"type": "string"} for name in ("principal", "choice", "reason", "at")} | {"key": _TEXT},
}
_MAY: dict[str, Any] = {
    "type": "object",
    "required": ["principal", "why_not"],
    "properties": {"principal": {"type": "string"}, "why_not": _TEXT | {"description": "null where the vote would count"}},
}
_REQUEST: dict[str, Any] = {
    "type": "object",
    "description": "something that was asked for, by its digests",
    "required": ["request", "subject", "model", "environment", "on", "version", "status", "digests", "changed", "may_vote", "votes"],
    "properties": {
        "request": {"type": "string", "description": "its id"},
        "subject": {"type": "string", "description": "the digest of `digests`, which a vote on it names"},
        "model": {"type": "string"},
        "environment": {"type": "string"},
        "on": {"type": "string"},
        "version": {"type": ["integer", "null"], "description": "null for a plan"},
        "status": {"enum": ["open", "approved", "rejected", "lapsed", "void"]},
        "reason": {"type": "string"},
        "digests": {"type": "object", "additionalProperties": _TEXT},
        "changed": {"type": "array", "items": {"type": "string"}, "description": "what of it is another by now: no vote on it counts"},
        "requested_at": {"type": "string", "format": "date-time"},
        "deadline": _TEXT,
        "decided_at": _TEXT,
        "requesters": {"type": "array", "items": {"type": "string"}},
        "break_glass": {"type": ["object", "null"]},
        "trace": {"type": "array", "items": {"type": "object"}, "description": "what each policy says, and why"},
        "may_vote": {"type": "array", "items": _MAY},
        "votes": {"type": "array", "items": _VOTED},
        "evidence": {"type": ["object", "null"], "description": "metrics and gates, beside the champion's"},
    },
}
_WHY: Mapping[str, str] = {
    "401": "no key, or none that is in force",
    "403": "a key that may not vote on this, or a vote that would not count",
    "404": "no such request of this model",
    "408": "the body did not come in time",
    "409": "it is no longer what was looked at, was decided, or you have voted",
    "413": "the body is too large",
    "415": "the body is of another kind",
    "422": "a field is at fault",
    "503": "the store cannot be asked now",
}


def paths(components: dict[str, Any]) -> dict[str, Any]:
    """The operations; their schemas are added to `components`."""
    components["Approval"] = _REQUEST
    components["Vote"] = json_schema(Vote)
    one = {"$ref": "#/components/schemas/Approval"}
    told = {"environment": {"type": "string"}, "requests": {"type": "array", "items": one}}
    listed = {"type": "object", "required": list(told), "properties": told}
    said = {name: {"type": "string"} for name in ("principal", "key", "choice", "outcome", "reason")}
    cast = {"type": "object", "required": [*said, "request"], "properties": {**said, "request": one}}
    vote = _operation("Vote on it.", [_ID], "201", cast, ("401", "403", "404", "408", "409", "413", "415", "422", "503"))
    vote["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Vote"}}}}
    return {
        "/approvals": {"get": _operation("What waits for approval.", [_ALL], "200", listed, ("401", "403", "422", "503"))},
        "/approvals/{id}": {"get": _operation("One request.", [_ID], "200", one, ("401", "403", "404", "503"))},
        "/approvals/{id}/votes": {"post": vote},
    }


def _operation(
    summary: str, parameters: list[dict[str, Any]], status: str, answer: dict[str, Any], codes: tuple[str, ...]
) -> dict[str, Any]:
    document = {problem.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "summary": summary,
        "security": [{"voter": []}],
        "parameters": parameters,
        "responses": {
            status: {"description": "the answer", "content": {"application/json": {"schema": answer}}},
            **{code: {"description": _WHY[code], "content": document} for code in codes},
        },
    }
