"""What a server's API looks like to a client: its OpenAPI document, from the same schemas that check the requests."""

from __future__ import annotations

from typing import Any

from headrace import __version__
from headrace.compiled import ServingConfig
from headrace.hooks import Task
from headrace.serving import problem
from headrace.serving.moment import HEADER
from headrace.serving.online import FRESHNESS, Online
from headrace.serving.schema import Schema, json_schema

_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_PREDICTION: dict[Task, dict[str, Any]] = {
    "binary": _NUMBER | {"minimum": 0, "maximum": 1, "description": "the probability of the positive class"},
    "multiclass": {"type": ["string", "null"], "description": "the most probable class"},
    "regression": _NUMBER | {"description": "the predicted number"},
    "ranking": _NUMBER | {"description": "the score: among the rows of one group that one version answered, the higher the better"},
    "quantile": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "number"},
        "description": "the predicted number at each level, such as `0.1`",
    },
}
_RANK: dict[str, Any] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "description": "in a batch: the place among its rows of the same group, 1 for the highest score, equal scores in the batch's order; "
    "null where a row of the group has no prediction",
}
_PROBABILITIES: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
    "description": "the probability of each class",
}


def _answer(task: Task) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["id", "prediction", "model", "version", "arm", "unseen"],
        "properties": {
            "id": {"type": "string", "description": "the journalled prediction's id"},
            "prediction": _PREDICTION[task],
            **({"probabilities": _PROBABILITIES} if task == "multiclass" else {}),
            **({"rank": _RANK} if task == "ranking" else {}),
            "model": {"type": "string"},
            "version": {"type": "integer"},
            "arm": {"type": "string", "enum": ["champion", "candidate"]},
            "unseen": {
                "type": "array",
                "items": {"type": "string"},
                "description": "inputs whose category training never saw, and the entity where it has no event",
            },
            "freshness": FRESHNESS,
            "error": {"type": "string", "description": "in a batch: why this row has no prediction"},
        },
    }


_PUSHED: dict[str, Any] = {
    "accepted": {"type": "integer", "description": "events that were sent"},
    "added": {"type": "integer", "description": "those that were new; they are durable"},
    "late": {"type": "integer", "description": "those that came too late to count for anything"},
}


def document(config: ServingConfig, schema: Schema, online: Online) -> dict[str, Any]:
    """OpenAPI 3.1 of one model's server."""
    one = _answer(config.task)
    answers = {"type": "object", "required": ["predictions"], "properties": {"predictions": {"type": "array", "items": one}}}
    taken = {"type": "object", "required": ["accepted"], "properties": {"accepted": {"type": "integer"}}}
    components: dict[str, Any] = {}
    pushed = {"type": "object", "required": list(_PUSHED), "properties": _PUSHED}
    events = {
        f"/events/{name}": {
            "post": _post(f"Tell events of feature_view/{name}.", _body(view.schema.body, components), pushed, status="202")
        }
        for name, view in online.views.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"model/{config.model}",
            "version": __version__,
            "description": f"Answers for `{config.model}` of the project `{config.project}`.",
        },
        "paths": {
            "/predict": {"post": _post("Predict one row.", _body(schema.row, components), one)},
            "/predict/batch": {"post": _post(f"Predict up to {config.max_rows} rows.", _body(schema.rows, components), answers)},
            "/outcomes": {"post": _post("Say what turned out to be true.", _body(schema.outcomes, components), taken, status="202")},
            **events,
            "/health/live": {"get": _get("Whether the process works.", may_fail=True)},
            "/health/ready": {"get": _get("Whether it can answer: store, spool and champion are probed.", may_fail=True)},
            "/metadata": {"get": _get("What answers: versions, weights, epoch, inputs.")},
            "/metrics": {
                "get": {"summary": "Prometheus metrics.", "responses": {"200": {"description": "metrics", "content": {"text/plain": {}}}}}
            },
        },
        "components": {"schemas": components},
    }


def _body(model: Any, components: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a model made for the config
    schema = json_schema(model)
    components.update(schema.pop("$defs", {}))
    components[model.__name__] = schema
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _post(summary: str, body: dict[str, Any], answer: dict[str, Any], *, status: str = "200") -> dict[str, Any]:
    header = {
        "name": HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "string", "format": "date-time"},
        "description": "when it happened; only while the clock is driven, and never in production",
    }
    refusals = {
        "400": "a time that may not be given",
        "413": "the body is too large",
        "415": "the body is no JSON",
        "422": "a field is at fault",
        "503": "it cannot be answered now",
    }
    return {
        "summary": summary,
        "parameters": [header],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            status: {"description": "the answer", "content": {"application/json": {"schema": answer}}},
            **{code: _problem(text) for code, text in refusals.items()},
        },
    }


def _get(summary: str, *, may_fail: bool = False) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}}
    return {"summary": summary, "responses": responses | ({"503": _problem("it does not")} if may_fail else {})}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {problem.MEDIA_TYPE: {"schema": problem.SCHEMA}}}
