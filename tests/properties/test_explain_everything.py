"""Whatever is written in a valid spec is explained: each key, and each item by its position or its id."""

from collections.abc import Iterator
from typing import Any

import pytest
from language_corpus import documents

from headrace.cli import words as told
from headrace.diagnostics import Report
from headrace.hooks import load_plugins
from headrace.project.vocabulary import words


def paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}[{key}]" if not key or set("./") & set(key) else f"{path}.{key}"
            yield here
            yield from paths(inner, here)
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            name = item.get("id") if isinstance(item, dict) else None
            for here in (f"{path}[{position}]", f"{path}.{position}", *([f"{path}[{name}]"] if name is not None else [])):
                yield here
                yield from paths(item, here)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return {path for found in documents(tmp_path_factory.mktemp("corpus")) for path in paths(found, found["kind"])}


def test_every_path_of_every_valid_spec_is_explained(written: set[str]) -> None:
    known = words(load_plugins(None, Report()))
    unexplained = []
    for path in sorted(written):
        found = told.about_field(path, None, known)
        if found is None or not (found["description"] or path.endswith(".kind")) or not told.text_of_field(found):
            unexplained.append(path)
    assert (True, []) == (len(written) > 500, unexplained)
