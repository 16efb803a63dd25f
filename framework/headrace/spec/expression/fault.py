"""A filter that was typed and cannot be meant: what is said of it, with the part around the fault."""

from __future__ import annotations

from difflib import get_close_matches

from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report, Span

_BEFORE, _SHOWN = 60, 120
_TYPED = "<filter>"
"""Where a fault stands that is in no file."""


def bad_filter(text: str, message: str, start: int, help_: str) -> HeadraceError:
    """The fault `bad-filter`, with a caret under the column `start`, from 0."""
    # What is typed may be long, and the caret points into one line: the part around it is shown.
    begin = max(0, start - _BEFORE)
    shown = text[begin : begin + _SHOWN].replace("\n", " ").replace("\t", " ")
    column = start - begin + 1
    report = Report([Diagnostic("bad-filter", message, Span(_TYPED, 1, column, 1, column + 1), help=help_)])
    report.texts[_TYPED] = shown
    return HeadraceError(report, Exit.USAGE)


def unknown_name(name: str, what: str, heads: tuple[str, ...], plain: tuple[str, ...]) -> tuple[str, str] | None:
    """What is said of a name that is neither `HEAD.NAME` nor one of `plain`, and help; None where it is known."""
    head, _, rest = name.partition(".")
    if (rest and head in heads) or name in plain:
        return None
    near = get_close_matches(head, [*heads, *plain], n=1)
    meant = f"{near[0]}.{rest}" if near and rest and near[0] in heads else near[0] if near else None
    there = ", ".join([*(f"{item}.NAME" for item in heads), *plain])
    return f"{what} have no `{name}`", f"did you mean `{meant}`?" if meant else f"there are: {there}"
