"""Which characters a file may hold, before YAML is asked."""

from __future__ import annotations

import re
import unicodedata

from headrace.diagnostics import Diagnostic, Report, Span
from headrace.document.node import Scalar

LARGEST = 4 * 1024 * 1024
"""Bytes of the largest file that is read."""

# Beside control characters: line separators that editors count otherwise than YAML, and marks that reorder what a reader sees.
REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAK = re.compile(r"\r\n|\r|\n")


def lines(text: str) -> list[str]:
    """The lines of a text as YAML counts them."""
    return _BREAK.split(text)


def readable(data: str | bytes, file: str, report: Report) -> str | None:
    """A file's text, or None after a fault about its size, encoding or characters."""
    if len(data) > LARGEST:
        report.add(Diagnostic("file-too-large", f"{file} is larger than {LARGEST // 1024 // 1024} MiB", Span(file, 1, 1, 1, 1)))
        return None
    if isinstance(data, bytes):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            before = lines(data[: error.start].decode("utf-8"))
            place = Span(file, len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)
            report.texts[file] = data.decode("utf-8", "replace")
            message = f"byte 0x{data[error.start]:02x} is no UTF-8"
            report.add(Diagnostic("not-utf8", message, place, help="save the file as UTF-8"))
            return None
    else:
        text = data
    text = text.removeprefix("\ufeff")
    report.texts[file] = text
    found = REFUSED.search(text)
    if found is None:
        return text
    before = lines(text[: found.start()])
    place = Span(file, len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)
    code = f"U+{ord(found[0]):04X}"
    name = unicodedata.name(found[0], "a control character").lower()
    report.add(
        Diagnostic(
            "control-character",
            f"{code} ({name}) may not stand in a spec",
            place,
            help=f'in a quoted string, write "\\u{ord(found[0]):04x}"',
        )
    )
    return None


def tabs(text: str, file: str, quoted: list[Scalar], report: Report) -> bool:
    """Whether no tab stands between tokens; one within a quoted string, a block of text or a comment is content."""
    if "\t" not in text:
        return True
    content: dict[int, list[tuple[int, int]]] = {}
    for scalar in quoted:
        span = scalar.span
        for number in range(span.line, span.end_line + 1):
            first = span.column - 1 if number == span.line else 0
            content.setdefault(number, []).append((first, span.end_column - 1 if number == span.end_line else 1 << 30))
    for number, line in enumerate(lines(text), 1):
        ranges = content.get(number, [])
        for match in re.finditer(r"\t|(?:^|(?<=\s))#", line):
            if any(start <= match.start() < end for start, end in ranges):
                continue
            if match[0] == "#":
                break
            place = Span(file, number, match.start() + 1, number, match.start() + 2)
            # Between a key and its value any space is as good; at the beginning of a line, how many there are says where it belongs.
            fixed = " " if line[: match.start()].strip() else None
            message = "a tab stands where YAML wants spaces"
            report.add(Diagnostic("tab", message, place, help="write spaces", replacement=fixed, certain=fixed is not None))
            return False
    return True
