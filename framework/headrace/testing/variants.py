"""Other parameters than the defaults, one changed at a time, so that no branch of a plugin is left to its first user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.document import write_flow
from headrace.spec.params import read_params
from headrace.spec.place import keys, members, metadata

_MOST = 40
"""How many parameters of one plugin are tried: each costs a run of it."""


def variants(model: type[BaseModel], given: Mapping[str, Any]) -> Iterator[tuple[str, BaseModel]]:
    """Parameters as the model reads them, each with its words: the ones given, then each optional one with another value that it takes."""
    yield "", read_params(model, given)
    tried = 0
    for key, info in keys(model).items():
        for value in _others(info):
            if tried >= _MOST or value == given.get(key, info.default):
                continue
            try:
                other = read_params(model, {**given, key: value})
            except (ValueError, TypeError):
                continue  # it, or it with the others, is refused: nobody can write it
            tried += 1
            yield f" with `{write_flow({key: value})[1:-1]}`", other
            if not isinstance(value, bool) and get_origin(_inner(info)) is not Literal:
                break


def _inner(info: FieldInfo) -> Any:  # noqa: ANN401 - any annotation
    return next((member for member in members(info.annotation) if member is not type(None)), None)


def _others(info: FieldInfo) -> Iterator[Any]:
    """Values that a field may take: its examples, then what its type suggests within its bounds."""
    yield from info.examples or ()
    inner = _inner(info)
    if get_origin(inner) is Literal:
        yield from get_args(inner)
    elif inner is bool:
        yield from (True, False)
    elif inner in (int, float):
        bounds = {
            word: getattr(item, word)
            for item in metadata(info.annotation, info)
            for word in ("gt", "ge", "lt", "le")
            if hasattr(item, word)
        }
        low, high = (next((bounds[word] for word in words if word in bounds), None) for words in (("gt", "ge"), ("lt", "le")))
        middle = (low + high) / 2 if low is not None and high is not None else None
        yield from (inner(value) for value in (middle, low, high, (low or 0) + 1, (high or 1) - 1, 0.5, 2, 0) if value is not None)
    elif inner is str:
        yield from ("a", "north", "28d", "5%")
    else:
        yield from ((), ["a"], [1], {}, "28d", "5%", 1, 0.5)
