"""How flags are asked for, in a server's OpenAPI document."""

from __future__ import annotations

from typing import Any

from headrace.flags import Code, Reason
from headrace.serving.flags import PATH

_TEXT: dict[str, Any] = {"type": "string"}
_CONTEXT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "context": {
            "type": "object",
            "description": "the attributes that rules match and shares are dealt by",
            "properties": {"targetingKey": _TEXT},
            "additionalProperties": True,
        }
    },
}
_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["key", "value", "variant", "reason"],
    "properties": {
        "key": _TEXT,
        "value": {"type": ["boolean", "integer", "number", "string"]},
        "variant": _TEXT,
        "reason": {"enum": [reason.value for reason in Reason]},
        "metadata": {"type": "object", "properties": {"rule": {"type": "string", "description": "the rule that decided"}}},
    },
}
ERROR: dict[str, Any] = {"$ref": "#/components/schemas/FlagError"}
"""What a request is refused with that is not answered at all."""
_CODES = [code.value for code in Code if code is not Code.FLAG_NOT_FOUND]
_KEY = {"name": "key", "in": "path", "required": True, "schema": _TEXT, "description": "the flag's name"}
_TAG = {"name": "If-None-Match", "in": "header", "required": False, "schema": _TEXT, "description": "the `ETag` of an earlier answer"}
_WHY = {
    "408": "the body did not come in time",
    "413": "the body is too large",
    "415": "the body is of another kind",
    "422": "the body nests too deep",
    "503": "the flags could not be read yet, or the server is too busy",
}


def paths(components: dict[str, Any]) -> dict[str, Any]:
    """The operations; their schemas are added to `components`."""
    components["FlagContext"] = _CONTEXT
    components["FlagAnswer"] = _ANSWER
    components["FlagFailure"] = _failure(_CODES, "key", "errorCode")
    components["FlagNotFound"] = _failure([Code.FLAG_NOT_FOUND.value], "key", "errorCode")
    components["FlagError"] = _failure(_CODES, "errorCode")
    found = {"oneOf": [_of("FlagAnswer"), _of("FlagFailure")]}
    every = {"type": "object", "required": ["flags"], "properties": {"flags": {"type": "array", "items": found}}}
    tag = {"ETag": {"schema": _TEXT, "description": "of this answer, for `If-None-Match`"}}
    errors = {code: _response(why, ERROR) for code, why in _WHY.items()}
    one = {
        "200": _response("the variant, and why it is that one", _of("FlagAnswer")),
        "400": _response("it cannot be answered for this context", _of("FlagFailure")),
        "404": _response("no flag of this name is in force", _of("FlagNotFound")),
    }
    several = {
        "200": {**_response("each flag's variant, or why it has none", every), "headers": tag},
        "304": {"description": "the answer that the client has already", "headers": tag},
        "400": _response("the context cannot be read", ERROR),
    }
    return {
        PATH: {"post": _asked("Evaluate all flags.", [_TAG], several | errors)},
        f"{PATH}/{{key}}": {"post": _asked("Evaluate one flag.", [_KEY], one | errors)},
    }


def _failure(codes: list[str], *required: str) -> dict[str, Any]:
    said = {"key": _TEXT, "errorCode": {"enum": codes}, "errorDetails": _TEXT}
    return {"type": "object", "required": list(required), "properties": said}


def _of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _asked(summary: str, parameters: list[dict[str, Any]], responses: dict[str, Any]) -> dict[str, Any]:
    body = {"required": False, "content": {"application/json": {"schema": _of("FlagContext")}}}
    return {"summary": summary, "parameters": parameters, "requestBody": body, "responses": responses}
