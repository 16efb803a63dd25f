"""Faults as people and programs read them: JSON is the first view, and every text is made from it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from headrace.diagnostics.edits import offsets, range_of
from headrace.diagnostics.report import Diagnostic, Report, Severity, Span
from headrace.diagnostics.secret import HIDDEN, concealed, masked

MOST = 50
"""How many are shown; the rest is counted."""
SECRET = frozenset({"literal-secret"})
"""What is said of a secret: the text at its place is never shown, whichever fault shows the line."""
_SHORTEST = 4
_WIDEST = 160
_LONGEST = 4000
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_BREAK = re.compile(r"\r\n|\r|\n")


def to_json(report: Report, known: Collection[str] = ()) -> list[dict[str, Any]]:
    """Every fault in the order of its place, as JSON values; ranges count from 1, columns in characters, ends exclusive.

    A very long line is not repeated for each fault in it. A change whose text holds a secret, found here or `known`, is not shown.
    """
    views = _views(list(report), report, known)
    return [view | {"line": None} if view["line"] is not None and len(view["line"]) > _LONGEST else view for view in views]


def secrets(report: Report) -> frozenset[str]:
    """The texts at which the report says that a secret stands, line by line; what is too short to be told from other words is left out."""
    found: set[str] = set()
    for fault in report.found:
        if fault.id in SECRET and fault.span is not None and (text := report.texts.get(fault.span.file)) is not None:
            start, end = range_of(fault.span, offsets(text))
            found |= {line.strip().strip("\"'") for line in _BREAK.split(text[start:end])}
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST)


def counts(report: Report) -> dict[str, int]:
    """How many errors, warnings and notes."""
    found = Counter(d.severity for d in report)
    return {f"{severity}s": found[severity] for severity in Severity}


def to_text(report: Report, *, colour: bool = False, most: int | None = MOST) -> str:
    """With the line, a caret, and a thing to type; the first 50, and how many more; all of them without `most`."""
    found = list(report)
    parts = [_text(view, colour=colour) for view in _views(found[:most], report)]
    return "\n\n".join(parts + _rest(found, most))


def to_concise(report: Report, *, most: int | None = MOST) -> str:
    """One line each: file, line, column, fault."""
    found = list(report)
    return "\n".join([f"{_place(view)}{_head(view)}" for view in _views(found[:most], report)] + _rest(found, most))


def to_github(report: Report) -> str:
    """GitHub's workflow commands, which put each fault beside its line."""
    return "\n".join(_command(view) for view in to_json(report))


def visible(text: str) -> str:
    """A user's text without anything that a terminal would obey: control characters are shown as their escapes."""
    return "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else c.encode("unicode_escape").decode() for c in text
    )


def told(text: str) -> str:
    """What a fault says, as it may be shown: no secret, nothing that a terminal obeys, and never as long as a file."""
    said = visible(masked(text))
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def width(text: str) -> int:
    """How many columns of a terminal a text takes: two for wide characters, none for combining ones."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _views(found: list[Diagnostic], report: Report, known: Collection[str] = ()) -> list[dict[str, Any]]:
    files = {d.span.file for d in found if d.span is not None}
    lines = {file: _BREAK.split(report.texts[file]) for file in files if file in report.texts}
    for diagnostic in report.found:
        if diagnostic.id in SECRET and diagnostic.span is not None:
            _hide(lines.get(diagnostic.span.file, []), diagnostic.span)
    lines = {file: [masked(line) for line in found] for file, found in lines.items()}
    hidden = secrets(report).union(known)
    return [_view(diagnostic, lines, hidden) for diagnostic in found]


def _hide(lines: list[str], span: Span) -> None:
    """Put nothing readable in the place of a secret."""
    for number in range(span.line, min(span.end_line, len(lines)) + 1):
        line = lines[number - 1]
        first = span.column - 1 if number == span.line else 0
        last = span.end_column - 1 if number == span.end_line else len(line)
        lines[number - 1] = line[:first] + HIDDEN * len(line[first:last]) + line[last:]


def _view(diagnostic: Diagnostic, lines: dict[str, list[str]], hidden: frozenset[str]) -> dict[str, Any]:
    span = diagnostic.span
    change = () if any(concealed(edit.text, hidden) != edit.text for edit in diagnostic.change) else diagnostic.change
    return {
        "id": diagnostic.id,
        "severity": str(diagnostic.severity),
        "message": told(diagnostic.message),
        "file": span.file if span else None,
        "range": range_(span) if span else None,
        "line": _line(span, lines.get(span.file, [])) if span else None,
        "caret": told(diagnostic.caret) if diagnostic.caret else None,
        "help": told(diagnostic.help) if diagnostic.help else None,
        "related": [{"file": other.file, "range": range_(other)} for other in diagnostic.related],
        "certain": diagnostic.certain and bool(change),
        "edits": [{"file": edit.span.file, "range": range_(edit.span), "replacement": edit.text} for edit in change],
    }


def range_(span: Span) -> dict[str, dict[str, int]]:
    """A place as JSON: lines and columns count from 1, the end is exclusive."""
    return {
        "start": {"line": span.line, "column": span.column},
        "end": {"line": span.end_line, "column": span.end_column},
    }


def _line(span: Span, lines: list[str]) -> str | None:
    return lines[span.line - 1] if 0 < span.line <= len(lines) else None


def _head(view: dict[str, Any]) -> str:
    return f"{view['severity']}[{view['id']}]: {view['message']}"


def _place(view: dict[str, Any]) -> str:
    if view["file"] is None:
        return ""
    start = view["range"]["start"]
    return f"{view['file']}:{start['line']}:{start['column']}: "


def _text(view: dict[str, Any], *, colour: bool) -> str:
    head = _head(view)
    if colour:
        sign, rest = head.split("]:", 1)
        head = f"{_COLOURS[view['severity']]}{sign}]\x1b[0m:{rest}"
    margin = " " * len(str(view["range"]["start"]["line"] if view["file"] else ""))
    lines = [head]
    if view["file"] is not None:
        start = view["range"]["start"]
        lines.append(f"{margin}--> {view['file']}:{start['line']}:{start['column']}")
    if view["line"] is not None:
        lines += _snippet(view, margin)
    if view["help"]:
        lines.append(f"{margin} = help: {view['help']}")
    return "\n".join(lines)


def _snippet(view: dict[str, Any], margin: str) -> Sequence[str]:
    """The line and its caret; a long line is cut around the caret, so that the caret is always seen."""
    line, start, end = view["line"], view["range"]["start"], view["range"]["end"]
    first = start["column"] - 1
    last = max(end["column"] - 1 if end["line"] == start["line"] else len(line.rstrip()), first + 1)
    cut = max(0, min(first - _WIDEST // 2, len(line) - _WIDEST)) if len(line) > _WIDEST else 0
    before, marked = _shown(line[cut:first]), _shown(line[first:last][:_WIDEST])
    shown = _shown(line[cut : cut + _WIDEST])
    dots = ("… " if cut else "", " …" if len(line) > cut + _WIDEST else "")
    carets = "^" * max(1, min(width(marked), _WIDEST))
    said = f" {view['caret']}" if view["caret"] else ""
    return (
        f"{margin} |",
        f"{start['line']} | {dots[0]}{shown}{dots[1]}",
        f"{margin} | {' ' * (width(dots[0]) + width(before))}{carets}{said}",
    )


def _shown(text: str) -> str:
    return visible(text.replace("\t", "    "))


def _rest(found: list[Diagnostic], most: int | None) -> list[str]:
    more = Counter(d.severity for d in found[most:]) if most is not None else Counter()
    said = [f"{number} more {severity}{'s' if number > 1 else ''}" for severity, number in more.items()]
    return [f"… and {' and '.join(said)}"] if said else []


def _command(view: dict[str, Any]) -> str:
    level = {"error": "error", "warning": "warning", "note": "notice"}[view["severity"]]
    properties = {"title": view["id"]}
    if view["file"] is not None:
        start, end = view["range"]["start"], view["range"]["end"]
        same = {"endColumn": end["column"]} if start["line"] == end["line"] else {}
        properties |= {"file": view["file"], "line": start["line"], "endLine": end["line"], "col": start["column"], **same}
    said = f"{view['message']}\n{view['help']}" if view["help"] else view["message"]
    listed = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in properties.items())
    return f"::{level} {listed}::{_escaped(said)}"


def _escaped(text: str, also: str = "") -> str:
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
