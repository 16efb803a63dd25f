"""How faults are shown."""

import pickle

from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report, Severity, Span, render
from headrace.diagnostics.codes import CODES

TEXT = 'a: 1\nb: "日本", confidense: 0.95\nc: e\u0301x\n'
FOUND = Diagnostic(
    "unknown-key",
    "`confidense` is no key of a gate",
    Span("f.yaml", 2, 10, 2, 20),
    caret="did you mean `confidence`?",
    help="write `confidence`",
    replacement="confidence",
    related=(Span("f.yaml", 1, 1, 1, 2),),
    certain=True,
)


def report(*found: Diagnostic) -> Report:
    return Report(list(found), {"f.yaml": TEXT})


def test_a_caret_stands_under_wide_characters() -> None:
    expected = """\
error[unknown-key]: `confidense` is no key of a gate
 --> f.yaml:2:10
  |
2 | b: "日本", confidense: 0.95
  |            ^^^^^^^^^^ did you mean `confidence`?
  = help: write `confidence`"""
    assert expected == render.to_text(report(FOUND))


def test_a_combining_character_takes_no_room() -> None:
    shown = render.to_text(report(Diagnostic("x", "m", Span("f.yaml", 3, 6, 3, 7))))
    assert "  |     ^" == shown.splitlines()[-1]


def test_json_is_the_first_view() -> None:
    assert [
        {
            "id": "unknown-key",
            "severity": "error",
            "message": "`confidense` is no key of a gate",
            "file": "f.yaml",
            "range": {"start": {"line": 2, "column": 10}, "end": {"line": 2, "column": 20}},
            "line": 'b: "日本", confidense: 0.95',
            "caret": "did you mean `confidence`?",
            "help": "write `confidence`",
            "related": [{"file": "f.yaml", "range": {"start": {"line": 1, "column": 1}, "end": {"line": 1, "column": 2}}}],
            "certain": True,
            "edits": [
                {
                    "file": "f.yaml",
                    "range": {"start": {"line": 2, "column": 10}, "end": {"line": 2, "column": 20}},
                    "replacement": "confidence",
                }
            ],
        }
    ] == render.to_json(report(FOUND))


def test_concise() -> None:
    assert "f.yaml:2:10: error[unknown-key]: `confidense` is no key of a gate" == render.to_concise(report(FOUND))


def test_github() -> None:
    expected = (
        "::error title=unknown-key,file=f.yaml,line=2,endLine=2,col=10,endColumn=20::`confidense` is no key of a gate%0Awrite `confidence`"
    )
    assert expected == render.to_github(report(FOUND))


def test_github_escapes_what_it_would_obey() -> None:
    shown = render.to_github(report(Diagnostic("x", "50%", Span("a,b:c", 1, 1, 2, 1), severity=Severity.NOTE)))
    assert "::notice title=x,file=a%2Cb%3Ac,line=1,endLine=2,col=1::50%25" == shown


def test_without_a_place() -> None:
    assert "warning[x]: m\n = help: h" == render.to_text(report(Diagnostic("x", "m", help="h", severity=Severity.WARNING)))


def test_without_the_text() -> None:
    assert "error[x]: m\n --> other.yaml:1:2" == render.to_text(report(Diagnostic("x", "m", Span("other.yaml", 1, 2, 1, 3))))


def test_beyond_the_text() -> None:
    assert "error[x]: m\n  --> f.yaml:99:2" == render.to_text(report(Diagnostic("x", "m", Span("f.yaml", 99, 2, 99, 3))))


def test_a_range_of_lines_is_marked_in_its_first() -> None:
    shown = render.to_text(report(Diagnostic("x", "m", Span("f.yaml", 1, 1, 3, 2))))
    assert "  | ^^^^" == shown.splitlines()[-1]


def test_fifty_are_shown_and_the_rest_is_counted() -> None:
    many = [Diagnostic("x", str(i), Span("f.yaml", i + 1, 1, i + 1, 2)) for i in range(52)] + [
        Diagnostic("y", "z", Span("g.yaml", 1, 1, 1, 2), severity=Severity.WARNING)
    ]
    shown = render.to_concise(report(*many)).splitlines()
    assert (51, "… and 2 more errors and 1 more warning") == (len(shown), shown[-1])


def test_counts() -> None:
    assert {"errors": 1, "warnings": 0, "notes": 0} == render.counts(report(FOUND))


def test_a_long_line_is_cut_around_the_caret() -> None:
    found = Report([Diagnostic("x", "m", Span("f", 1, 5001, 1, 5004))], {"f": "a" * 5000 + "bcd" + "e" * 5000})
    line, caret = render.to_text(found).splitlines()[-2:]
    assert (line[caret.index("^") :][:3], True) == ("bcd", len(line) < 200)


def test_a_terminal_is_told_nothing_by_a_users_text() -> None:
    shown = render.to_text(report(Diagnostic("x", "a\x1b[31mred\x07\u202e", Span("f.yaml", 1, 1, 1, 2))))
    assert "error[x]: a\\x1b[31mred\\x07\\u202e" == shown.splitlines()[0]


def test_colour() -> None:
    assert (
        "\x1b[1;31merror[unknown-key]\x1b[0m: `confidense` is no key of a gate"
        == render.to_text(report(FOUND), colour=True).splitlines()[0]
    )


def test_every_code_says_why() -> None:
    assert [] == [code.id for code in CODES.values() if not code.title or not code.why.endswith(".") or bool(code.wrong) > bool(code.right)]


def test_what_ends_a_process_beside_is_told_whole_in_this_one():
    told = pickle.loads(pickle.dumps(HeadraceError(Diagnostic("locked", "it is held", help="wait"), Exit.LOCKED)))  # noqa: S301 - of our own
    assert ([Diagnostic("locked", "it is held", help="wait")], Exit.LOCKED, ["help: wait"]) == (
        list(told.report),
        told.code,
        told.__notes__,
    )
