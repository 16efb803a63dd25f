"""The grammar of conditions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.spec.expression import And, Compare, Condition, ExpressionError, Not, Or, Quantity, Truth, parse

NAMES = st.sampled_from(["drift.share", "alert.degraded", "a", "performance.roc_auc", "alert.too-high"])
LEAVES = st.builds(Truth, NAMES) | st.builds(
    Compare,
    NAMES,
    st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
    st.builds(Quantity, st.floats(-1e6, 1e6), st.sampled_from(["", "%", "ms", "s", "m", "h", "d", "w"])),
)


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    flat_and = several.filter(lambda parts: not any(isinstance(p, And) for p in parts)).map(And)
    flat_or = several.filter(lambda parts: not any(isinstance(p, Or) for p in parts)).map(Or)
    return inner.map(Not) | flat_and | flat_or


TREES = st.recursive(LEAVES, nested, max_leaves=8)


def test_precedence() -> None:
    a, b, c = Truth("a"), Compare("b", ">", Quantity(5.0, "%")), Truth("c")
    assert Or((a, And((b, Not(c))))) == parse("a or b > 5% and not c").root


def test_columns_are_kept() -> None:
    assert [("a", 0), ("b.c", 6)] == [(leaf.name, leaf.start) for leaf in parse("a and b.c < 1").leaves()]


@pytest.mark.parametrize(
    ("text", "value"), [("5%", 0.05), ("2h", 7200.0), ("40ms", 0.04), ("-1e-3", -0.001), ("3", 3.0), (".5", 0.5), ("1w", 604800.0)]
)
def test_a_quantity_has_one_value(text: str, value: float) -> None:
    root = parse(f"a > {text}").root
    assert isinstance(root, Compare)
    assert value == pytest.approx(root.quantity.value)


def test_names() -> None:
    assert {"a.b", "c"} == parse("a.b > 1 and (c or not a.b < 2)").names()


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a > 1", {"a": 2.0}, True),
        ("a > 1", {"a": 1.0}, False),
        ("a > 1", {}, None),
        ("a > 1", {"a": None}, None),
        ("a > 1", {"a": float("nan")}, None),
        ("a", {"a": True}, True),
        ("a", {"a": 0.0}, False),
        ("a", {"a": float("nan")}, None),
        ("not a", {}, None),
        ("not a", {"a": False}, True),
        ("a > 1 and b", {"a": 0.0}, False),
        ("a > 1 and b", {"a": 2.0}, None),
        ("a or b", {"a": True}, True),
        ("a or b", {"a": False}, None),
        ("a or b", {"a": False, "b": False}, False),
        ("a and b", {"a": True, "b": True}, True),
    ],
)
def test_a_missing_value_decides_nothing_that_it_could_change(
    text: str,
    values: dict[str, float | bool | None],
    expected: bool | None,  # noqa: FBT001
) -> None:
    assert expected is parse(text).evaluate(values)


@pytest.mark.parametrize(
    ("text", "start", "end", "instead"),
    [
        ("a = 1", 2, 3, "=="),
        ("a => 1", 2, 4, ">="),
        ("a <> 1", 2, 4, "!="),
        ("a > 1 && b", 6, 8, "and"),
        ("a || b", 2, 4, "or"),
        ("!a", 0, 1, "not"),
        ("a AND b", 2, 5, "and"),
        ("a > ", 4, 5, None),
        ("a > b", 4, 5, None),
        ("a > 1s2", 6, 7, None),
        ("a > 5x", 4, 6, None),
        ("a > 1e999", 4, 9, None),
        ("(a", 0, 1, None),
        ("a)", 1, 2, None),
        ("a b", 2, 3, None),
        ("a @", 2, 3, None),
        ("a > 1 > 0", 6, 7, None),
        ("1 < a", 0, 1, None),
        ("and", 0, 3, None),
        ("", 0, 1, None),
        ("a ! b", 2, 3, "!="),
        ("x" * 1001, 1000, 1001, None),
        ("(" * 60 + "a" + ")" * 60, 51, 52, None),
        ("not " * 60 + "a", 204, 207, None),
    ],
)
def test_a_fault_has_its_columns(text: str, start: int, end: int, instead: str | None) -> None:
    with pytest.raises(ExpressionError) as fault:
        parse(text)
    assert (start, end, instead) == (fault.value.start, fault.value.end, fault.value.instead)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_what_is_written_is_parsed_back(tree: object) -> None:
    text = str(Condition(tree, ""))  # type: ignore[arg-type]
    assert tree == parse(text).root


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=40) | st.lists(st.sampled_from([*"()<>=!&| .%5aé", "and ", "or ", "not ", "drift.share "]), max_size=20).map("".join)
)
def test_any_text_is_parsed_or_refused_at_a_column(text: str) -> None:
    try:
        condition = parse(text)
    except ExpressionError as error:
        fault = error
    else:
        assert condition == parse(str(condition))
        return
    assert 0 <= fault.start < fault.end <= len(text) + 1
