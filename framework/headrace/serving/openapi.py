"""What a server's API looks like to a client: its OpenAPI document, from the same schemas that check the requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from headrace import __version__
from headrace.compiled import ServingConfig
from headrace.hooks import Task
from headrace.serving import inference, openapi_approvals, problem
from headrace.serving.bodies.columns import column_schema
from headrace.serving.body import ARROW
from headrace.serving.business import MeasuresSchema
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


def document(config: ServingConfig, schema: Schema, online: Online | None = None, measured: MeasuresSchema | None = None) -> dict[str, Any]:
    """OpenAPI 3.1 of one model's server; `online` where it reads features itself, `measured` where it takes business metrics."""
    one = _answer(config.task)
    answers = {"type": "object", "required": ["predictions"], "properties": {"predictions": {"type": "array", "items": one}}}
    taken = {"type": "object", "required": ["accepted"], "properties": {"accepted": {"type": "integer"}}}
    components: dict[str, Any] = {"Problem": problem.SCHEMA, "InferenceError": inference.ERROR}
    pushed = {"type": "object", "required": list(_PUSHED), "properties": _PUSHED}
    row, rows = _body(schema.row, components), _body(schema.rows, components)
    components["Columns"] = _columns(config, online.inputs if online is not None else frozenset())
    batch = {"oneOf": [rows, {"$ref": "#/components/schemas/Columns"}]}
    outcomes = _body(schema.outcomes, components)
    told = outcomes if measured is None else {"oneOf": [outcomes, _body(measured.body, components)]}
    views = {} if online is None else online.views
    events = {
        f"/events/{name}": {
            "post": _post(f"Tell events of feature_view/{name}.", _body(view.schema.body, components), pushed, status="202")
        }
        for name, view in views.items()
    }
    explained = {"501": _problem("the champion's algorithm tells no contributions")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"model/{config.model}",
            "version": __version__,
            "description": f"Answers for `{config.model}` of the project `{config.project}`.",
        },
        "paths": {
            "/predict": {"post": _post("Predict one row.", row, one)},
            "/predict/batch": {"post": _streamed(_post(f"Predict up to {config.max_rows} rows, as records or columns.", batch, answers))},
            "/explain": {"post": _post("What each input of one row adds to the champion's score.", row, _EXPLAINED, more=explained)},
            "/outcomes": {"post": _post("Say what turned out to be true.", told, taken, status="202")},
            **events,
            "/health/live": {"get": _get("Whether the process works.")},
            "/health/ready": {"get": _get("Whether it would answer a prediction; a store that is away is told as degraded.")},
            "/metadata": {"get": _get("What answers: versions, weights, epoch, inputs.")},
            "/metrics": {"get": _metrics()},
            **openapi_approvals.paths(components),
            **inference.paths(config, components, _HEADER),
        },
        "components": {"schemas": components, "securitySchemes": openapi_approvals.SCHEME},
    }


_HEADER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "format": "date-time"},
    "description": "when it happened; only while the clock is driven, and never in production",
}
_PART: dict[str, Any] = {
    "type": "object",
    "required": ["base", "contributions", "score"],
    "properties": {
        "base": {"type": "number"},
        "contributions": {
            "type": "object",
            "additionalProperties": {"type": "number"},
            "description": "by input, as the algorithm sees it",
        },
        "score": {"type": "number", "description": "the sum of all, before it becomes an answer"},
    },
}
_EXPLAINED: dict[str, Any] = {
    "type": "object",
    "required": ["model", "version", "arm", "scale", "calibrated", "unseen", "links"],
    "properties": {
        **_PART["properties"],
        "answers": {"type": "object", "additionalProperties": _PART, "description": "of several classes, or levels: of each"},
        "model": {"type": "string"},
        "version": {"type": "integer"},
        "arm": {"type": "string", "const": "champion"},
        "scale": {"enum": ["identity", "log", "log-odds", "softmax"], "description": "what the score is of the answer"},
        "calibrated": {"type": "boolean", "description": "whether the answer is corrected after that"},
        "unseen": {"type": "array", "items": {"type": "string"}},
        "links": {"type": "object", "properties": {"metadata": {"type": "string", "format": "uri-reference"}}},
    },
}


def _columns(config: ServingConfig, read: Collection[str]) -> dict[str, Any]:
    kinds = {config.entity: column_schema(None)} | {item.name: column_schema(item) for item in config.inputs}
    if config.group is not None:
        kinds[config.group] = column_schema(None)
    columns = {name: kind | {"minItems": 1, "maxItems": config.max_rows} for name, kind in kinds.items()}
    return {
        "title": "Columns",
        "description": "lists of one length, by name",
        "type": "object",
        "required": ["columns"],
        "additionalProperties": False,
        "properties": {
            "columns": {
                "type": "object",
                "required": [name for name in columns if name not in read],
                "additionalProperties": False,
                "properties": columns,
            }
        },
    }


def _body(model: Any, components: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a model made for the config
    schema = json_schema(model)
    components.update(schema.pop("$defs", {}))
    components[model.__name__] = schema
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _post(
    summary: str, body: dict[str, Any], answer: dict[str, Any], *, status: str = "200", more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    refusals = {
        "400": "a time that may not be given",
        "408": "the body did not come in time",
        "413": "the body is too large",
        "415": "the body is of another kind",
        "422": "a field is at fault",
        "503": "it cannot be answered now",
    }
    return {
        "summary": summary,
        "parameters": [_HEADER],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            status: {"description": "the answer", "content": {"application/json": {"schema": answer}}},
            **{code: _problem(text) for code, text in refusals.items()},
            **(more or {}),
        },
    }


def _streamed(post: dict[str, Any]) -> dict[str, Any]:
    """An operation that takes an Arrow stream, too, and answers it by one."""
    for content in (post["requestBody"]["content"], post["responses"]["200"]["content"]):
        content[ARROW] = {}
    return post


def _get(summary: str) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}}
    return {"summary": summary, "responses": responses | {"503": _problem("it does not, or not now")}}


def _metrics() -> dict[str, Any]:
    return {"summary": "Prometheus metrics.", "responses": {"200": {"description": "metrics", "content": {"text/plain": {}}}}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {problem.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
