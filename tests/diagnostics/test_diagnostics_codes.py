"""The catalogue knows every diagnostic that there is, and none that there is not."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import headrace
from headrace.cli.explain import explain
from headrace.diagnostics import codes
from headrace.diagnostics.codes import CODES

HEADRACE = Path(headrace.__file__).parent
SAYS = {"Diagnostic": ("id", 0), "_break": ("id_", 0), "Refused": ("id", 1), "problem": ("id", 1), "_guarded": ("refusal", 2)}
"""What is called with an id: the keyword and the position of it."""
NAMED = re.compile(r"(?<=[\"'`:\[])[a-z0-9]+(?:-[a-z0-9]+)*(?![\w-])")
"""What stands like an id: in quotes, in brackets, or after `urn:headrace:`."""
CHOSEN = {"no-such-route", "method-not-allowed"}
"""Ids that a table holds, not a call."""


def ids(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        keyword, position = SAYS.get(getattr(node.func, "id", getattr(node.func, "attr", "")), ("", -1))
        given = [item.value for item in node.keywords if keyword and item.arg == keyword]
        given += node.args[position : position + 1] if position >= 0 else []
        yield from (value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str))


@cache
def emitted() -> set[str]:
    catalogue = Path(codes.__file__).parent
    files = [file for file in HEADRACE.rglob("*.py") if catalogue not in file.parents]
    return {found for file in files for found in ids(ast.parse(file.read_text(encoding="utf-8")))}


def test_every_id_that_is_said_is_explained() -> None:
    assert [] == sorted(emitted() - set(CODES))


def test_every_id_that_is_explained_is_said() -> None:
    assert [] == sorted(set(CODES) - emitted() - CHOSEN)


def test_those_that_a_table_holds_are_there() -> None:
    said = (HEADRACE / "serving" / "application.py").read_text(encoding="utf-8")
    assert [] == sorted(id_ for id_ in CHOSEN if f'"{id_}"' not in said)


def test_an_id_is_found_however_it_is_given() -> None:
    text = 'Diagnostic("a", "m"); x.Diagnostic(message="m", id="b"); Refused(400, "c", "m"); Diagnostic(other, "d"); said("e")'
    assert ["a", "b", "c"] == sorted(ids(ast.parse(text)))


def test_every_id_is_named_by_a_test_or_a_case() -> None:
    tests = Path(__file__).parents[1]
    files = [file for file in tests.rglob("*") if file.suffix in {".py", ".md"} and file != Path(__file__)]
    named = {word for file in files for word in NAMED.findall(file.read_text(encoding="utf-8"))}
    assert [] == sorted(set(CODES) - named)


def test_an_id_is_explained_once() -> None:
    said = [code.id for part in codes._PARTS for code in part.CODES]
    assert [] == sorted({id_ for id_ in said if said.count(id_) > 1})


def test_what_happens_while_running_comes_with_something_to_do() -> None:
    running = (codes.rows, codes.versions, codes.memory, codes.running, codes.tracked, codes.requests)
    assert [] == [code.id for part in running for code in part.CODES if not code.help]


@pytest.mark.parametrize("id_", ["locked", "stale-source", "invalid-request"])
def test_explain_answers_for_what_happens_while_running(id_: str) -> None:
    told = explain(id_, None, Path())
    assert (id_, CODES[id_].help) == (told["diagnostic"], told["help"])
