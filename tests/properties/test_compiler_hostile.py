"""Whatever a user wrote compiles to the same calls, with exactly those values in them, and to nothing else."""

from __future__ import annotations

import ast
import io
import random
import subprocess
import sys
import tokenize
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.address import Address
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.project import Project, load
from headrace.spec import Model

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"

TEXT = st.text(st.characters(), max_size=300) | st.sampled_from(
    [
        '"""',
        "'''",
        "\\",
        '\\"""',
        "\\N{DIGIT ONE}",
        "\n# mypy: ignore-errors",
        "{x}",
        "# noqa",
        "\u202e",
        "\ud800",
        "\r\nimport os\n",
        " " * 200,
    ]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUE = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12)


def census() -> Project:
    project = load(GOLDEN / "census", Report())
    assert project is not None
    return project


PROJECT = census()
(MODEL,) = PROJECT.models


def with_model(model: Model) -> Project:
    """The reference project with another model, judged by no rule."""
    specs = {**PROJECT.specs, Address("model", "employment"): model}
    return replace(PROJECT, specs=specs, scope=replace(PROJECT.scope, specs=specs))


def hostile(owner: str, description: str, params: dict[str, Any], texts: list[str]) -> str:
    """The compiled flow of the reference model with a user's text wherever one may stand, unchecked."""
    when, metric, algorithm, column, name = texts
    assert MODEL.monitoring is not None
    assert MODEL.rollout is not None
    alerts = tuple(alert.model_copy(update={"when": when}) for alert in MODEL.monitoring.alerts)
    model = MODEL.model_copy(
        update={
            "owner": owner,
            "description": description,
            "training": MODEL.training.model_copy(update={"params": params, "algorithm": algorithm}),
            "gates": (MODEL.gates[0].model_copy(update={"metric": metric, "id": name}), *MODEL.gates[1:]),
            "features": MODEL.features.model_copy(update={"entity": column}),
            "rollout": MODEL.rollout.model_copy(update={"unit": column}),
            "monitoring": MODEL.monitoring.model_copy(update={"alerts": alerts}),
        }
    )
    return compile_project(with_model(model))["flows/employment.py"]


def calls(tree: ast.AST) -> Counter[str]:
    found = Counter(ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    del found["float"]  # how an infinite number is written
    return found


def argument(tree: ast.AST, call: str, keyword: str) -> ast.expr:
    return next(
        given.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == call
        for given in node.keywords
        if given.arg == keyword
    )


class _Infinite(ast.NodeTransformer):
    """`float("inf")` as the literal that `ast.literal_eval` reads."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        (text,) = node.args
        assert isinstance(text, ast.Constant)
        infinite = ast.Constant(float("inf"))
        return infinite if text.value == "inf" else ast.UnaryOp(ast.USub(), infinite)


def shape(tree: ast.Module) -> list[str]:
    return [type(node).__name__ if not isinstance(node, ast.FunctionDef) else node.name for node in tree.body]


REFERENCE = ast.parse(compile_project(PROJECT)["flows/employment.py"])


@settings(max_examples=150, deadline=None)
@given(owner=TEXT, description=TEXT, params=st.dictionaries(TEXT, VALUE, max_size=5), texts=st.lists(TEXT, min_size=5, max_size=5))
def test_any_text_compiles_to_the_same_calls_with_those_values(owner, description, params, texts):
    code = hostile(owner, description, params, texts)
    tree = ast.parse(code)
    when, metric, algorithm, column, name = texts
    assert (calls(REFERENCE), shape(REFERENCE)) == (calls(tree), shape(tree))
    written = [
        ast.literal_eval(_Infinite().visit(argument(tree, call, keyword)))
        for call, keyword in (
            ("steps.training.train", "params"),
            ("steps.training.train", "algorithm"),
            ("Alert", "when"),
            ("Minimum", "metric"),
            ("Minimum", "id"),
            ("steps.features.training_rows", "entity"),
        )
    ]
    assert [params, algorithm, when, metric, name, column] == written


@settings(max_examples=150, deadline=None)
@given(owner=TEXT, description=TEXT, params=st.dictionaries(TEXT, VALUE, max_size=5), texts=st.lists(TEXT, min_size=5, max_size=5))
def test_no_text_becomes_a_comment_a_line_or_a_character_that_hides(owner, description, params, texts):
    code = hostile(owner, description, params, texts)
    comments = [token.string for token in tokenize.generate_tokens(io.StringIO(code).readline) if token.type == tokenize.COMMENT]
    assert ["# Compiled by headrace from model/employment. Change the spec, then run `headrace compile`."] == comments
    assert [] == [line for line in code.split("\n") if line.startswith("#")][1:]
    assert [] == [c for c in code if c != "\n" and not c.isprintable()]
    assert max(map(len, code.split("\n"))) <= 140


PIECES = [
    "a",
    "word ",
    " ",
    '"',
    "'",
    "\\",
    "\n",
    "{",
    "}",
    "#",
    "é",
    "ł",
    "—",
    "\u202e",
    "\U0001f600",
    "\x00",
    '"""',
    "\\N{DIGIT ONE}",
    "# noqa",
]


def nasty(rng: random.Random, depth: int = 0) -> Any:
    def text() -> str:
        return "".join(rng.choice(PIECES) for _ in range(rng.choice([0, 1, 5, 20, 60, 150])))

    match rng.randrange(9 if depth < 3 else 6):
        case 0:
            return rng.choice([None, True, False, 0, -3, 10**40])
        case 1:
            return rng.choice([0.1, -0.0, 1e16, 1e-7, 1e300, rng.random()])
        case 2 | 3 | 4 | 5:
            return text()
        case 6:
            return [nasty(rng, depth + 1) for _ in range(rng.randrange(6))]
        case _:
            return {text(): nasty(rng, depth + 1) for _ in range(rng.randrange(6))}


@pytest.mark.parametrize("arguments", [("format", "--check"), ("check",)])
def test_any_text_passes_formatter_and_linter(arguments, tmp_path):
    rng = random.Random(7)
    for number in range(40):
        texts = [str(nasty(rng, 3)) for _ in range(5)]
        code = hostile(str(nasty(rng, 3)), str(nasty(rng, 3)), {f"p{i}": nasty(rng) for i in range(5)}, texts)
        (tmp_path / f"m{number}.py").write_text(code, encoding="utf-8")
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    ignored = ["--ignore", "INP001,I001"] if arguments == ("check",) else []  # which are about where the file stands
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, *options, *ignored, tmp_path], check=False, capture_output=True, text=True
    )
    assert (0, "") == (done.returncode, done.stdout if done.returncode else "")
