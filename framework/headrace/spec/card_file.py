"""Where a model's card is written: a Markdown file of the project's folder, which no name and no link leads out of."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

SUFFIX = ".md"
LARGEST = 2**18
"""Bytes of one file: a card is read by people."""


class OutsideError(ValueError):
    """A path that leads out of the project's folder, or to what is no Markdown file; its text says why."""


def path_fault(given: str) -> str | None:
    """Why a card's path cannot be one, as it is written; None where it can."""
    path = PurePosixPath(given)
    if path.is_absolute() or "\\" in given or ":" in given or given.startswith("~"):
        return "it is no path from the project's folder"
    if ".." in path.parts:
        return "`..` leads out of its folder"
    if any(not letter.isprintable() for letter in given):
        return "it holds a character that cannot be seen"
    return None if path.suffix == SUFFIX else f"it does not end with `{SUFFIX}`"


def located(root: Path, given: str) -> Path:
    """The file that a card's path means, links followed; it need not be there. OutsideError where it is outside of the folder."""
    if (why := path_fault(given)) is not None:
        raise OutsideError(why)
    whole = root.resolve()
    path = (whole / given).resolve()
    if not path.is_relative_to(whole):
        raise OutsideError("a link leads out of the project's folder")
    return path


def read_file(root: Path, given: str) -> str:
    """The text of a card's file. OutsideError as `located`, or where it is too large or no UTF-8; OSError where it cannot be read."""
    path = located(root, given)
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise OutsideError(f"it is larger than {LARGEST:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutsideError(f"byte {error.start} is no UTF-8") from None
