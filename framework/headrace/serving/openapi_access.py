"""How a server is asked for access, in its OpenAPI document: the ways in, which paths need one, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from headrace.compiled import AccessConfig
from headrace.serving import inference, openapi_flags, problem

_REFUSALS = {
    "401": "no key and no token that is believed",
    "403": "a key or token that is good, and not for this",
    "429": "too many requests of this caller; `Retry-After` says when to come again",
}


def secured(document: dict[str, Any], access: AccessConfig, free: Collection[str]) -> dict[str, Any]:
    """The document with what `access` says; the paths of `free` need nothing."""
    ways = _ways(access)
    counted = access.rate is not None
    codes = [code for code in _REFUSALS if (code == "429" and counted) or (code != "429" and ways)]
    told = dict(document)
    told["paths"] = {
        path: item if path in free else {method: _refusing(path, asked, codes) for method, asked in item.items()}
        for path, item in document["paths"].items()
    }
    if ways:
        schemes = {**document["components"].get("securitySchemes", {}), **ways}
        told["components"] = {**document["components"], "securitySchemes": schemes}
        told["security"] = [{name: []} for name in ways]
        for path in free:
            if path in told["paths"]:
                told["paths"][path] = {method: {**asked, "security": []} for method, asked in told["paths"][path].items()}
    return told


def _ways(access: AccessConfig) -> dict[str, dict[str, Any]]:
    if access.auth is None:
        return {}
    bearer = {"type": "http", "scheme": "bearer", "description": "an API key, or a token of the identity provider"}
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "an API key"}
    return {"bearer": bearer} | ({"key": key} if access.auth.keys else {})


def _refusing(path: str, asked: dict[str, Any], codes: list[str]) -> dict[str, Any]:
    content = {problem.MEDIA_TYPE: {"schema": problem.SCHEMA}}
    if problem.open_inference(path):
        content = {"application/json": {"schema": inference.ERROR}}
    elif problem.remote_evaluation(path):
        content = {"application/json": {"schema": openapi_flags.ERROR}}
    refusals = {code: {"description": _REFUSALS[code], "content": content} for code in codes}
    return {**asked, "responses": {**asked["responses"], **refusals}}
