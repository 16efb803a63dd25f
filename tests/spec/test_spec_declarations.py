"""What each field declares of itself is true: its example is valid in its place, and what is for later is told wherever it is written."""

from collections.abc import Iterator
from typing import Any, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.diagnostics import Report
from headrace.document import Mapping, Node, parse, write
from headrace.project.scope import Scope, address_of
from headrace.project.unsupported import check
from headrace.spec import KINDS
from headrace.spec.decode import check as read
from headrace.spec.decode import decode
from headrace.spec.later import flag, written
from headrace.spec.place import bare, filled, keys, literals, members
from headrace.spec.reference import paths
from headrace.spec.route import below


def classes(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for info in keys(model).values():
        for inner in below(info.annotation):
            yield from classes(inner)


MODELS = list(dict.fromkeys(inner for kind in KINDS.values() for inner in classes(kind)))
FIELDS = [(model, key) for model in MODELS for key in keys(model)]


def named(item: tuple[type[BaseModel], str]) -> str:
    return f"{item[0].__name__}.{item[1]}"


def example(info: FieldInfo) -> Any:
    """A field's own example; a tag has its word."""
    extra = info.json_schema_extra
    found = extra.get("example") if isinstance(extra, dict) else None
    return found if found is not None else literals(info.annotation)[0]


def least(model: type[BaseModel]) -> dict[str, Any]:
    """What is required, or mostly written, by the examples."""
    return {key: example(info) for key, info in keys(model).items() if filled(info)}


def node_of(value: dict[str, Any]) -> tuple[Node, Report]:
    report = Report()
    (node,) = parse(write(value).encode(), "example.yaml", report)
    return node, report


@pytest.mark.parametrize("item", FIELDS, ids=named)
def test_an_example_is_valid_in_its_place(item: tuple[type[BaseModel], str]) -> None:
    model, key = item
    node, report = node_of(least(model) | {key: example(keys(model)[key])})
    assert isinstance(node, Mapping)
    found = read(model, node, report, name="this example", key=node.span, strict=True)
    assert ([], True) == (report.found, found is not None)


def document(model: type[BaseModel], words: list[str], value: Any) -> dict[str, Any]:
    """A document with a value at a path, and beside it only what is required."""
    found, (word, *rest) = least(model), words
    if not rest:
        return found | {word: value}
    annotation = keys(model)[word].annotation
    inner = next(one for one in below(annotation) if rest[0] in keys(one))
    child: Any = document(inner, rest, value)
    held = next(bare(one) for one in members(annotation) if inner in below(one))
    return found | {word: [child] if get_origin(held) is tuple else {"some": child} if get_origin(held) is dict else child}


def field_at(path: str) -> FieldInfo:
    kind, *words = path.split(".")
    models: list[type[BaseModel]] = [KINDS[kind]]
    info: FieldInfo | None = None
    for word in words:
        info = keys(next(one for one in models if word in keys(one)))[word]
        models = list(below(info.annotation))
    assert info is not None
    return info


LATER = [path for path in dict.fromkeys(paths()) if "." in path and flag(field_at(path))]


@pytest.mark.parametrize("path", LATER)
def test_what_is_for_later_is_told_wherever_it_is_written(path: str) -> None:
    """Generated from the declarations: who adds such a field gets its test, and who builds its run time takes away the flag."""
    kind, *words = path.split(".")
    said = flag(field_at(path))
    value = said[0] if isinstance(said, tuple) else example(field_at(path))
    node, report = node_of(document(KINDS[kind], words, value))
    spec = decode(node, report)
    assert report.found == []
    assert spec is not None
    assert isinstance(node, Mapping)
    scope = Scope({address_of(spec): spec}, {address_of(spec): node})
    # What stands below such a key, or in a document of such a kind, is told with it.
    told = [[part for part in later.path if isinstance(part, str) and part != "some"] for later in written(spec)]
    assert [one for one in told if one == words[: len(one)] or one == ["kind"]]
    assert ["not-yet-supported"] * len(told) == [found.id for found in check(scope) if found.help is not None]


def test_what_is_left_to_its_default_is_not_told() -> None:
    for kind in KINDS.values():
        if not flag(keys(kind)["kind"]):
            node, report = node_of(least(kind))
            spec = decode(node, report)
            assert spec is not None
            assert [] == list(written(spec))


def test_what_is_written_as_its_default_asks_for_nothing() -> None:
    node, _ = node_of(least(KINDS["model"]) | {"steps": [], "secrets": {}})
    spec = decode(node, Report())
    assert spec is not None
    assert [] == list(written(spec))
