"""What a batch reads, as Parquet files that stay as they are: those of the source itself, or what was read of it once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.batch import Stretch
from headrace.batch.target import of_stream
from headrace.diagnostics import Diagnostic, HeadraceError, Report
from headrace.features.source import Files, Function, Remote, Table, database, function, lacking, place
from headrace.features.source.place import Place, Stated
from headrace.features.source.remote import fetch
from headrace.hooks import Reader, resolve
from headrace.hooks.limit import within

if TYPE_CHECKING:
    import pandas as pd

PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Input:
    """Rows to be scored: where they are stated to be, how messages name them, and their columns, by the project's names and the file's."""

    stated: Stated
    name: str
    told: str
    columns: tuple[tuple[str, str], ...]
    personal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """An input that stays as it is until the run is over."""

    stretches: tuple[Stretch, ...]
    digest: str
    """Of its files' bytes, or of the rows that were read where it has no files."""


def hold(root: Path, wanted: Input, readers: Mapping[str, Reader], folder: Path, rows: int) -> Held:
    """Let an input stand still: local Parquet files where they are, all else read once into `folder`, `rows` at a time where it can be.

    HeadraceError: those of `features.source`, `missing-column` and `empty-source`.
    """
    at = located(root, wanted)
    inside = list(dict.fromkeys(said for _, said in wanted.columns))
    match at:
        case Files():
            held = Held(tuple(_of_files(wanted, at, readers, folder, rows)), _digest(at))
        case Table():
            held = _kept(wanted, database.rows(wanted.name, at, inside), folder, lambda: database.columns(wanted.name, at))
        case Function(python):
            frame = function.rows(root, wanted.name, python)
            cut = (frame.iloc[first : first + rows] for first in range(0, len(frame), rows))
            held = _kept(wanted, cut if len(frame) else [frame], folder, lambda: list(map(str, frame.columns)))
        case Remote():
            raise AssertionError(at)
    if not sum(stretch.rows for stretch in held.stretches):
        raise HeadraceError(Diagnostic("empty-source", f"{wanted.told} has no rows"))
    return held


def located(root: Path, wanted: Input) -> Place:
    """Where an input is on this machine, or in which database; what is behind a URL is brought first."""
    at = place(root, wanted.name, wanted.stated)
    return fetch(root, wanted.name, at) if isinstance(at, Remote) else at


def names_of(root: Path, wanted: Input, readers: Mapping[str, Reader]) -> dict[str, str]:
    """The columns of an input that nobody declares, each with what its values are taken for: text, where the file does not say.

    HeadraceError: those of `features.source`.
    """
    at = located(root, wanted)
    match at:
        case Files():
            return {**_names(wanted, at.paths[0], readers), **dict.fromkeys(at.keys[0] if at.several else (), "text")}
        case Table():
            return dict.fromkeys(database.columns(wanted.name, at), "text")
        case Function() | Remote():
            raise AssertionError(at)


def _names(wanted: Input, path: Path, readers: Mapping[str, Reader]) -> dict[str, str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    reader = _reader(wanted, path, readers)
    direct = reader.name == PARQUET and not reader.override
    if not direct and reader.names is None:
        message = f"{wanted.told}: the reader `{reader.name}` does not tell which columns there are"
        raise HeadraceError(Diagnostic("unknown-format", message, help="declare it as a source, and give `--input source/NAME`"))
    try:
        if not direct:
            return dict.fromkeys(within(reader.seconds, resolve(str(reader.names)), path), "text")
        kinds = ((pa.types.is_integer, "int64"), (pa.types.is_floating, "float"), (pa.types.is_timestamp, "timestamp"))
        return {item.name: next((kind for is_one, kind in kinds if is_one(item.type)), "text") for item in pq.read_schema(path)}
    except OSError:
        raise
    except Exception as error:  # a file may be broken in any way
        raise _unreadable(wanted, path, error) from error


def digest_now(root: Path, wanted: Input) -> str | None:
    """The digest of an input as it is now; None where it has no files, so that what was read of it once is all that counts."""
    at = located(root, wanted)
    return _digest(at) if isinstance(at, Files) else None


def _digest(files: Files) -> str:
    """As `features.landing` has it, so that the data of a training and of a batch compare."""
    total = hashlib.sha256()
    for path in files.paths:
        with path.open("rb") as file:
            total.update(f"{path.name}\0{of_stream(file).removeprefix('sha256:')}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _of_files(wanted: Input, files: Files, readers: Mapping[str, Reader], folder: Path, rows: int) -> Iterator[Stretch]:
    import pyarrow.parquet as pq

    for position, path in enumerate(files.paths):
        given = tuple(files.keys[position].items()) if files.several else ()
        reader = _reader(wanted, path, readers)
        if reader.name == PARQUET and not reader.override:
            try:
                metadata = pq.read_metadata(path)
            except Exception as error:  # a file may be broken in any way
                raise _unreadable(wanted, path, error) from error
            names = [column for column in metadata.schema.to_arrow_schema().names if column]
            _refuse_lacking(wanted, [*names, *dict(given)], lambda names=names: names)
            yield _stretch(path, metadata.num_rows, given)
            continue
        frames = _frames(wanted, path, reader, rows)
        for number, frame in enumerate(frames):
            held = lambda frame=frame: list(map(str, frame.columns))  # noqa: E731
            _refuse_lacking(wanted, [*map(str, frame.columns), *dict(given)], held)
            if len(frame):
                yield _write(folder / f"input-{position:05d}-{number:07d}.parquet", frame, given)


def _frames(wanted: Input, path: Path, reader: Reader, rows: int) -> Iterator[pd.DataFrame]:
    """The rows of a file: so many at a time where its reader can, else all of them."""
    inside = list(dict.fromkeys(said for _, said in wanted.columns))
    try:
        if reader.parts is not None:
            yield from resolve(reader.parts)(path, inside, rows)
        else:
            whole: pd.DataFrame = within(reader.seconds, resolve(reader.read), path, inside)
            yield from (whole.iloc[first : first + rows] for first in range(0, max(len(whole), 1), rows))
    except (HeadraceError, OSError):
        raise
    except Exception as error:  # a file may be broken in any way
        raise _unreadable(wanted, path, error) from error


def _kept(wanted: Input, frames: Iterable[pd.DataFrame], folder: Path, names: Any) -> Held:  # noqa: ANN401 - asked only in trouble
    """Rows that have no file, in files of the run's own."""
    stretches = []
    total = hashlib.sha256()
    for number, frame in enumerate(frames):
        _refuse_lacking(wanted, list(map(str, frame.columns)), names)
        if len(frame):
            stretches.append(_write(folder / f"input-{number:07d}.parquet", frame, ()))
            with Path(stretches[-1].path).open("rb") as file:
                total.update(of_stream(file).encode())
    return Held(tuple(stretches), f"sha256:{total.hexdigest()}")


def _write(path: Path, frame: pd.DataFrame, given: tuple[tuple[str, str | None], ...]) -> Stretch:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # A column of mixed values: as text, each is judged by its declared type as it would be by itself.
        loose = {name: frame[name].map(str, na_action="ignore") for name in frame.columns if frame[name].dtype == object}
        table = pa.Table.from_pandas(frame.assign(**loose), preserve_index=False)
    pq.write_table(table, path, compression="zstd")
    return _stretch(path, len(frame), given)


def _stretch(path: Path, rows: int, given: tuple[tuple[str, str | None], ...]) -> Stretch:
    told = path.stat()
    return Stretch(str(path), rows, told.st_size, told.st_mtime_ns, given)


def _refuse_lacking(wanted: Input, here: Sequence[str], held: Any) -> None:  # noqa: ANN401 - asked only in trouble
    report = Report()
    lacks = [(column, inside) for column, inside in wanted.columns if inside not in here]
    if not lacks:
        return
    for column, inside in lacks:
        found = lacking(wanted.name, column, inside, held())
        report.add(Diagnostic(found.id, found.message.replace(f"source/{wanted.name}", wanted.told, 1), help=found.help))
    raise HeadraceError(report)


def _reader(wanted: Input, path: Path, readers: Mapping[str, Reader]) -> Reader:
    for reader in readers.values():
        if path.suffix.lower() in reader.suffixes:
            return reader
    known = ", ".join(sorted(suffix for reader in readers.values() for suffix in reader.suffixes))
    raise HeadraceError(
        Diagnostic("unknown-format", f"{wanted.told}: no reader knows `{path.suffix or path.name}`", help=f"known are: {known}")
    )


def _unreadable(wanted: Input, path: Path, error: Exception) -> HeadraceError:
    return HeadraceError(Diagnostic("source-unreadable", f"{wanted.told}: {path.name} cannot be read: {type(error).__name__}: {error}"))
