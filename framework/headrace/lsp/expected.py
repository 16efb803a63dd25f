"""What the language expects at a place of a document: the type there, its keys, and the values that it may have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import Path
from headrace.lsp.outline import Outline
from headrace.spec import KINDS
from headrace.spec.name import Names, ParamsOf, RefersTo, Registered
from headrace.spec.place import bare, keys, literals, members, metadata, model_of
from headrace.spec.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Expected:
    """The type of a value, with the field that declares it."""

    annotation: Any
    words: tuple[str, ...]
    """The path without positions, as `explain` takes it."""
    field: FieldInfo | None = None
    params: type[BaseModel] | None = None
    """The parameters of the plugin that a key beside it names."""

    @property
    def subject(self) -> str:
        """What `explain` calls it."""
        return ".".join(self.words)

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        """The sections that it may be."""
        found = [model for member in members(self.annotation) if (model := model_of(member)) is not None]
        return (*found, *([self.params] if self.params is not None else []))

    @property
    def inner(self) -> Expected | None:
        """An item, where it may be a list."""
        listed = next((bare(m) for m in members(self.annotation) if get_origin(bare(m)) in (tuple, list)), None)
        return replace(self, annotation=get_args(listed)[0], field=None, params=None) if listed is not None else None

    @property
    def free(self) -> tuple[Any, Any] | None:
        """Types of key and value, where it may be a mapping with free keys."""
        if self.params is not None:
            return None
        found = next((bare(m) for m in members(self.annotation) if get_origin(bare(m)) is dict), None)
        return get_args(found) if found is not None else None

    def mark(self, kind: type[str]) -> str | None:
        """What a declaration says beside its type."""
        for member in (self.annotation, *members(self.annotation)):
            for item in metadata(member, self.field):
                if isinstance(item, kind):
                    return str(item)
        return None

    def values(self, vocabulary: Vocabulary) -> list[str]:
        """The values that it may have, where they can be listed."""
        found = [{True: "true", False: "false"}[v] if isinstance(v, bool) else str(v) for v in literals(self.annotation)]
        if bool in members(self.annotation):
            found += ["true", "false"]
        if (axis := self.mark(Registered)) is not None:
            found += sorted(vocabulary.words.get(axis, {}))
        if (kind := self.mark(RefersTo)) is not None and not isinstance(kind, Names):
            found += [f"{kind}/{name}" for name in vocabulary.names.get(kind, ())]
        return found

    @property
    def is_section(self) -> bool:
        """Whether nothing but keys can stand there."""
        return all(model_of(m) is not None or get_origin(bare(m)) is dict for m in members(self.annotation))

    @property
    def is_quantity(self) -> bool:
        """Whether it is a length of time."""
        return timedelta in members(self.annotation)


def expected(outline: Outline, path: Path, vocabulary: Vocabulary) -> Expected | None:
    """What stands at a path; None where the language has no such place, or the document no kind."""
    kind = outline.value(("kind",))
    if kind not in KINDS:
        return None
    here: Expected | None = Expected(KINDS[kind], (kind,))
    for position, part in enumerate(path):
        if here is None:
            return None
        owner, here = here, _down(here, part, path[:position], outline)
        if here is not None and (naming := here.mark(ParamsOf)) is not None:
            named = _down(owner, naming, path[:position], outline)
            axis = named.mark(Registered) if named is not None else None
            here = replace(here, params=_params(outline, (*path[:position], naming), vocabulary, axis))
    return here


def chosen(here: Expected, path: Path, outline: Outline) -> list[type[BaseModel]]:
    """The sections that it may still be, once the tags that are written are looked at."""
    return [model for model in here.models if _fits(model, path, outline)]


def _fits(model: type[BaseModel], path: Path, outline: Outline) -> bool:
    for key, info in keys(model).items():
        words = literals(info.annotation)
        given = outline.value((*path, key))
        if len(words) == 1 and info.is_required() and given is not None and given != str(words[0]):
            return False
    return True


def _down(here: Expected, part: str | int, path: Path, outline: Outline) -> Expected | None:
    if isinstance(part, int):
        return here.inner
    found = [info for model in chosen(here, path, outline) if (info := keys(model).get(part)) is not None]
    if found:
        # A tag that is not written yet may have any of its words.
        several: Any = Union[tuple(info.annotation for info in found)]  # noqa: UP007 - made of what is declared
        return Expected(several, (*here.words, part), found[0])
    free = here.free
    return Expected(free[1], here.words) if free is not None else None


def _params(outline: Outline, naming: Path, vocabulary: Vocabulary, axis: str | None) -> type[BaseModel] | None:
    name = outline.value(naming)
    found = vocabulary.words.get(axis, {}).get(name) if name is not None and axis is not None else None
    return found.params if found is not None else None


def names_of_keys(here: Expected) -> str | None:
    """The kind of documents whose names are the keys of a mapping."""
    free = here.free
    if free is None or get_origin(free[0]) is not Annotated:
        return None
    return next((str(item) for item in metadata(free[0], None) if isinstance(item, Names)), None)
