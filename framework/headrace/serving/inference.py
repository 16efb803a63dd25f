"""The Open Inference Protocol's part of the OpenAPI document, for one model.

Sources: github.com/kserve/open-inference-protocol, specification/protocol/open_inference_rest.yaml; Triton's extension `model_repository`.
"""

from __future__ import annotations

from typing import Any

from headrace.compiled import ServingConfig
from headrace.serving.bodies.tensors import DATATYPES, LONGEST_ID, outputs

ERROR: dict[str, Any] = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_TEXT = {"type": "string"}
_SHAPE = {"type": "array", "items": {"type": "integer"}, "minItems": 1}
_DATA = {"type": "array", "items": {"type": ["number", "string", "boolean", "array", "null"]}, "description": "flat, or rows within rows"}
_PARAMETERS = {"type": "object"}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "MetadataTensor": {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {"name": _TEXT, "datatype": _TEXT, "shape": _SHAPE},
    },
    "RequestInput": {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": _TEXT | {"minLength": 1},
            "shape": _SHAPE | {"items": {"type": "integer", "minimum": 0}},
            "datatype": {"enum": list(DATATYPES)},
            "parameters": _PARAMETERS,
            "data": _DATA,
        },
    },
    "ResponseOutput": {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {"name": _TEXT, "shape": _SHAPE, "datatype": _TEXT, "parameters": _PARAMETERS, "data": _DATA},
    },
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def paths(config: ServingConfig, components: dict[str, Any], header: dict[str, Any]) -> dict[str, Any]:
    """The protocol's paths; the schemas that they need are put among `components`."""
    known = outputs(config.task)
    wanted = {"type": "object", "required": ["name"], "properties": {"name": {"enum": list(known)}, "parameters": _PARAMETERS}}
    components |= _SCHEMAS | {
        "InferenceRequest": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "id": _TEXT | {"minLength": 1, "maxLength": LONGEST_ID},
                "parameters": _PARAMETERS,
                "inputs": _list("RequestInput") | {"minItems": 1, "description": _about(config)},
                "outputs": {"type": "array", "items": wanted},
            },
        },
        "InferenceResponse": {
            "type": "object",
            "required": ["model_name", "outputs"],
            "properties": {
                "model_name": _TEXT,
                "model_version": _TEXT | {"description": "where one version answered all rows"},
                "id": _TEXT,
                "parameters": _PARAMETERS,
                "outputs": _list("ResponseOutput"),
            },
        },
        "InferenceModel": {
            "type": "object",
            "required": ["name", "platform", "versions", "inputs", "outputs"],
            "properties": {
                "name": _TEXT,
                "platform": _TEXT,
                "versions": {"type": "array", "items": _TEXT},
                "inputs": _list("MetadataTensor"),
                "outputs": _list("MetadataTensor"),
            },
        },
    }
    repository = "/v2/repository"
    return {
        "/v2": {"get": _get("The server.", _object(name=_TEXT, version=_TEXT, extensions={"type": "array", "items": _TEXT}))},
        "/v2/health/live": {"get": _get("Whether the process works.", _object(live={"type": "boolean"}))},
        "/v2/health/ready": {"get": _get("Whether it can answer.", _object(ready={"type": "boolean"}))},
        **_model(config.model, header),
        f"{repository}/index": {"post": _post("The versions that are loaded, or should be.", _object(), _INDEX, required=False)},
        f"{repository}/models/{config.model}/load": {
            "post": {"summary": "Verify and load what the store says now.", "responses": _responses(_object(name=_TEXT), "503")}
        },
        f"{repository}/models/{config.model}/unload": {
            "post": {"summary": "Always refused: who answers is decided in the project.", "responses": _responses(None, "409", "503")}
        },
    }


def _about(config: ServingConfig) -> str:
    group = "" if config.group is None else f", one `{config.group}`"
    return (
        f"a tensor for each input by its name, of shape [n] or [n, 1]; or one matrix of numbers, [n, {len(config.inputs)}], of all; "
        f"beside either, one `{config.entity}`{group}. Where `{config.entity}` is left out each row gets a name, which the answer tells."
    )


_INDEX: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "version", "state", "reason"],
        "properties": {"name": _TEXT, "version": _TEXT, "state": {"enum": ["READY", "UNAVAILABLE"]}, "reason": _TEXT},
    },
}


def _model(model: str, header: dict[str, Any]) -> dict[str, Any]:
    version = {"name": "version", "in": "path", "required": True, "schema": _TEXT, "description": "a version that is loaded"}
    infer = _post("Predict the rows of some tensors.", _ref("InferenceRequest"), _ref("InferenceResponse"))
    found: dict[str, Any] = {}
    for path, parameters, gone in (("", [], ()), ("/versions/{version}", [version], ("404", "409"))):
        here = f"/v2/models/{model}{path}"
        missing = gone[:1]
        ready = _object(name=_TEXT, ready={"type": "boolean"})
        refused = {code: _refused(code) for code in gone}
        found[here] = {"get": _get("The model.", _ref("InferenceModel"), *missing) | {"parameters": parameters}}
        found[f"{here}/ready"] = {"get": _get("Whether it can answer.", ready, *missing) | {"parameters": parameters}}
        found[f"{here}/infer"] = {"post": infer | {"parameters": [header, *parameters], "responses": infer["responses"] | refused}}
    return found


def _object(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON Schema
    return {"type": "object", "required": list(properties), "properties": properties}


def _get(summary: str, answer: dict[str, Any], *refused: str) -> dict[str, Any]:
    return {"summary": summary, "responses": _responses(answer, *refused, "503")}


def _post(summary: str, body: dict[str, Any], answer: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {
        "summary": summary,
        "requestBody": {"required": required, "content": {"application/json": {"schema": body}}},
        "responses": _responses(answer, "400", "408", "413", "415", "422", "503"),
    }


def _responses(answer: dict[str, Any] | None, *refused: str) -> dict[str, Any]:
    good = {} if answer is None else {"200": {"description": "the answer", "content": {"application/json": {"schema": answer}}}}
    return good | {code: _refused(code) for code in refused}


def _refused(code: str) -> dict[str, Any]:
    return {"description": _WHY[code], "content": {"application/json": {"schema": _ref("InferenceError")}}}


_WHY = {
    "400": "the body, or a time, that may not be given",
    "404": "no such version is loaded",
    "408": "the body did not come in time",
    "409": "who answers is not for the caller to say",
    "413": "the body is too large",
    "415": "the body is no JSON",
    "422": "the body nests too deep, or lacks features",
    "503": "it cannot be answered now",
}
