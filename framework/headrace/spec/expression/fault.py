"""A filter that was typed and cannot be meant: what is said of it, with the part around the fault."""

from __future__ import annotations

from difflib import get_close_matches

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

_BEFORE, _SHOWN = 60, 120


def bad_filter(text: str, message: str, start: int, help_: str) -> HeadraceError:
    """The fault `bad-filter`, with a caret under the column `start`, from 0."""
    # What is typed may be long, and the caret points into one line: the part around it is shown.
    begin = max(0, start - _BEFORE)
    shown = text[begin : begin + _SHOWN].replace("\n", " ").replace("\t", " ")
    return HeadraceError(Diagnostic("bad-filter", f"{message}\n  {shown}\n  {' ' * (start - begin)}^", help=help_), Exit.USAGE)


def unknown_name(name: str, what: str, heads: tuple[str, ...], plain: tuple[str, ...]) -> tuple[str, str] | None:
    """What is said of a name that is neither `HEAD.NAME` nor one of `plain`, and help; None where it is known."""
    head, _, rest = name.partition(".")
    if (rest and head in heads) or name in plain:
        return None
    near = get_close_matches(head, [*heads, *plain], n=1)
    meant = f"{near[0]}.{rest}" if near and rest and near[0] in heads else near[0] if near else None
    there = ", ".join([*(f"{item}.NAME" for item in heads), *plain])
    return f"{what} have no `{name}`", f"did you mean `{meant}`?" if meant else f"there are: {there}"
