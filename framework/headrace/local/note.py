"""What `up` writes about itself for the other commands, `.headrace/run/up.json`: typed, and none at all where it cannot be believed."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Note(BaseModel):
    """What runs where: `prefect` is its server's API, empty while that is still to come; `children` are process numbers by name."""

    model_config = ConfigDict(frozen=True, strict=True)

    pid: int = Field(gt=0)
    prefect: str = ""
    servers: dict[str, str] = {}
    children: dict[str, int] = {}


def path(root: Path) -> Path:
    """Where the note of a project stands."""
    return root / ".headrace" / "run" / "up.json"


def write(root: Path, note: Note) -> None:
    """Write it whole or not at all."""
    there = path(root)
    there.parent.mkdir(parents=True, exist_ok=True)
    draft = there.with_suffix(".tmp")
    draft.write_text(note.model_dump_json(indent=2), encoding="utf-8")
    draft.replace(there)


def read(root: Path) -> Note | None:
    """The note, whoever wrote it and whether or not that one still lives; None where there is none that can be read."""
    try:
        return Note.model_validate_json(path(root).read_bytes())
    except (OSError, ValidationError):
        return None


def living(root: Path) -> Note | None:
    """The note of an `up` that runs; a younger process that has got its number is none."""
    import psutil

    note = read(root)
    try:
        if note is None or psutil.Process(note.pid).create_time() > path(root).stat().st_mtime + 1:
            return None
    except (OSError, OverflowError, psutil.Error):
        return None
    return note
