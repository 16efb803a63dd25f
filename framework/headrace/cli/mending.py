"""What `validate --fix` writes and shows: whole files, each at one stroke, and only those that nobody else changed meanwhile."""

from __future__ import annotations

import difflib
import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Span


def write(root: Path, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    """Put each file in its place, with its rights; nothing is written where one of them is no longer what was read."""
    for file, content in before.items():
        if (root / file).read_bytes() != content:
            message = f"{file} was changed while it was looked at: nothing is written"
            raise HeadraceError(
                Diagnostic("changed-meanwhile", message, Span(file, 1, 1, 1, 1), help="type `headrace validate --fix` again"), Exit.FAILED
            )
        if not os.access(root / file, os.W_OK):
            raise PermissionError(13, "no right to write it", file)
    for file, content in after.items():
        _replace((root / file).resolve(), content)


def difference(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """A patch, as `git apply` and `patch -p1` take it."""
    shown: list[str] = []
    for file in sorted(after):
        old, new = (_lines(texts[file].decode("utf-8")) for texts in (before, after))
        patch = difflib.unified_diff(old, new, f"a/{file}", f"b/{file}")
        shown += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in patch]
    return "".join(shown)


def _lines(text: str) -> list[str]:
    """Lines as a patch counts them: by line feeds alone."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [last for last in text.split("\n")[-1:] if last]


def _replace(path: Path, content: bytes) -> None:
    """Beside it first: a file is the old one or the new one, whenever the machine stops."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as out:
            out.write(content)
            os.fchmod(out.fileno(), stat.S_IMODE(path.stat().st_mode))
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
