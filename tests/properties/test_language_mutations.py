"""One key of any valid document dropped, renamed, moved or given another value: valid, or said where the change is, and said once.

Documents have much in common: a key and its value, beside the same keys at the same place of a kind, is changed in the first that has it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from language_corpus import Keys, Placed, at, changed, documents, mappings

from headrace.diagnostics import Report, Span
from headrace.spec.decode import decode

OTHERS = [None, True, 12345678, -1.5, "zzz", "", (), {}, ("zzz",), {"zzz": 1}]
MOST = 3
"""How many diagnostics one change may cause, at the utmost: two items of a list that both became wrong, and a key that is missing."""
FREE = {"labels", "annotations", "params", "map", "use", "columns", "features", "space", "measures"}
"""Under these keys names are the user's own."""

OTHER_KIND = {"wrong-type", "bad-value", "bad-name"}
"""Faults of a key that the target has too, for values of another kind: it is wrong there and missing where it was."""

Mutation = tuple[str, dict[str, Any], list[Keys]]
"""What was done, the document after it, and where it may be told."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return documents(tmp_path_factory.mktemp("corpus"))


def without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def renamed(mapping: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    return {name if word == key else word: value for word, value in mapping.items()}


def known(seen: set[str], document: dict[str, Any], *what: Any) -> bool:
    """Whether a change was met in an earlier document of the kind."""
    before, word = len(seen), repr((document.get("kind"), *what))
    seen.add(word)
    return len(seen) == before


def in_place(document: dict[str, Any], seen: set[str]) -> Iterator[Mutation]:
    for path, mapping in mappings(document):
        for key, value in mapping.items():
            if known(seen, document, path, key, value, [*mapping]):
                continue
            dropped = changed(document, path, lambda m, k=key: without(m, k))
            yield f"drop {key} of {path}", dropped, [path]
            for name in (f"{key}qq", "colour"):
                yield f"rename {key} of {path} {name}", changed(document, path, lambda m, k=key, n=name: renamed(m, k, n)), [path]
            for other in OTHERS:
                after = changed(document, path, lambda m, k=key, o=other: {**m, k: o})
                yield f"retype {key} of {path} {other!r}", after, [(*path, key)]


def moved(document: dict[str, Any], seen: set[str]) -> Iterator[Mutation]:
    """To every other mapping that is not within the key itself, and does not have it."""
    every = list(mappings(document))
    for path, mapping in every:
        for key, value in mapping.items():
            dropped = changed(document, path, lambda m, k=key: without(m, k))
            for target, there in every:
                if target == path or target[: len(path) + 1] == (*path, key) or key in there:
                    continue
                if known(seen, document, path, key, value, [*mapping], target, [*there]):
                    continue
                after = changed(dropped, target, lambda m, k=key, v=value: {**m, k: v})
                yield f"move {key} of {path} {target}", after, [path, (*target, key)]


def told(document: dict[str, Any], allowed: list[Keys]) -> tuple[list[Any], list[Any]]:
    """What is said of a document, and what of it is said elsewhere than at the allowed places."""
    node, report = Placed().node(document), Report()
    spec = decode(node, report)
    assert (spec is None) == bool(report.errors)
    spans = [node.span] if () in allowed else []
    for path in allowed:
        value, key = at(node, path)
        spans += [span for span in (value.span if value is not None else None, key) if span is not None]
    return report.found, [d for d in report if d.span is None or not any(within(d.span, span) for span in spans)]


def within(inner: Span, outer: Span) -> bool:
    return outer.line <= inner.line and inner.end_line <= outer.end_line


def test_a_change_is_valid_or_told_where_it_was_made(corpus: list[dict[str, Any]]) -> None:
    wrong, many, number, seen = [], [], 0, set[str]()
    for document in corpus:
        for what, after, allowed in in_place(document, seen):
            found, elsewhere = told(after, allowed)
            number += 1
            wrong += [(what, d) for d in elsewhere]
            if len(found) > MOST:
                many.append((what, [d.message for d in found]))
    assert ([], []) == (wrong, many)
    assert number > 20_000


def test_a_move_is_valid_or_told_where_it_was_made(corpus: list[dict[str, Any]]) -> None:
    """Between mappings whose keys are the language's own it is one fault: the key is not missing as well where it was."""
    wrong, many, number, seen = [], [], 0, set[str]()
    for document in corpus:
        for what, after, (path, target) in moved(document, seen):
            found, elsewhere = told(after, [path, target])
            number += 1
            wrong += [(what, d) for d in elsewhere]
            own = not FREE & {part for part in (*path, *target[:-1]) if isinstance(part, str)} and {"kind", "name"} <= set(after)
            own = own and not any(d.id in OTHER_KIND or "none is a key of" in d.message for d in found)
            if len(found) > (1 if own else MOST):
                many.append((what, [d.message for d in found]))
    assert ([], []) == (wrong, many)
    assert number > 20_000
