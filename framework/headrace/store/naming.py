"""Names of files that others gave: which of them may become a path, and which would lead out of a folder or hide another."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

__all__ = ["MOST", "refuse_names"]

MOST = 10_000
"""More files than these are no model and no run's artifacts."""
_LONGEST_PART = 255


def refuse_names(names: Iterable[str], what: str) -> None:
    """HeadraceError `unsafe-name` (Exit.REFUSED) unless each is a plain relative path and no two are one on some disk.

    Refused: `..`, `.`, an empty part, a root or a drive, a backslash, what cannot be printed (NUL), names that differ only in letters' case
    or in how Unicode composes them, one that is another's folder, and more than `MOST`. `what` is what has the names.
    """
    seen: dict[str, str] = {}
    for count, name in enumerate(names, start=1):
        if count > MOST:
            raise _refused(f"{what} has more than {MOST:,} files", "put them into one archive of a safe format")
        if (why := _fault(name)) is not None:
            raise _refused(f"`{name[:80]!a}` of {what} {why}", "give it a name such as `plots/roc.png`")
        folded = _folded(name)
        if folded in seen:
            raise _refused(f"`{seen[folded][:80]}` and `{name[:80]}` of {what} are one file on some disks", "rename one of them")
        seen[folded] = name
    for folded, name in seen.items():
        parts = folded.split("/")
        if any((above := "/".join(parts[:depth])) in seen for depth in range(1, len(parts))):
            raise _refused(f"`{name[:80]}` of {what} lies in a file: `{seen[above][:80]}`", "rename one of them")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _fault(name: str) -> str | None:
    parts = name.split("/")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return "begins at a root"
    if "\\" in name:
        return "has a backslash, which is a folder on some systems"
    if any(part in {"", ".", ".."} for part in parts):
        return "has a part that is no name"
    if not name.isprintable():
        return "has what cannot be printed"
    if any(len(part.encode()) > _LONGEST_PART for part in parts):
        return f"has a part of more than {_LONGEST_PART} bytes"
    return None


def _refused(message: str, help_: str) -> HeadraceError:
    return HeadraceError(Diagnostic("unsafe-name", message, help=help_), Exit.REFUSED)
