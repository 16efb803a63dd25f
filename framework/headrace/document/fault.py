"""What PyYAML says of broken text, in the user's words and at the place where the mistake was made."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from headrace.diagnostics import Diagnostic, Edit, Span
from headrace.document.text import lines


def _value_end(line: str, start: int, *, flow: bool) -> int:
    """Where the value that begins at a column (from 0) ends, as its writer meant it: brackets within it belong to it."""
    depth = 0
    for position in range(start, len(line)):
        character = line[position]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            if depth == 0:
                return len(line[:position].rstrip())
            depth -= 1
        ends = flow and depth == 0 and (character == "," or line.startswith(": ", position))
        if ends or (character == "#" and line[position - 1].isspace()):
            return len(line[:position].rstrip())
    return len(line.rstrip())


def _value_start(line: str, start: int) -> int:
    """Where the value in `{}` or `[]` begins that goes on at a column: after the sign that opens it."""
    before = re.search(r"(?:^|[{\[,]|:\s|-\s)\s*([^{}\[\],\s]*)$", line[:start])
    return before.start(1) if before is not None and not set(before[1]) & set("\"':") else start


def unquoted(text: str, file: str, line: int, column: int, why: str, *, flow: bool) -> Diagnostic:
    """An expression that YAML cannot read without quotes; line and column count from 1, `flow` is whether it stands in `{}` or `[]`."""
    written = lines(text)[line - 1]
    flow = flow or any(sign in written[: column - 1] for sign in "{[")  # libyaml stops before it gives the bracket
    end = max(_value_end(written, column - 1, flow=flow), column)
    if written[column - 1 : column] in "*!" and not flow:
        comment = re.search(r"\s#", written[column - 1 :])
        end = len(written[: column - 1 + comment.start() if comment else len(written)].rstrip())
    value = written[column - 1 : end]
    quote = "'" if '"' in value else '"'
    fixed = f"{quote}{value}{quote}" if quote not in value and not (quote == '"' and "\\" in value) else None
    span = Span(file, line, column, line, end + 1)
    help_ = f"write {fixed}" if fixed else "put it in quotes"
    return Diagnostic(
        "unquoted-expression", f"`{value}` needs quotes: {why}", span, help=help_, replacement=fixed, certain=fixed is not None
    )


def syntax(error: yaml.MarkedYAMLError, text: str, file: str, *, flow: bool = False) -> Diagnostic:
    """One fault of the text; reading stops there, so there is never a second. `flow` is whether it stands in `{}` or `[]`."""
    written = lines(text)
    begun, mark = (_mark(m, file) for m in (error.context_mark or error.problem_mark, error.problem_mark or error.context_mark))
    broken = _Broken(f"{error.context or ''}: {error.problem or ''}", written, begun, mark, flow)
    return broken.tab() or broken.space() or broken.item() or broken.expression(text) or broken.known() or broken.unknown()


def _spaces(indent: str) -> str:
    return f"write {len(indent)} spaces, as in the line above" if indent else "write spaces"


def _mark(mark: yaml.Mark | None, file: str) -> Span:
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    return Span(file, line + 1, column + 1, line + 1, column + 2)


@dataclass(frozen=True, slots=True)
class _Broken:
    """What PyYAML says, and the two places that it names: where the thing began, and where reading stopped."""

    said: str
    written: list[str]
    begun: Span
    mark: Span
    flow: bool

    def line(self, span: Span) -> str:
        return self.written[span.line - 1] if span.line <= len(self.written) else ""

    def tab(self) -> Diagnostic | None:
        line = self.line(self.mark)
        at = self.mark.column - 1
        if not (line[at : at + 1] == "\t" or "tab character" in self.said or re.match(r" *\t", line)):
            return None
        column = line.find("\t") + 1 if "\t" in line else self.mark.column
        place = Span(self.mark.file, self.mark.line, column, self.mark.line, column + 1)
        above = next((text for text in reversed(self.written[: self.mark.line - 1]) if text.strip() and "\t" not in text), "")
        indent = " " * (len(above) - len(above.lstrip()))
        leading = re.match(r"\t+(?=\S)", line)
        edits = (Edit(Span(place.file, place.line, 1, place.line, leading.end() + 1), indent),) if leading is not None and indent else ()
        return Diagnostic("tab", "a tab stands where YAML wants spaces", place, help=_spaces(indent), edits=edits)

    def space(self) -> Diagnostic | None:
        """`key:value` on a line of its own, which YAML reads as one word."""
        line = self.line(self.begun)
        joined = re.match(r"( *)([A-Za-z_][\w-]*):(?=[^\s:/])", line) if "expected ':'" in self.said else None
        if joined is None:
            return None
        place = Span(self.begun.file, self.begun.line, len(joined[1]) + 1, self.begun.line, joined.end() + 1)
        fixed = f"{joined[2]}: "
        said = f"write `{joined[2]}: {line[joined.end() :].strip()}`"
        return Diagnostic("yaml-syntax", "a space is missing after `:`", place, help=said, replacement=fixed, certain=True)

    def item(self) -> Diagnostic | None:
        """`-{id: quality}` or `-id: quality`, which YAML reads as no item."""
        for span in (self.mark, self.begun):
            joined = re.match(r" *-(?=[{\[\w\"'])(?!\d)", self.line(span))
            if joined is not None and self.beside(span.line, joined.end() - 1):
                place = Span(span.file, span.line, joined.end(), span.line, joined.end() + 1)
                written = f"- {self.line(span)[joined.end() :].strip()}"
                said = written if len(written) <= _SHOWN else f"{written[: _SHOWN - 1]}…"
                return Diagnostic(
                    "yaml-syntax", "a space is missing after `-`", place, help=f"write `{said}`", replacement="- ", certain=True
                )
        return None

    def beside(self, line: int, indent: int) -> bool:
        """Whether an item stands above or below at the same column."""
        return any(re.match(rf" {{{indent}}}- ", text) for text in self.written[max(line - 3, 0) : line + 2])

    def expression(self, text: str) -> Diagnostic | None:
        """The ways in which an expression without quotes breaks YAML."""
        file, begun, mark = self.mark.file, self.begun, self.mark
        if "scanning an alias" in self.said or "scanning an anchor" in self.said:
            sign = self.line(begun)[begun.column - 1 : begun.column]
            return unquoted(text, file, begun.line, begun.column, f"`{sign}` begins an alias or an anchor in YAML", flow=self.flow)
        if "a tag" in self.said or "tag handle" in self.said:
            return unquoted(text, file, begun.line, begun.column, _TAG, flow=self.flow)
        stopped = "block scalar" in self.said or "cannot start any token" in self.said
        tagged = re.search(r"[:,{\[-]\s+(!)", self.line(mark)) if stopped else None
        if tagged and tagged.start(1) < mark.column:
            return unquoted(text, file, mark.line, tagged.start(1) + 1, _TAG, flow=self.flow)
        for match in re.finditer(r"\$\{", self.line(mark)):
            before = self.line(mark)[: match.start()]
            if before.count('"') % 2 == 0 and before.count("'") % 2 == 0 and match.start() < mark.column:
                start = _value_start(self.line(mark), match.start())
                return unquoted(text, file, mark.line, start + 1, "`{` begins a mapping in YAML", flow=True)
        return None

    def known(self) -> Diagnostic | None:
        """What PyYAML's words mean, by the first that occur in them."""
        if "directive" in self.said or "incompatible YAML document" in self.said:
            return Diagnostic("yaml-directive", "a `%` line has no place in a spec", self.mark, help="remove the line")
        if "flow sequence" in self.said or "flow mapping" in self.said:
            return self.unclosed()
        sign = self.line(self.mark)[self.mark.column - 1 : self.mark.column]
        for words, at_begin, message, help_ in _MEANINGS:
            if re.search(words, self.said):
                place = self.begun if at_begin else self.mark
                if "escape" in words and self.line(place)[place.column - 2 : place.column - 1] == "\\":
                    place = Span(
                        place.file, place.line, place.column - 1, place.line, place.column
                    )  # the pure-Python parser is one further
                related = (self.begun,) if not at_begin and self.begun.line != self.mark.line else ()
                edits = self.colon() if words.startswith("mapping values") else ()
                mend = f"write `{edits[0].text}`" if edits else help_
                return Diagnostic("yaml-syntax", message.replace("SIGN", sign), place, help=mend, related=related, edits=edits)
        return None

    def colon(self) -> tuple[Edit, ...]:
        """Quotes around a value on one line in which a `:` stands, where it can only be that."""
        line = self.line(self.mark)
        found = re.match(r"\s*(?:- +)?[\w-]+:\s+(?P<value>[^\s\"'{\[&*!|>%@`#][^\"\\#]*?)\s*$", line)
        if found is None or self.flow or not found.start("value") < self.mark.column - 1:
            return ()
        first, last = found.span("value")
        return (Edit(Span(self.mark.file, self.mark.line, first + 1, self.mark.line, last + 1), f'"{found["value"]}"'),)

    def unclosed(self) -> Diagnostic:
        opening, closing = ("[", "]") if "flow sequence" in self.said else ("{", "}")
        ended = not self.line(self.mark).strip()[self.mark.column - 1 :]
        where = "" if ended else f" or `,` before line {self.mark.line}, column {self.mark.column}"
        return Diagnostic("yaml-syntax", f"`{opening}` is not closed, or a `,` is missing", self.begun, help=f"write `{closing}`{where}")

    def unknown(self) -> Diagnostic:
        message = f"YAML cannot be read here: {self.said.partition(': ')[2]}"
        return Diagnostic("yaml-syntax", message, self.mark, help="put text with special characters in quotes")


_SHOWN = 60
_TAG = "`!` begins a tag in YAML"
# What libyaml or the pure-Python parser says; whether the fault is where the thing began; what it means; what to type.
_MEANINGS = (
    ("quoted scalar.*(end of stream|document separator)", True, "this quote is never closed", "close it"),
    ("escape|hexadecimal|hexdecimal", False, "this escape is none that YAML knows", "write `\\\\` for a backslash, or use single quotes"),
    (
        "mapping values are not allowed",
        False,
        "a `:` stands within a value, or a line is indented wrongly",
        'put the value in quotes: "…: …"',
    ),
    ("document start", False, "the document has ended before this", "remove it, or begin a new document with `---`"),
    ("node content", False, "a value is missing before this", "write it, or remove the sign"),
    ("could not f[io]u?nd expected ':'", True, "this line has no `:`", "write `KEY: VALUE`"),
    ("cannot start any token", False, "`SIGN` cannot begin a value", "put the value in quotes"),
    (
        "expected key|block end|'-' indicator|block collection|block mapping",
        False,
        "this line does not stand under the one above: its indentation differs, or a `:` is missing",
        "indent it like the lines above",
    ),
)
