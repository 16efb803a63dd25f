"""What the language says of itself: every field by its path, from the one place where it is declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from headrace.document import write, write_flow
from headrace.spec import KINDS, route
from headrace.spec.name import ParamsOf, Registered
from headrace.spec.place import keys, metadata
from headrace.spec.quantity import write_duration
from headrace.spec.wording import bounds, choice, wants
from headrace.spec.written import written


def about(path: str, params: type[BaseModel] | None = None) -> dict[str, Any] | None:
    """A kind or a field by its path (`model.rollout.steps.weight`): type, description, unit, default, example, effect, keys below.

    None where the language has no such path. Items of a list, and values under free keys, may be named (`model.gates[quality].min`) and
    need not be. `params` are the parameters of the plugin that a path through `params` is about.
    """
    kind, _, rest = path.partition(".")
    if kind in KINDS and rest.startswith("x-"):
        return _own(path)
    found = route.follow(path, params)
    return _routed(path, found) if found is not None else None


def about_word(name: str, params: type[BaseModel], key: str) -> dict[str, Any] | None:
    """A plugin's parameter by its key, or by keys with dots between; None where the plugin has no such."""
    found = route.follow(key, start=params)
    return _routed(f"{name}.{key}", found) if found is not None else None


def _routed(path: str, found: route.Route) -> dict[str, Any]:
    """What is told of where a path ends; of a field that only some members of a union have, or have otherwise, what each says."""
    field = found.cases[0].field if found.cases else None
    said = told(path, found.models, field, found.inherited, found.words)
    if found.rest:
        said |= {"axis": found.axis, "rest": found.rest}
    if found.item:
        what = found.models[0].__doc__ if len(found.models) == 1 else None
        said |= {"type": wants(found.annotation), "description": what or said["description"], "required": None, "default": None}
        return said | {"bounds": None}
    if any(case.where is not None for case in found.cases):
        said["cases"] = [_case(case, found.words[-1]) for case in found.cases]
        said |= {
            "type": choice(dict.fromkeys(case["type"] for case in said["cases"])),
            "description": " / ".join(dict.fromkeys(case["description"] for case in said["cases"])),
            "required": len(found.cases) == found.members and all(case["required"] for case in said["cases"]),
            "default": said["default"] if len(found.cases) == 1 else None,
            "bounds": said["bounds"] if len(found.cases) == 1 else None,
        }
    return said


def _case(case: route.Case, key: str) -> dict[str, Any]:
    tag = case.where is not None and case.where.startswith(f"{key}: ")
    return {
        "where": case.where,
        "type": wants(case.field.annotation, case.field),
        "description": (case.owner.__doc__ if tag else case.field.description) or "",
        "required": case.field.is_required(),
        "bounds": bounds(case.field),
    }


def _own(path: str) -> dict[str, Any]:
    """A key that belongs to the user."""
    said = "Keys that begin with `x-` are yours: nothing reads them, and anchors may stand there."
    return told(path, [], None) | {"type": "anything", "description": said, "required": False, "docs": None}


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


def paths_of_params() -> Iterator[tuple[str, str]]:
    """Every path to parameters of a plugin, with the axis of the plugins that may be named there."""
    for path in paths():
        found = route.follow(path)
        if found is not None and found.axis:
            yield path, found.axis


def _paths(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    for key, info in keys(model).items():
        yield f"{prefix}.{key}"
        for inner in route.below(info.annotation):
            yield from _paths(f"{prefix}.{key}", inner)


def page(words: Sequence[str], *, section: bool) -> str | None:
    """Where the docs tell of a path: the page of its kind, at its section's heading."""
    kind, *rest = words
    if kind not in KINDS:
        return None
    heading = "".join(rest if section else rest[:-1])
    return f"reference/spec-{kind.replace('_', '-')}.md" + (f"#{heading}" if heading else "")


def listing(models: Sequence[type[BaseModel]]) -> list[dict[str, Any]]:
    """The keys of a mapping that is one of several models, each with its description and whether it must be there.

    `where` is the tag of the members that have a key, where others do not; `required` is meant for those.
    """
    found: dict[str, list[tuple[FieldInfo, str | None]]] = {}
    for model, where in route.cases(models):
        for key, info in keys(model).items():
            found.setdefault(key, []).append((info, where))
    return [_listed(key, said, all_have=len(said) == len(models)) for key, said in found.items()]


def _listed(key: str, said: list[tuple[FieldInfo, str | None]], *, all_have: bool) -> dict[str, Any]:
    tags = [where for _, where in said if where is not None]
    if tags and all(tag.startswith(f"{key}: ") for tag in tags):
        described = choice(f"`{tag.partition(': ')[2]}`" for tag in tags)
    else:
        described = " / ".join(dict.fromkeys(info.description for info, _ in said if info.description))
    listed: dict[str, Any] = {"key": key, "description": described, "required": all(info.is_required() for info, _ in said)}
    return listed if all_have or not tags else {**listed, "where": choice(tags)}


def told(
    path: str, models: list[type[BaseModel]], field: FieldInfo | None, inherited: str | None = None, words: Sequence[str] = ()
) -> dict[str, Any]:
    """All that is known of a field; what changing it costs is its section's, where it does not say; `words` are its path without items."""
    words = words or path.split(".")
    extra = field.json_schema_extra if field is not None and isinstance(field.json_schema_extra, dict) else {}
    example, key = extra.get("example"), words[-1]
    return {
        "path": path,
        "type": wants(field.annotation, field) if field is not None else "a document",
        "description": (field.description if field is not None else models[0].__doc__ if models else None) or "",
        "required": field is None or field.is_required(),
        "default": _default(field),
        "bounds": bounds(field) if field is not None else None,
        "unit": extra.get("unit"),
        "later": extra.get("later", False),
        "effect": effect(field) or inherited,
        "names": takes(field) if field is not None else None,
        "chosen_by": _marked(field, ParamsOf) if field is not None else None,
        "example": _example(key, example) if example is not None else None,
        "cases": [],
        "keys": listing(models),
        "docs": page(words, section=bool(models)),
    }


def needed(said: Mapping[str, Any]) -> str:
    """Whether it must be there; of a union, in which members."""
    must = [f"`{case['where']}`" for case in said["cases"] if case["required"]]
    may = [f"`{case['where']}`" for case in said["cases"] if not case["required"]]
    if said["required"] or not (must or may):
        return "required" if said["required"] else "optional"
    words = [f"required where {' or '.join(must)}"] if must else []
    return "; ".join([*words, f"optional where {' or '.join(may)}"] if may else words)


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
