"""What a path such as `model.gates[quality].min` leads to, in all members of a union at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.spec import KINDS
from headrace.spec.name import ParamsOf, Registered
from headrace.spec.place import bare, keys, literals, members, metadata, model_of
from headrace.spec.wording import certain

_WORD = re.compile(r"\.?(?:\[(?P<item>[^\]]*)\]|(?P<key>[^.\[\]]+))")
_ITEM, _KEY = "item", "key"


@dataclass(frozen=True, slots=True)
class Case:
    """A field as one member of a union declares it."""

    owner: type[BaseModel]
    field: FieldInfo
    where: str | None = None
    """The tag that chooses the member, as it is written: `by: time`; None where there is nothing to choose."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path ends."""

    annotation: Any
    """The type there."""
    words: tuple[str, ...] = ()
    """The keys that led here, without items."""
    cases: tuple[Case, ...] = ()
    """The field that was passed last, once for each member that has it; none for a document."""
    members: int = 1
    """How many members there were."""
    inherited: str | None = None
    """What changing it costs, where its own field does not say."""
    item: bool = False
    """Whether it is an item of a list, or stands under a free key, of that field."""
    axis: str | None = None
    """The axis of the plugin whose parameters stand there, where the plugin is not known."""
    rest: str = ""
    """What is left of the path below that plugin's parameters."""

    @property
    def models(self) -> list[type[BaseModel]]:
        """The models whose keys stand below."""
        return list(dict.fromkeys(below(self.annotation)))


def follow(path: str, params: type[BaseModel] | None = None, start: type[BaseModel] | None = None) -> Route | None:
    """What a path leads to; None where the language has no such.

    `params` are the parameters of the plugin that a path through `params` is about. Items of a list and values under free keys may be
    named, in brackets or after a dot (`gates[quality].min`, `gates.0.min`), or passed over (`gates.min`). With `start`, the path begins
    below that model, and at a kind otherwise.
    """
    words = _words(path)
    if start is None:
        if not words or words[0][1] not in KINDS:
            return None
        first, words = (words[0][1],), words[1:]
        here: Route | None = Route(KINDS[first[0]], first)
    else:
        here = Route(start)
    for position, (kind, word) in enumerate(words):
        if here is None:
            return None
        if here.axis is not None:
            return replace(here, annotation=Any, item=True, rest=_joined(words[position:]))
        last = position == len(words) - 1
        here = (_into(here, word, params) if kind == _KEY else None) or _item(here, word, bracketed=kind == _ITEM, last=last)
    return here


def _words(path: str) -> list[tuple[str, str]]:
    found, end = [], 0
    while end < len(path):
        match = _WORD.match(path, end)
        if match is None:
            return []
        found.append((_ITEM, match["item"]) if match["item"] is not None else (_KEY, match["key"]))
        end = match.end()
    return found


def _joined(words: Sequence[tuple[str, str]]) -> str:
    return "".join(f"[{word}]" if kind == _ITEM else f".{word}" for kind, word in words).removeprefix(".")


def _into(here: Route, word: str, params: type[BaseModel] | None) -> Route | None:
    """Below a key of one of the models."""
    found = [case for case in cases(here.models) if word in keys(case[0])]
    if not found:
        return None
    declared = tuple(Case(model, keys(model)[word], where) for model, where in found)
    inherited = _effect(here.cases[0].field) or here.inherited if here.cases else here.inherited
    several: Any = Union[tuple(case.field.annotation for case in declared)]  # noqa: UP007 - made of what is declared
    annotation = several if len(declared) > 1 else declared[0].field.annotation
    made = Route(annotation, (*here.words, word), declared, len(here.models), inherited)
    naming = next((str(mark) for mark in metadata(declared[0].field.annotation, declared[0].field) if isinstance(mark, ParamsOf)), None)
    if naming is None:
        return made
    if params is not None:
        return replace(made, annotation=params)
    beside = keys(declared[0].owner).get(naming)
    axis = next((str(m) for m in metadata(beside.annotation, beside) if isinstance(m, Registered)), None) if beside is not None else None
    return replace(made, axis=axis or "")


def _item(here: Route, word: str, *, bracketed: bool, last: bool) -> Route | None:
    """An item of a list, or the value under a free key."""
    if here.cases == () and word.startswith("x-"):
        return None
    inner = tuple(items(here.annotation))
    meant = [key for model in here.models for key in keys(model)]
    # Names under free keys are the user's own, however like a key they are; an item of a list has an id that few would type here.
    free = any(bare(member) is dict or get_origin(bare(member)) is dict for member in members(here.annotation))
    if not inner or (not bracketed and not free and last and not word.isdigit() and certain(word, meant)):
        return None
    several: Any = Union[inner]  # noqa: UP007 - made of what is declared
    return replace(here, annotation=several if len(inner) > 1 else inner[0], item=True)


def items(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    """The types of the items that a value may have, or of its values under free keys; anything below what may be anything."""
    for member in members(annotation):
        inner = bare(member)
        if inner in (Any, dict, tuple):
            yield Any
        elif get_origin(inner) in (tuple, list, dict):
            arguments = get_args(inner)
            yield from arguments[1:] if get_origin(inner) is dict else dict.fromkeys(part for part in arguments if part is not ...)


def below(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401
    """The models whose keys stand below a value, or below its items."""
    for member in members(annotation):
        found = model_of(member)
        if found is not None:
            yield found
        else:
            yield from (model for inner in items(member) for part in members(inner) if (model := model_of(part)) is not None)


def cases(models: Sequence[type[BaseModel]]) -> list[tuple[type[BaseModel], str | None]]:
    """Models with the tag that chooses each, where one key of all of them has one word of its own in each."""
    for key in keys(models[0]) if len(models) > 1 else ():
        words = [literals(keys(model)[key].annotation) if key in keys(model) else () for model in models]
        if all(len(found) == 1 for found in words) and len({found[0] for found in words}) == len(models):
            return [(model, f"{key}: {found[0]}") for model, found in zip(models, words, strict=True)]
    return [(model, None) for model in models]


def _effect(field: FieldInfo) -> str | None:
    extra = field.json_schema_extra
    return str(extra["effect"]) if isinstance(extra, dict) and "effect" in extra else None
