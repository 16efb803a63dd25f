"""Files that were written to hurt: refused in bounded time and memory, at a place."""

import time

import pytest
import yaml

from headrace.diagnostics import Report, Span
from headrace.document import parse
from headrace.document.text import LARGEST

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(12)
)
DEEP_ALIASES = "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("[" * 50_000, "too-deep"),
        ("{a: " * 50_000, "too-deep"),
        ("- " * 50_000, "too-deep"),
        (BOMB, "too-many-nodes"),
        ("x-a: &a {k: [1, 2]}\n" + "b: [" + "*a, " * 60_000 + "]", "too-many-nodes"),
        ("a: [" + "1," * 100_010 + "]", "too-many-nodes"),
        (DEEP_ALIASES, "too-deep"),
        ("a" * (LARGEST + 1), "file-too-large"),
        ("a: !!python/object/apply:os.system [true]", "yaml-tag"),
        ("a: !!binary aGk=", "yaml-tag"),
        ("a: ! b", "unquoted-expression"),
        ("a: 9223372036854775808", "integer-too-large"),
        ("a: -9223372036854775809", "integer-too-large"),
        ("a: [0xffffffffffffffff0]", "integer-too-large"),
        ("a: " + "9" * 400, "integer-too-large"),
        ("a: \x00", "control-character"),
        ("a: \x85b", "control-character"),
        ("a: \u2028b", "control-character"),
        ("a: \ud800", "control-character"),
        (b"\xff\xfea\x00", "not-utf8"),
        ("a: '" + "x" * 1_000_000, "yaml-syntax"),
        ("&a " * 2000, "yaml-syntax"),
    ],
    ids=lambda value: str(value)[:24].encode("ascii", "backslashreplace").decode(),
)
@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])
def test_it_is_refused(text: str, id_: str, loader: object) -> None:
    report = Report()
    started = time.process_time()
    assert () == parse(text, "f", report, loader=loader)
    assert [id_] == [d.id for d in report]
    assert time.process_time() - started < 60


def test_a_long_number_is_text_and_stays_cheap() -> None:
    report = Report()
    (node,) = parse("a: " + "9" * 100_000, "f", report)
    assert isinstance(node.entries[0].value.value, str)


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])
def test_the_largest_numbers_that_there_are(loader: object) -> None:
    report = Report()
    (node,) = parse("a: 9223372036854775807\nb: -9223372036854775808\n99999999999999999999: c", "f", report, loader=loader)
    assert ([2**63 - 1, -(2**63), "c"], []) == ([entry.value.value for entry in node.entries], report.found)


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])
def test_a_number_that_is_too_large_has_a_place(loader: object) -> None:
    report = Report()
    parse("a:\n  b: 99999999999999999999", "f", report, loader=loader)
    assert [Span("f", 2, 6, 2, 26)] == [d.span for d in report]
