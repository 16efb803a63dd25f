"""Specs of a folder as the compiler takes them: read and typed by the real rooms, judged by no rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler import Specs
from headrace.diagnostics import Report
from headrace.document import Mapping, Node, Scalar, Sequence, parse
from headrace.spec import KINDS, Channel, Environment, FeatureView, Model, Project, Source

GOLDEN = Path(__file__).parents[1] / "golden"


def plain(node: Node) -> Any:
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return tuple(plain(item) for item in node.items)
        case Mapping():
            return {entry.key: plain(entry.value) for entry in node.entries}


def read(texts: Iterable[tuple[str, str]]) -> Specs:
    """Specs of files given by name and text."""
    report = Report()
    found: list[Any] = []
    for name, text in texts:
        documents = [plain(node) for node in parse(text, name, report)]
        found += [KINDS[document["kind"]].model_validate(document) for document in documents]
    assert not list(report)

    def of(kind: type) -> dict[str, Any]:
        return {item.name: item for item in found if isinstance(item, kind)}

    return Specs(
        project=next(item for item in found if isinstance(item, Project)),
        environment=next(item for item in found if isinstance(item, Environment)),
        sources=of(Source),
        views=of(FeatureView),
        channels=of(Channel),
        models=of(Model),
    )


@pytest.fixture(scope="session")
def specs_of() -> Callable[[str], Specs]:
    """The specs of a golden case."""

    def load(case: str) -> Specs:
        return read((path.name, path.read_text(encoding="utf-8")) for path in sorted((GOLDEN / case / "specs").iterdir()))

    return load


@pytest.fixture(scope="session")
def read_specs() -> Callable[[Iterable[tuple[str, str]]], Specs]:
    """Specs of texts."""
    return read


@pytest.fixture(scope="session")
def model() -> Model:
    """The reference project's model."""
    return read((path.name, path.read_text(encoding="utf-8")) for path in sorted((GOLDEN / "census" / "specs").iterdir())).models["employment"]
