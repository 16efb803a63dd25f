"""Values to YAML and back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.diagnostics import Report
from headrace.document import parse, write, write_flow
from headrace.spec.decode import plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        "no",
        "a\x85b",
        "\u202ea",
        "\ufeff",
        "a (b",
        "true",
        "1e-3",
        "012",
        "1_000",
        "22:30",
        "null",
        "~",
        "",
        "<<",
        "=",
        " a",
        "a ",
        "- a",
        "a: b",
        "#",
        "${x}",
        "!t",
        "*a",
        "é\n",
        "2026-01-01",
    ]
)
LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4).map(tuple) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_written_is_read_back(value: dict[str, object]) -> None:
    for text in (write(value), write_flow(value)):
        report = Report()
        (node,) = parse(text, "f", report)
        assert (repr(value), []) == (repr(plain(node)), report.found)
