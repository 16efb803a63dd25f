"""What the language says of itself: every field by its path, from the one place where it is declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from headrace.document import write, write_flow
from headrace.spec import KINDS
from headrace.spec.place import bare, keys, members, model_of
from headrace.spec.wording import wants
from headrace.spec.written import written


def about(path: str) -> dict[str, Any] | None:
    """A kind or a field by its path (`model.rollout.steps.weight`): type, description, unit, default, example, effect, keys below.

    None where the language has no such path. Items of a list, and values under free keys, need no word of their own.
    """
    kind, *rest = path.split(".")
    if kind not in KINDS:
        return None
    models: list[type[BaseModel]] = [KINDS[kind]]
    field: FieldInfo | None = None
    for word in rest:
        owner = next((model for model in models if word in keys(model)), None)
        if owner is None:
            return None
        field = keys(owner)[word]
        models = list(below(field.annotation))
    return _told(path, models, field)


def paths() -> Iterator[str]:
    """Every path of the language."""
    for kind, model in KINDS.items():
        yield kind
        yield from _paths(kind, model)


def below(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401
    """The models whose keys stand below a field."""
    for member in members(annotation):
        inner = bare(member)
        if get_origin(inner) in (tuple, dict):
            inner = bare(get_args(inner)[0 if get_origin(inner) is tuple else 1])
        for found in members(inner):
            model = model_of(found)
            if model is not None:
                yield model


def _paths(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    for key, info in keys(model).items():
        yield f"{prefix}.{key}"
        for inner in below(info.annotation):
            yield from _paths(f"{prefix}.{key}", inner)


def _told(path: str, models: list[type[BaseModel]], field: FieldInfo | None) -> dict[str, Any]:
    listed: dict[str, str] = {}
    for model in models:
        listed |= {key: info.description or "Which of several this is." for key, info in keys(model).items() if key not in listed}
    extra = field.json_schema_extra if field is not None and isinstance(field.json_schema_extra, dict) else {}
    example, key = extra.get("example"), path.rpartition(".")[2]
    return {
        "path": path,
        "type": wants(field.annotation, field) if field is not None else "a document",
        "description": (field.description if field is not None else models[0].__doc__) or "",
        "required": field is None or field.is_required(),
        "default": _default(field),
        "unit": extra.get("unit"),
        "effect": extra.get("effect"),
        "later": extra.get("later", False),
        "example": _example(key, example) if example is not None else None,
        "keys": [{"key": word, "description": text} for word, text in listed.items()],
    }


def _example(key: str, value: object) -> str:
    return write({key: value}).rstrip() if isinstance(value, list | dict) else write_flow({key: value})[1:-1]


def _default(field: FieldInfo | None) -> Any:  # noqa: ANN401 - the language's values
    if field is None or field.default is PydanticUndefined or field.default is None:
        return None
    if isinstance(field.default, BaseModel):
        return written(field.default)
    return list(field.default) if isinstance(field.default, tuple) else field.default
