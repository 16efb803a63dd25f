"""What PyYAML says of broken text, in the user's words and at the place where the mistake was made."""

from __future__ import annotations

import re
from typing import Any

import yaml

from headrace.diagnostics import Diagnostic, Span
from headrace.document.text import lines


def _value_end(line: str, start: int) -> int:
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
        elif (character == "," and depth == 0 and "{" in line[:start] + "[") or (character == "#" and line[position - 1].isspace()):
            return len(line[:position].rstrip())
    return len(line.rstrip())


def unquoted(text: str, file: str, line: int, column: int, why: str) -> Diagnostic:
    """An expression that YAML cannot read without quotes; line and column count from 1."""
    written = lines(text)[line - 1]
    end = max(_value_end(written, column - 1), column)
    if written[column - 1 : column] in "*!" and "{" not in written[:column] and "[" not in written[:column]:
        comment = re.search(r"\s#", written[column - 1 :])
        end = len(written[: column - 1 + comment.start() if comment else len(written)].rstrip())
    value = written[column - 1 : end]
    quote = "'" if '"' in value else '"'
    fixed = f"{quote}{value}{quote}"
    span = Span(file, line, column, line, end + 1)
    return Diagnostic("unquoted-expression", f"`{value}` needs quotes: {why}", span, help=f"write {fixed}", replacement=fixed)


def _mark(mark: Any, file: str, length: int = 1) -> Span:  # noqa: ANN401 - yaml's Mark
    return Span(file, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 1 + length)


def _expression(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic | None:
    """The three ways in which an expression breaks YAML."""
    said = f"{error.context or ''} {error.problem or ''}"
    written = lines(text)
    begun = error.context_mark or error.problem_mark
    if "scanning an alias" in said or "scanning an anchor" in said:
        sign = written[begun.line][begun.column : begun.column + 1]
        return unquoted(text, file, begun.line + 1, begun.column + 1, f"`{sign}` begins an alias or an anchor in YAML")
    if "a tag" in said or "tag handle" in said:
        return unquoted(text, file, begun.line + 1, begun.column + 1, "`!` begins a tag in YAML")
    problem = error.problem_mark
    tagged = re.search(r"[:,{\[-]\s+(!)", written[problem.line]) if "block scalar" in said and problem.line < len(written) else None
    if tagged:
        return unquoted(text, file, problem.line + 1, tagged.start(1) + 1, "`!` begins a tag in YAML")
    for mark in (problem, begun):
        line = written[mark.line] if mark.line < len(written) else ""
        for match in re.finditer(r"\$\{", line):
            before = line[: match.start()]
            if before.count('"') % 2 == 0 and before.count("'") % 2 == 0 and (mark is problem and match.start() <= mark.column):
                return unquoted(text, file, mark.line + 1, match.start() + 1, "`{` begins a mapping in YAML")
    return None


def syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    """One fault of the text; reading stops there, so there is never a second."""
    problem, mark = error.problem or "", error.problem_mark or error.context_mark
    written = lines(text)
    line = written[mark.line] if mark.line < len(written) else ""
    if line[mark.column : mark.column + 1] == "\t" or "tab character" in problem or re.match(r" *\t", line):
        column = line.find("\t") if "\t" in line else mark.column
        place = Span(file, mark.line + 1, column + 1, mark.line + 1, column + 2)
        return Diagnostic("tab", "a tab stands where YAML wants spaces", place, help="write spaces")
    return _expression(error, text, file) or _syntax(error, line, file)


def _syntax(error: yaml.MarkedYAMLError, line: str, file: str) -> Diagnostic:
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    place, begun = _mark(mark, file), _mark(error.context_mark or mark, file)
    if "quoted scalar" in context and "end of stream" in problem:
        return Diagnostic("yaml-syntax", "this quote is never closed", begun, help="close it")
    if "quoted scalar" in context and "document separator" in problem:
        return Diagnostic("yaml-syntax", "this quote is not closed before the document ends", begun, help="close it")
    if "escape" in problem or "hexadecimal" in problem or "hexdecimal" in problem:
        return Diagnostic("yaml-syntax", "this escape is none that YAML knows", place, help="write `\\\\` for a backslash, or use single quotes")
    if "mapping values are not allowed" in problem:
        return Diagnostic("yaml-syntax", "a `:` stands within a value, or a line is indented wrongly", place, help='put the value in quotes: "…: …"')
    if "directive" in context or "incompatible YAML document" in problem:
        return Diagnostic("yaml-directive", "a `%` line has no place in a spec", place, help="remove the line")
    if "document start" in problem:
        return Diagnostic("yaml-syntax", "the document has ended before this", place, help="remove it, or begin a new document with `---`")
    if "node content" in problem:
        return Diagnostic("yaml-syntax", "a value is missing before this", place, help="write it, or remove the sign")
    if "flow sequence" in context or "flow mapping" in context:
        closing = "]" if "sequence" in context else "}"
        message = f"`{'[' if closing == ']' else '{'}` is not closed, or a `,` is missing"
        ended = not line.strip()[place.column - 1 :]
        return Diagnostic("yaml-syntax", message, begun, help=f"write `{closing}`" if ended else f"write `{closing}` or `,` before line {place.line}, column {place.column}")
    if "could not find expected ':'" in problem or "could not found expected ':'" in problem:
        return Diagnostic("yaml-syntax", "this line has no `:`", begun, help="write `KEY: VALUE`")
    if "cannot start any token" in problem:
        sign = line[place.column - 1 : place.column]
        return Diagnostic("yaml-syntax", f"`{sign}` cannot begin a value", place, help="put the value in quotes")
    if "expected key" in problem or "block end" in problem or "'-' indicator" in problem or "block collection" in context or "block mapping" in context:
        message = "this line does not stand under the one above: its indentation differs, or a `:` is missing"
        return Diagnostic("yaml-syntax", message, place, help="indent it like the lines above", related=(begun,) if begun != place else ())
    return Diagnostic("yaml-syntax", f"YAML cannot be read here: {problem}", place, help="put text with special characters in quotes")
