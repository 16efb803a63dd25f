"""What a reader promises: the columns that are asked for, row by row as they stand, and an error for what it cannot read."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.hooks import Reader
from headrace.testing.fault import Broken, Checks, Unmet, function, registered

if TYPE_CHECKING:
    import pandas as pd

Write = Callable[["pd.DataFrame", Path], object]


def check_reader(reader: Reader, write: Write | None = None) -> list[Broken]:
    """What is wrong with a reader; `write(frame, path)` writes a file of its format.

    Without it, rows are written in the usual format of its suffix; where there is none, only rubbish is read.
    """
    if (wrong := registered(reader)) is not None:
        return [wrong]
    try:
        read = function(reader, "read")
        names = function(reader, "names") if reader.names is not None else None
        parts = function(reader, "parts") if reader.parts is not None else None
    except Unmet as error:
        return [Broken("import", str(error))]
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        checks.run("rubbish", lambda: _rubbish(read, here / f"rubbish{reader.suffixes[0]}"))
        if names is not None:
            checks.run("names", lambda: _names(names, here / f"rubbish{reader.suffixes[0]}"))
        write = write if write is not None else _usual(reader.suffixes)
        if write is not None:
            path, empty = here / f"rows{reader.suffixes[0]}", here / f"empty{reader.suffixes[0]}"
            write(_frame(), path)
            write(_frame().head(0), empty)
            checks.run("columns", lambda: _columns(read, names, path))
            checks.run("values", lambda: _values(read, path))
            if parts is not None:
                checks.run("parts", lambda: _parts(parts, read, path))
            if reader.suffixes[0] not in _WITHOUT_HEAD:
                checks.run("no-rows", lambda: _no_rows(read, empty))
            checks.run("file-unchanged", lambda: _unchanged(read, path))
    return checks.broken


_WRITERS: dict[str, Write] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    ".ndjson": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    ".json": lambda frame, path: frame.to_json(path, orient="records"),
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".pq": lambda frame, path: frame.to_parquet(path),
    ".feather": lambda frame, path: frame.to_feather(path),
    ".orc": lambda frame, path: frame.to_orc(path),
}
"""How rows are written where everybody writes them in one way."""


_WITHOUT_HEAD = (".json", ".jsonl", ".ndjson")
"""Formats in which a file without rows names no column."""


def _usual(suffixes: tuple[str, ...]) -> Write | None:
    return _WRITERS.get(suffixes[0])


def is_read(reader: Reader) -> bool:
    """Whether a file of its format can be written, so that it is tried without a function that writes one."""
    return _usual(reader.suffixes) is not None


def _names(names: Callable[..., Any], path: Path) -> Iterator[str]:
    """Of a file that is none it may raise, or say nothing."""
    path.write_bytes(b"")
    try:
        given = names(path)
    except Exception:  # noqa: BLE001 - it may
        return
    if isinstance(given, str) or not isinstance(given, Iterable) or not all(isinstance(name, str) for name in given):
        yield f"`names` gives {given!r}, and not the names of columns"


def _frame() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"id": [3, 1, 2], "name": ["NA", "b,c", "Zoë"], "value": [1.5, None, -2.25], "unused": [0, 0, 0]})


def _read(read: Callable[..., Any], path: Path, columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    given = read(path, columns)
    if not isinstance(given, pd.DataFrame):
        raise Unmet(f"it gives {type(given).__name__}, and not a DataFrame")
    return given


def _columns(read: Callable[..., Any], names: Callable[..., Any] | None, path: Path) -> Iterator[str]:
    if (found := sorted(_read(read, path, ["value", "id"]).columns)) != ["id", "value"]:
        yield f"asked for id and value, it gives {', '.join(map(str, found)) or 'no column'}"
    try:
        found = sorted(_read(read, path, ["id", "nowhere"]).columns)
    except Unmet:
        raise
    except Exception as error:  # noqa: BLE001 - it should have been left out
        yield f"a column that the file lacks raises {type(error).__name__}: leave it out, so that it can be told with what was meant"
    else:
        if found != ["id"]:
            yield f"asked for id and a column that the file lacks, it gives {', '.join(map(str, found)) or 'no column'}"
    if names is not None and (told := list(names(path))) != ["id", "name", "value", "unused"]:
        yield f"`names` gives {told}, and the file has id, name, value, unused"


def _values(read: Callable[..., Any], path: Path) -> Iterator[str]:
    frame = _read(read, path, ["id", "name", "value"])
    if (ids := [int(value) for value in frame["id"]]) != [3, 1, 2]:
        yield f"the rows come as {ids}, and stand in the file as [3, 1, 2]"
        return
    if (words := [None if missing else str(value) for value, missing in zip(frame["name"], frame["name"].isna(), strict=True)]) != [
        "NA",
        "b,c",
        "Zoë",
    ]:
        yield f"the texts 'NA', 'b,c', 'Zoë' come as {words}"
    if list(frame["value"].isna()) != [False, True, False]:
        yield "what is missing in the file is not missing in the frame, or the other way round"
    elif [float(value) for value in frame["value"].dropna()] != [1.5, -2.25]:
        yield f"the numbers 1.5 and -2.25 come as {list(frame['value'].dropna())}"


def _parts(parts: Callable[..., Any], read: Callable[..., Any], path: Path) -> Iterator[str]:
    found = list(parts(path, ["id", "name"], 2))
    if (sizes := [len(part) for part in found]) != [2, 1]:
        yield f"three rows come two at a time as parts of {sizes}"
    whole = _read(read, path, ["id", "name"])
    for column in ("id", "name"):
        if (told := [str(value) for part in found for value in part[column]]) != [str(value) for value in whole[column]]:
            yield f"in parts, `{column}` comes as {told}, and not as in the whole"


def _no_rows(read: Callable[..., Any], path: Path) -> Iterator[str]:
    frame = _read(read, path, ["id", "value"])
    if len(frame) or sorted(frame.columns) != ["id", "value"]:
        yield f"a file without rows comes as {len(frame)} rows of {', '.join(map(str, frame.columns)) or 'no column'}"


def _unchanged(read: Callable[..., Any], path: Path) -> Iterator[str]:
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    _read(read, path, ["id"])
    if hashlib.sha256(path.read_bytes()).hexdigest() != before:
        yield "it changes the file that it reads"


def _rubbish(read: Callable[..., Any], path: Path) -> Iterator[str]:
    path.write_bytes(b"\x00\xff\x00 this is nothing \xfe")
    try:
        frame = read(path, ["id"])
    except Exception:  # noqa: BLE001 - this is what is wanted
        return
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        yield f"it gives {type(frame).__name__}, and not a DataFrame"
    elif len(frame.columns):
        yield "it reads rubbish as if it were a file of its format"
