"""Text to nodes: values, places, and what both of PyYAML's parsers make of it."""

import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.diagnostics import Report, Span
from headrace.document import Entry, Mapping, Scalar, Sequence, inside, parse
from headrace.document.parse import _Builder, walk
from headrace.spec.decode import plain

BOTH = pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])


def read(text: str, loader: object = yaml.CSafeLoader) -> object:
    report = Report()
    (node,) = parse(text, "f", report, loader=loader)
    assert report.found == []
    return plain(node)


def span(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span("f", line, column, end_line, end_column)


@BOTH
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("+7", 7),
        ("-0", 0),
        ("012", 12),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("22:30", "22:30"),
        ("2026-01-01", "2026-01-01"),
        ("no", "no"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        (".inf", float("inf")),
        ("-.Inf", float("-inf")),
        ("1e999", float("inf")),
        ("infinity", "infinity"),
        ("=", "="),
        (f"{'1' * 101}.", float("1" * 101)),
        ("1" * 500, "1" * 500),
        ('"1"', "1"),
        ("'true'", "true"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: object, loader: object) -> None:
    assert {"key": value} == read(f"key: {text}", loader)


def test_not_a_number() -> None:
    (node,) = parse("a: .nan", "f", Report())
    assert str(float("nan")) == str(plain(node)["a"])


@BOTH
def test_every_part_knows_its_place_in_characters(loader: object) -> None:
    text = 'é: "日本" # c\nlist:\n  - {a: 1}\n  - |\n    x\n    y\nend: z\n'
    (node,) = parse(text, "f", Report(), loader=loader)
    item = Mapping((Entry("a", span(3, 6, 3, 7), Scalar(1, "1", span(3, 9, 3, 10))),), span(3, 5, 3, 11))
    expected = Mapping(
        (
            Entry("é", span(1, 1, 1, 2), Scalar("日本", "日本", span(1, 4, 1, 8), '"')),
            Entry(
                "list",
                span(2, 1, 2, 5),
                Sequence((item, Scalar("x\ny\n", "x\ny\n", span(4, 5, 7, 1), "|")), span(3, 3, 7, 1)),
            ),
            Entry("end", span(7, 1, 7, 4), Scalar("z", "z", span(7, 6, 7, 7))),
        ),
        span(1, 1, 7, 7),
    )
    assert expected == node


def test_an_empty_block_ends_where_it_begins() -> None:
    (node,) = parse("a:\nb: 1", "f", Report())
    assert span(1, 1, 2, 5) == node.span


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: one two", span(1, 8, 1, 11)),
        ('a: "one two"', span(1, 9, 1, 12)),
        ('a: "o\\u006ee two"', span(1, 4, 1, 18)),
        ("a: >\n  one two", span(1, 4, 2, 10)),
    ],
)
def test_a_place_inside_a_scalar(text: str, place: Span) -> None:
    (node,) = parse(text, "f", Report())
    assert place == inside(node.entries[0].value, 4, 7)


@BOTH
def test_several_documents_and_empty_ones(loader: object) -> None:
    text = "---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n"
    assert [{"a": 1}, {"b": 2}] == [plain(n) for n in parse(text, "f", Report(), loader=loader)]


def test_documents_before_a_fault_are_read() -> None:
    report = Report()
    found = parse("a: 1\n---\nb: [\n---\nc: 3", "f", report)
    assert ([{"a": 1}], ["yaml-syntax"]) == ([plain(n) for n in found], [d.id for d in report])


def test_a_broken_document_leaves_the_others() -> None:
    report = Report()
    found = parse("a: !tag 1\n---\nb: 2", "f", report)
    assert ([{"b": 2}], ["unquoted-expression"]) == ([plain(n) for n in found], [d.id for d in report])


@BOTH
def test_merge_keys(loader: object) -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 0}\nd: {'<<': 5}"
    assert {"a": {"x": 1, "y": 2}, "b": {"y": 3, "z": 4}, "c": {"x": 0, "y": 2, "z": 4}, "d": {"<<": 5}} == read(text, loader)


def test_anchors_do_not_reach_the_next_document() -> None:
    report = Report()
    parse("a: &x 1\n---\nb: *x", "f", report)
    assert [("unknown-anchor", 3)] == [(d.id, d.span.line) for d in report]


def test_duplicate_keys_name_both_places() -> None:
    report = Report()
    (node,) = parse("a: 1\nb: 2\na: 3", "f", report)
    (found,) = report
    assert (span(3, 1, 3, 2), (span(1, 1, 1, 2),), {"a": 1, "b": 2}) == (found.span, found.related, plain(node))


def test_keys_are_text() -> None:
    assert {"1": "a", "true": "b", "on": "c", "null": "d"} == read("1: a\ntrue: b\non: c\nnull: d")


def test_all_nodes_are_walked() -> None:
    (node,) = parse("a: [1, {b: 2}]", "f", Report())
    assert 5 == len(list(walk(node)))


def test_the_text_is_kept_for_showing() -> None:
    report = Report()
    parse("\ufeffa: 1", "f", report)
    assert {"f": "a: 1"} == report.texts


SIGNS = list("a[]{},\n\"'#|>1?%@\\é~\t()")
WORDS = st.sampled_from(
    [*SIGNS, "b: ", "- ", ", ", ": ", "\n  ", "\n    ", " # ", "&x ", "*x", "!t ", "? ", "---\n", "...\n", "<<: ", "${"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=25).map("".join))
def test_any_text_is_read_or_refused_at_a_place_by_both_parsers_alike(text: str) -> None:
    """Where libyaml is more lenient than the pure-Python parser, and the other way round, is known: both never disagree on values."""
    said = []
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):
        report = Report()
        found = parse(text, "f", report, loader=loader)
        assert all(d.span is not None and d.span.line >= 1 and d.span.column >= 1 for d in report)
        said.append((bool(report.found), [plain(n) for n in found]))
    if not said[0][0] and not said[1][0]:
        assert repr(said[0]) == repr(said[1])


WORDS = st.sampled_from(
    ["a", "b", "<<", "1", "-3", "0.5", "true", "~", "''", '"q"', "'1'", "f(x", "(x)", "9" * 20, "!!str x", "&k v", "*k", ".inf"]
)


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> str:
    """Text that is mostly YAML, in flow style, with most of what the parser has a word to say about."""
    shape = draw(st.sampled_from(["word", "word", "list", "mapping"])) if depth else "word"
    if shape == "word":
        return draw(WORDS)
    parts = draw(st.lists(documents(depth - 1), max_size=4))
    if shape == "list":
        return f"[{', '.join(parts)}]"
    return "{" + ", ".join(f"{draw(WORDS)}: {part}" for part in parts) + "}"


class _Slow(_Builder):
    """Reads every word in the general way."""

    def _word(self, event: object) -> None:
        self.take(event)


@settings(max_examples=400, deadline=None)
@given(st.lists(documents(), min_size=1, max_size=3).map("\n---\n".join))
def test_a_word_that_is_read_in_one_piece_is_the_word_that_was_meant(text):
    fast, slow = Report(), Report()
    quick = parse(text, "f", fast)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["headrace.document.parse"], "_Builder", _Slow)
        general = parse(text, "f", slow)
    assert (repr(general), slow.found) == (repr(quick), fast.found)  # as text, in which 1 and 1.0 differ
