"""How a source is read: the declared columns alone, each of its declared type, or an error that says what is wrong and in which file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.compiled import SourceConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report
from headrace.features.arrival import arrivals
from headrace.features.column import all_missing, judged
from headrace.features.source import database, function
from headrace.features.source.place import Files, Function, Place, Remote, Stated, Table, place
from headrace.features.source.remote import fetch
from headrace.hooks import Reader, load_plugins, resolve
from headrace.hooks.limit import within

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a source, as they stand there; `told` names their file in messages, where there are several."""

    frame: pd.DataFrame
    told: str = ""
    first: int = 0
    """How many rows stand before them."""


def read_source(root: Path, name: str, source: SourceConfig, readers: Mapping[str, Reader] | None = None) -> pd.DataFrame:
    """All rows of a source, in the order of its files, under the project's column names.

    int64 columns are int64 (float64 with NaN where values are missing), floats float64, categories text with None, timestamps UTC; an
    `arrival` adds its time column. `readers` are those of the project's plugins, which are looked for where none are given.

    HeadraceError, with every fault of the source at once: `source-not-found`, `source-unreachable`, `source-driver`, `source-failed`,
    `unknown-format`, `source-unreadable`, `missing-column`, `changed-type`, `empty-source`, `all-missing`, `bad-year`.
    """
    import pandas as pd

    parts = list(typed(root, name, source, readers))
    whole = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    if (arrival := source.arrival) is not None:
        whole[arrival.time] = arrivals(whole, spread=arrival.spread, order=arrival.order, seed=arrival.seed)
    return whole


def typed(
    root: Path, name: str, source: SourceConfig, readers: Mapping[str, Reader] | None = None, at: Place | None = None
) -> Iterator[pd.DataFrame]:
    """The rows of a source as `read_source` gives them, but for `arrival`: a file or a batch at a time, of which none is empty.

    What can only be known of all rows, that there are some and that a number has a value, is told at the end.
    """
    import pandas as pd

    readers = load_plugins(root, Report()).readers if readers is None else readers
    inside = {column: item.from_ for column, item in source.columns.items()}
    report, some, rows = Report(), dict.fromkeys(source.columns, False), 0
    for chunk in _chunks(root, name, at if at is not None else place(root, name, source), readers, inside):
        made: dict[str, Any] = {}
        for column, item in source.columns.items():
            said = f"source/{name}: column `{item.from_}`{chunk.told}"
            values, shown = chunk.frame[item.from_], column not in source.personal
            made[column] = judged(values, item.type, said, report, first=chunk.first, shown=shown)
            if made[column] is not None:
                some[column] |= bool(made[column].notna().any())
        rows += len(chunk.frame)
        if report.ok and len(chunk.frame):
            yield pd.DataFrame(made)
    _raise(report)
    if not rows:
        raise HeadraceError(Diagnostic("empty-source", f"source/{name} has no rows"))
    for column, item in source.columns.items():
        if item.type in ("int64", "float") and not some[column]:
            report.add(all_missing(f"source/{name}: column `{item.from_}`", rows))
    _raise(report)


def locate(root: Path, name: str, uri: str) -> Path:
    """The local file of a URI: a path from the project's folder, `file://`, or `package://PACKAGE/PATH`, whose package is not imported.

    A reference is followed here, and only it is named. HeadraceError `source-not-found`, or `secret-missing` for a reference.
    """
    match place(root, name, _Uri(uri)):
        case Files((path,)):
            return path
        case _:
            message = f"source/{name}: {uri} is no single file of this machine"
            raise HeadraceError(Diagnostic("source-not-found", message, help="write a path, `file://…` or `package://PACKAGE/PATH`"))


@dataclass(frozen=True, slots=True)
class _Uri:
    uri: str
    table: None = None
    python: None = None


def names(root: Path, name: str, stated: Stated, readers: Mapping[str, Reader]) -> list[str] | None:
    """The columns that every file of a source, or its table, has; None where nobody tells without reading the rows or going afar.

    HeadraceError `source-not-found`, `unknown-format`, `source-unreadable`, and `missing-column` where files differ.
    """
    match place(root, name, stated):
        case Files() as files:
            return _of_files(name, files, readers)
        case Table(path=Path()) as table:
            return database.columns(name, table)
        case Table() | Remote() | Function():
            return None


def nearby(root: Path, name: str, stated: Stated) -> str | None:
    """Why a source cannot be looked at without going afar or calling the project's own code; None where it can."""
    match place(root, name, stated):
        case Files() | Table(path=Path()):
            return None
        case Table() | Remote():
            return "is not on this machine"
        case Function(python):
            return f"is made by `{python}`"


def _of_files(name: str, files: Files, readers: Mapping[str, Reader]) -> list[str] | None:
    held: list[str] | None = None
    for position, (path, told) in enumerate(zip(files.paths, files.told, strict=True)):
        reader = _reader(name, path, told, readers)
        if reader.names is None:
            return None
        with _reading(name, told if files.several else "", reader):
            here = [*within(reader.seconds, resolve(reader.names), path), *(files.keys[position] if files.several else ())]
        if held is not None and (gone := [column for column in held if column not in here]):
            report = Report()
            for column in gone:
                report.add(lacking(name, column, column, here, f" in {told}"))
            raise HeadraceError(report)
        held = held if held is not None else here
    return held


def lacking(name: str, column: str, inside: str, held: Sequence[str], where: str = "") -> Diagnostic:
    """A declared column that the file has not: which one may have been meant."""
    near = get_close_matches(inside, held, n=1)
    return Diagnostic(
        "missing-column",
        f"source/{name} has no column `{inside}`{where}" + (f" (`{column}`)" if column != inside else ""),
        help=f"did you mean `{near[0]}`?" if near else f"it has: {', '.join(held)}" if held else None,
    )


# rows as they stand ----------------------------------------------------------------------------------------------


def _chunks(root: Path, name: str, at: Place, readers: Mapping[str, Reader], columns: Mapping[str, str]) -> Iterator[Chunk]:
    """The rows of a source with all of the declared columns; HeadraceError `missing-column` where one is not there."""
    wanted = list(dict.fromkeys(columns.values()))
    match at:
        case Files():
            yield from _read_files(name, at, readers, columns)
        case Remote():
            yield from _read_files(name, fetch(root, name, at), readers, columns)
        case Table():
            before, held = 0, partial(database.columns, name, at)
            for frame in database.rows(name, at, wanted):
                _refuse_lacking(name, columns, list(frame.columns), held)
                yield Chunk(frame, first=before)
                before += len(frame)
        case Function(python):
            frame = function.rows(root, name, python)
            _refuse_lacking(name, columns, list(frame.columns), lambda: list(map(str, frame.columns)))
            yield Chunk(frame)


def _read_files(name: str, files: Files, readers: Mapping[str, Reader], columns: Mapping[str, str]) -> Iterator[Chunk]:
    report, wanted, kinds = Report(), list(dict.fromkeys(columns.values())), dict[str, tuple[str, str]]()
    for position, (path, told) in enumerate(zip(files.paths, files.told, strict=True)):
        where = f" in {told}" if files.several else ""
        reader = _reader(name, path, told, readers)
        with _reading(name, where and told, reader):
            frame: pd.DataFrame = within(reader.seconds, resolve(reader.read), path, wanted)
        given = files.keys[position] if files.several else {}
        frame = frame.assign(**{key: _same(frame, given[key]) for key in wanted if key in given and key not in frame.columns})
        lacks = {column: inside for column, inside in columns.items() if inside not in frame.columns}
        if lacks:
            with _reading(name, where and told, reader):
                held = [*(within(reader.seconds, resolve(reader.names), path) if reader.names else []), *given]
            for column, inside in lacks.items():
                report.add(lacking(name, column, inside, held, where))
            continue
        if files.several:
            _refuse_another_kind(name, frame, told, kinds, report)
        if report.ok:
            yield Chunk(frame, where)
    _raise(report)


def _same(frame: pd.DataFrame, value: str | None) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series([value] * len(frame), index=frame.index, dtype="string")


def _refuse_another_kind(name: str, frame: pd.DataFrame, told: str, kinds: dict[str, tuple[str, str]], report: Report) -> None:
    """A column is of one kind in all files: `7` and `"007"` would become two categories without a word."""
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype, is_string_dtype

    for column in frame.columns:
        values = frame[column]
        if not len(values) or values.isna().all():
            continue
        known = ((is_bool_dtype, "truths"), (is_numeric_dtype, "numbers"), (is_datetime64_any_dtype, "moments"), (is_string_dtype, "texts"))
        kind = next((word for is_one, word in known if is_one(values)), "other values")
        first, where = kinds.setdefault(str(column), (kind, told))
        if kind != first:
            message = f"source/{name}: column `{column}` holds {kind} in {told}, and {first} in {where}"
            report.add(Diagnostic("changed-type", message, help="write one of them again, or read them as two sources"))


def _refuse_lacking(name: str, columns: Mapping[str, str], here: Sequence[str], held: Any) -> None:  # noqa: ANN401 - asked only then
    lacks = {column: inside for column, inside in columns.items() if inside not in here}
    if not lacks:
        return
    report, there = Report(), held()
    for column, inside in lacks.items():
        report.add(lacking(name, column, inside, there))
    _raise(report)


class _reading:  # noqa: N801 - reads as a word
    """Around a reader's call: a file may be broken in any way."""

    def __init__(self, name: str, told: str, reader: Reader) -> None:
        self.name, self.told, self.reader = name, told, reader

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            file = f": {self.told}" if self.told else ""
            message = f"source/{self.name}{file} cannot be read as {self.reader.name}: {type(error).__name__}: {error}"
            raise HeadraceError(Diagnostic("source-unreadable", message)) from error


def _reader(name: str, path: Path, told: str, readers: Mapping[str, Reader]) -> Reader:
    for reader in readers.values():
        if path.suffix.lower() in reader.suffixes:
            return reader
    known = ", ".join(sorted(suffix for reader in readers.values() for suffix in reader.suffixes))
    of = f" ({told})" if told and told != path.name else ""
    raise HeadraceError(
        Diagnostic(
            "unknown-format", f"source/{name}: no reader knows `{path.suffix or path.name}`{of}", help=f"known are: {known or 'none'}"
        ),
        Exit.INVALID,
    )


def _raise(report: Report) -> None:
    if not report.ok:
        raise HeadraceError(report)
