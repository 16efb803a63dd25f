"""Which specs were changed since a revision, and what they held there, as git knows it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.project.read import SUFFIXES

_NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree without a file, which git knows in every repository: what stood before the first commit."""


def base_of(root: Path, since: str | None = None) -> str:
    """The revision to compare with: the last commit, or where the history of `since` and this one part, as a pull request has it.

    HeadraceError without git, outside of a repository, and for a revision that does not exist.
    """
    if _run(root, "rev-parse", "--git-dir").returncode:
        message = f"{root.resolve()} is not in a git repository, so nothing says what was changed"
        raise HeadraceError(Diagnostic("no-repository", message, help="type `headrace validate` without `--changed`"), Exit.FAILED)
    if since is None:
        head = _run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return head.stdout.decode().strip() if head.returncode == 0 else _NOTHING
    found = _run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}")
    if found.returncode:
        raise HeadraceError(
            Diagnostic("unknown-revision", f"git knows no revision `{since}`", help="name a branch, a tag or a commit that was fetched"),
            Exit.USAGE,
        )
    commit = found.stdout.decode().strip()
    parted = _run(root, "merge-base", commit, "HEAD")
    return parted.stdout.decode().strip() if parted.returncode == 0 else commit


def changed(root: Path, base: str) -> tuple[str, ...]:
    """The specs that differ from a revision, and those that git does not know yet, without those that it ignores."""
    listed = _git(root, "diff", "--name-only", "-z", "--no-renames", "--relative", base, "--", "specs")
    listed += _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", "specs")
    names = {name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name}
    return tuple(sorted(name for name in names if _is_spec(name)))


def beside(root: Path, base: str) -> str | None:
    """Why any spec may have become wrong, whether it was changed or not; None where only those that were changed can be at fault.

    Code was changed that steps and plugins may be made of, or git does not follow the specs where they are read.
    """
    top, prefix = _position(root)
    specs = root / "specs"
    if specs.is_dir() and (_position(specs) != (top, f"{prefix}specs/") or any(file.is_symlink() for file in specs.iterdir())):
        return "git follows specs/ in another place"
    compiled = f"{prefix}flows/".encode("utf-8", "surrogateescape")
    raw = _git(root, "diff", "--raw", "--no-renames", "-z", base).split(b"\0")
    names = [name for told, name in zip(raw[::2], raw[1::2], strict=False) if name.endswith(b".py") or b"160000" in told.split()[0:2]]
    names += _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--full-name", "--", ":(top)*.py").split(b"\0")
    first = next((name for name in sorted(names) if name and not name.startswith(compiled)), None)
    return f"{first.decode('utf-8', 'replace')} was changed" if first is not None else None


def _position(folder: Path) -> tuple[str, str]:
    """The top of the repository that a folder is in, and the folder's path in it."""
    told = _git(folder, "rev-parse", "--show-toplevel", "--show-prefix").decode("utf-8", "surrogateescape").split("\n")
    return told[0], told[1]


def contents(root: Path, base: str, names: Iterable[str]) -> dict[str, bytes | None]:
    """What files held at a revision; None for one that was not there."""
    prefix = _git(root, "rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
    wanted = list(names)
    asked = "".join(f"{base}:{prefix}{name}\n" for name in wanted).encode("utf-8", "surrogateescape")
    told = _git(root, "cat-file", "--batch", given=asked)
    found: dict[str, bytes | None] = {}
    for name in wanted:
        head, _, told = told.partition(b"\n")
        words = head.rsplit(b" ", 2)
        if words[-2:-1] == [b"blob"]:
            size = int(words[-1])
            found[name], told = told[:size], told[size + 1 :]
        else:
            found[name] = None
    return found


def _is_spec(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return folder == "specs" and file.endswith(SUFFIXES) and not file.startswith(".")


def _git(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = _run(root, *arguments, given=given)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise HeadraceError(Diagnostic("git-failed", f"`git {arguments[0]}` failed: {said[0] if said else done.returncode}"), Exit.FAILED)
    return done.stdout


def _run(root: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False, input=given)  # noqa: S603 - the user's own git
    except FileNotFoundError:
        message = "git is not installed, so nothing says what was changed"
        raise HeadraceError(
            Diagnostic("no-repository", message, help="type `headrace validate` without `--changed`"), Exit.FAILED
        ) from None
