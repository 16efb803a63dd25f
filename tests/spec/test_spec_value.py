"""Expressions in values: what they become, of which type, and where a fault of one stands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.diagnostics import Report, Span
from headrace.document import Node, Scalar, parse
from headrace.spec.decode import plain
from headrace.spec.value import MOST, Names, Replacing

PLACE = Span("v", 1, 1, 1, 2)
SHELL = {"ROWS": "5000", "ALL": "all", "YES": "true", "ZIP": "012", "LONG": "9" * 30, "EMPTY": "", "EXPR": "${var.n}"}


def names(**given: object) -> Names:
    return Names({name: Scalar(value, str(value), PLACE) for name, value in given.items()}, SHELL)


def replaced(text: str, known: Names | None = None) -> tuple[object, list[str]]:
    report = Report()
    (node,) = parse(f"a: {text}", "f", report)
    replacing = Replacing(known or names(n=5, x=0.5, t="text", b=True, one=Scalar("1", "1", PLACE).value), report)
    found = plain(replacing.document(node))["a"]
    return found, [d.id for d in report]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"${var.n}"', 5),
        ("${var.n}", 5),
        ('"${ var.n }"', 5),
        ('"${var.x}"', 0.5),
        ('"${var.b}"', True),
        ('"${var.t}"', "text"),
        ('"${var.one}"', "1"),
        ('" ${var.n}"', " 5"),
        ('"${var.n}${var.t}"', "5text"),
        ('"${env.ROWS | 30000}"', 5000),
        ('"${env.NONE | 30000}"', 30000),
        ('"${env.EMPTY | 30000}"', 30000),
        ('"${env.ALL}"', "all"),
        ('"${env.YES}"', True),
        ('"${env.ZIP}"', 12),
        ('"x${env.ZIP}"', "x012"),
        ('"${env.LONG}"', "9" * 30),
        ('"${env.EXPR}"', "${var.n}"),
        ('"${var.none | 1e-3}"', 0.001),
        ('"${var.none | no}"', "no"),
        ('"${var.none | }"', None),
        ("'${var.none | \"7\"}'", "7"),
        ("'${var.none | \"a } b\"}'", "a } b"),
        ('"${var.none | 2026-01-01}"', "2026-01-01"),
        ('"$${var.n}"', "${var.n}"),
        ('"a $${var.n} ${var.n}"', "a ${var.n} 5"),
        ('"$$$"', "$$$"),
        ('"$var.n {x}"', "$var.n {x}"),
    ],
)
def test_an_expression_keeps_its_type(text: str, value: object) -> None:
    assert (repr(value), []) == (repr(replaced(text)[0]), replaced(text)[1])


@pytest.mark.parametrize(
    ("text", "id_", "place", "fix"),
    [
        ('"ab ${var.nn} c"', "undefined-variable", (8, 17), "${var.n}"),
        ('"é ${env.ROWZ}"', "undefined-variable", (7, 18), "${env.ROWS}"),
        ('"é ${n}"', "bad-expression", (7, 11), "${var.n}"),
        ('"${ROWS | 3}"', "bad-expression", (5, 16), "${env.ROWS | 3}"),
        ('"x ${var.n"', "bad-expression", (7, 14), None),
        ('"\\t ${var.m}"', "undefined-variable", (4, 17), None),
    ],
)
def test_a_fault_stands_at_the_expression(text: str, id_: str, place: tuple[int, int], fix: str | None) -> None:
    report = Report()
    (node,) = parse(f"a: {text}", "f", report)
    Replacing(names(n=5), report).document(node)
    found = [(d.id, (d.span.column, d.span.end_column), d.replacement) for d in report if d.span]
    assert [(id_, place, fix)] == found


def test_what_a_document_becomes_is_bounded() -> None:
    report = Report()
    (node,) = parse("a: [" + '"x${var.big}", ' * 3000 + "]", "f", report)
    replacing = Replacing(names(big="b" * 1000), report)
    replacing.document(node)
    assert (["expressions-too-long"], True) == ([d.id for d in report], 3000 * 1000 > MOST)


def test_a_document_without_expressions_is_the_same_value() -> None:
    (node,) = parse("a: [1, {b: c}]", "f", Report())
    assert Replacing(names(), Report()).document(node) is node


@pytest.mark.parametrize("text", ["${" * 200_000, "${var.a|" * 100_000, "${" + " " * 400_000, "${a|" + '"' * 300_000, "$" * 400_000 + "{"])
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    report = Report()
    found = Replacing(names(), report).document(Scalar(text, text, PLACE))
    assert (True, True) == (found is not None, len(report.found) <= 1)


WORDS = st.sampled_from(["${", "}", "$", "{", "var.", "env.", "n", "ROWS", " ", "|", '"', "'", "é", "${var.n}", "${env.ROWS | 1}", "\\"])


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=12).map("".join))
def test_any_text_is_replaced_or_refused_at_a_place(text: str) -> None:
    report = Report()
    node: Node = Scalar(text, text, Span("f", 1, 1, 1, 1 + len(text)))
    replacing = Replacing(names(n=5), report)
    found = replacing.document(node)
    assert isinstance(found, Scalar)
    assert replacing.broken == bool(report.found)
    assert all(d.span is not None for d in report)
    if not report.found and "${" not in text:
        assert found is node
