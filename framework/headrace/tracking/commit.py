"""Which text of the code a run was made by: the commit that is checked out, and a digest of what differs from it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_OURS = ":(exclude).headrace"
"""What the project remembers is no part of its code."""
_LARGE = 1 << 20
SECONDS = 20
"""How long git is given."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's id; `dirty` is the digest of all that differs from it, None where nothing does."""

    id: str
    dirty: str | None

    def to_json(self) -> dict[str, str]:
        """By the names that a run's digests have."""
        return {"commit": self.id, **({"dirty": self.dirty} if self.dirty is not None else {})}


def commit(folder: Path) -> Commit | None:
    """The commit of the folder's repository; None where it has none, or where there is no git.

    What differs is the text that `git diff HEAD` gives and the untracked files: their names and contents, of large ones their sizes.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    changed = _git(folder, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--", ".", _OURS)
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", ".", _OURS)
    if not changed and not untracked:
        return Commit(head.decode().strip(), None)
    total = hashlib.sha256(changed or b"")
    for name in sorted(filter(None, (untracked or b"").split(b"\0"))):
        total.update(b"\0" + name + b"\0" + _content(folder / os.fsdecode(name)))
    return Commit(head.decode().strip(), f"sha256:{total.hexdigest()}")


def authors(folder: Path) -> list[str]:
    """Who wrote the commit that is checked out, by address and by name; nobody where there is none."""
    told = _git(folder, "log", "-1", "--no-show-signature", "--format=%ae%x00%an")
    return [] if told is None else sorted({name for name in told.decode(errors="replace").strip().split("\0") if name})


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        return hashlib.sha256(path.read_bytes()).digest() if size <= _LARGE else str(size).encode()
    except OSError:
        return b"unreadable"


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git says; None where it fails, is not there, or takes too long. It writes nothing and asks nobody."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", "-c", "core.fsmonitor=false", "-c", "core.quotepath=false", *arguments],  # noqa: S607 - the git that the user has
            cwd=folder,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
