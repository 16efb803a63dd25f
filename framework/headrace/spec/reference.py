"""What the language says of itself: every field by its path, from the one place where it is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from headrace.document import write, write_flow
from headrace.spec import KINDS
from headrace.spec.name import ParamsOf, Registered
from headrace.spec.place import bare, keys, members, metadata, model_of
from headrace.spec.quantity import write_duration
from headrace.spec.wording import bounds, wants
from headrace.spec.written import written


def about(path: str, params: type[BaseModel] | None = None) -> dict[str, Any] | None:
    """A kind or a field by its path (`model.rollout.steps.weight`): type, description, unit, default, example, effect, keys below.

    None where the language has no such path. Items of a list, and values under free keys, need no word of their own. `params` are the
    parameters of the plugin that a path through `params` is about.
    """
    kind, *rest = path.split(".")
    if kind not in KINDS:
        return None
    models: list[type[BaseModel]] = [KINDS[kind]]
    field: FieldInfo | None = None
    inherited: str | None = None
    for word in rest:
        owner = next((model for model in models if word in keys(model)), None)
        if owner is None:
            return None
        inherited, field = effect(field) or inherited, keys(owner)[word]
        models = list(below(field.annotation))
        if params is not None and _marked(field, ParamsOf):
            models = [params]
    return told(path, models, field, inherited)


def about_word(name: str, params: type[BaseModel], key: str) -> dict[str, Any] | None:
    """A plugin's parameter by its key, or by keys with dots between; None where the plugin has no such."""
    models: list[type[BaseModel]] = [params]
    field: FieldInfo | None = None
    for word in key.split("."):
        owner = next((model for model in models if word in keys(model)), None)
        if owner is None:
            return None
        field = keys(owner)[word]
        models = list(below(field.annotation))
    return told(f"{name}.{key}", models, field)


def effect(field: FieldInfo | None) -> str | None:
    """What changing a field costs."""
    extra = field.json_schema_extra if field is not None else None
    return str(extra["effect"]) if isinstance(extra, dict) and "effect" in extra else None


def takes(field: FieldInfo) -> str | None:
    """The axis of plugins whose names a field takes."""
    return _marked(field, Registered)


def _marked(field: FieldInfo, mark: type[str]) -> str | None:
    return next((str(item) for item in metadata(field.annotation, field) if isinstance(item, mark)), None)


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


def page(path: str, *, section: bool) -> str | None:
    """Where the docs tell of a path: the page of its kind, at its section's heading."""
    kind, *rest = path.split(".")
    if kind not in KINDS:
        return None
    heading = "".join(rest if section else rest[:-1])
    return f"reference/spec-{kind.replace('_', '-')}.md" + (f"#{heading}" if heading else "")


def listing(models: Iterable[type[BaseModel]]) -> list[dict[str, Any]]:
    """The keys of a mapping that is one of several models, each with its description and whether it must be there."""
    found: dict[str, dict[str, Any]] = {}
    for model in models:
        for key, info in keys(model).items():
            found.setdefault(
                key, {"key": key, "description": info.description or "Which of several this is.", "required": info.is_required()}
            )
    return list(found.values())


def told(path: str, models: list[type[BaseModel]], field: FieldInfo | None, inherited: str | None = None) -> dict[str, Any]:
    """All that is known of a field; what changing it costs is its section's, where it does not say."""
    extra = field.json_schema_extra if field is not None and isinstance(field.json_schema_extra, dict) else {}
    example, key = extra.get("example"), path.rpartition(".")[2]
    return {
        "path": path,
        "type": wants(field.annotation, field) if field is not None else "a document",
        "description": (field.description if field is not None else models[0].__doc__) or "",
        "required": field is None or field.is_required(),
        "default": _default(field),
        "bounds": bounds(field) if field is not None else None,
        "unit": extra.get("unit"),
        "later": extra.get("later", False),
        "effect": effect(field) or inherited,
        "names": takes(field) if field is not None else None,
        "chosen_by": _marked(field, ParamsOf) if field is not None else None,
        "example": _example(key, example) if example is not None else None,
        "keys": listing(models),
        "docs": page(path, section=bool(models)),
    }


def _example(key: str, value: object) -> str:
    return write({key: value}).rstrip() if isinstance(value, list | dict) else write_flow({key: value})[1:-1]


def _default(field: FieldInfo | None) -> Any:  # noqa: ANN401 - the language's values
    if field is None or field.default is PydanticUndefined or field.default is None:
        return None
    if isinstance(field.default, BaseModel):
        return written(field.default)
    if isinstance(field.default, timedelta):
        return write_duration(field.default)
    return list(field.default) if isinstance(field.default, tuple) else field.default
