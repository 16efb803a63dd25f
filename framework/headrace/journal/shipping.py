"""How records come from the spool's segments into the store: in order, each once, and with the offset in the same transaction."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import text
from sqlmodel import Session

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.identity import service
from headrace.journal import beside, block, insert, parquet, subjects
from headrace.journal.records import (
    MARK,
    Fields,
    KeyFields,
    MeasureFields,
    OutcomeFields,
    PredictionFields,
    moment,
    parse,
    parse_prediction,
    told,
)
from headrace.journal.segment import HEADER, MAX_BODY, SUFFIX, frames
from headrace.store import Sessions
from headrace.store.clock import wall

ACTOR = service("journal")
_LONGEST = timedelta(minutes=15)
"""How long a record waits for others to make a file."""
_CHUNK = 4 * (MAX_BODY + HEADER.size)
"""Bytes of a segment in one transaction: fewer larger ones cost less, and others who write wait for each."""

_OFFSET = text('SELECT "offset" FROM spool_offset WHERE segment = :segment')
_PUT_OFFSET = text(
    'INSERT INTO spool_offset (segment, "offset") VALUES (:segment, :offset)'
    ' ON CONFLICT (segment) DO UPDATE SET "offset" = excluded."offset"'
)
_FORGET_OFFSET = text("DELETE FROM spool_offset WHERE segment = :segment")
_PREDICTION, _BLOCK = MARK[0], block.MARK[0]
Known = dict[str, int]
"""How far segments are in the store, by their keys, as far as it is known without asking."""


@dataclass(slots=True)
class Shipped:
    """What one pass did: records brought to the store, records torn or damaged, records that the database refused."""

    records: int = 0
    torn: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Chunk:
    """Some of a segment, decoded: the rows in it, and where the next read begins."""

    predictions: list[PredictionFields] = field(default_factory=list)
    outcomes: list[OutcomeFields] = field(default_factory=list)
    measures: list[MeasureFields] = field(default_factory=list)
    keys: list[KeyFields] = field(default_factory=list)
    damaged: list[bytes] = field(default_factory=list)
    end: int = 0


@dataclass(frozen=True, slots=True)
class Ways:
    """Where else records go. A finished segment whose records go to files is kept until they are there; only who has `files`, a list for
    what failed, writes them."""  # noqa: D205, D209 - two sentences

    parquet: str | None = None
    sample: Callable[[Sequence[PredictionFields]], None] | None = None
    files: list[str] | None = None


def ship(store: Sessions, folder: Path) -> int:
    """One pass over the folder's segments: how many records were brought to the store. A record twice in the spool is once in the store.

    It is for whoever needs them there now; only the shipper itself brings them to files and logs, by `ship_everywhere`.

    Raises HeadraceError as `Store.transaction`; what was not shipped stays in the spool.
    """
    return ship_pass(store, folder).records


def ship_pass(store: Sessions, folder: Path) -> Shipped:
    """As `ship`, telling also what was stepped over.

    Of a segment whose writer is gone the torn end was never acknowledged: it is counted, in an audit row `ship-torn`, and skipped.
    Whatever is damaged or refused is kept in `<folder>/damaged/`. Segments of dead writers are deleted once all of them is in the store.
    """
    return _pass(store, folder, Ways(beside.load(folder).parquet), {})


def ship_everywhere(store: Sessions, folder: Path, known: Known | None = None) -> Shipped:
    """As `ship_pass`, and to wherever else the spool's records go.

    `known` is what the pass before left in it: where nothing was appended since, the store is not asked.
    Raises HeadraceError `files-unwritable` after the pass, where files could not be written; what the log's file raises is an OSError.
    """
    also = beside.load(folder)
    failed: list[str] = []
    done = _pass(store, folder, Ways(also.parquet, also.sample if also.share else None, failed), {} if known is None else known)
    if failed:
        message = f"Parquet files cannot be written to {also.parquet}: {failed[0]}"
        raise HeadraceError(Diagnostic("files-unwritable", message, help="what was not written stays in the spool"), Exit.FAILED)
    return done


def _pass(store: Sessions, folder: Path, ways: Ways, known: Known) -> Shipped:
    done = Shipped()
    for path in _segments(folder):
        _ship_segment(store, path, ways, done, known)
    return done


class Backlog(NamedTuple):
    """What of a spool is not in the store yet: how many bytes, and when the oldest record in them was written (None: there is none)."""

    bytes: int
    oldest: datetime | None


def unshipped(store: Sessions, folder: Path) -> int:
    """How many bytes of the spool are not in the store yet."""
    return backlog(store, folder).bytes


def backlog(store: Sessions, folder: Path) -> Backlog:
    """How much of the spool is not in the store yet, and since when."""
    with store.read() as session:
        waiting = [(path, offset) for path in _segments(folder) if (offset := _offset(session, _key(path))) < _size(path)]
    written = [at for path, offset in waiting if (at := _first(path, offset)) is not None]
    return Backlog(sum(max(0, _size(path) - offset) for path, offset in waiting), min(written, default=None))


def _first(path: Path, offset: int) -> datetime | None:
    """When the record at an offset was written; None where there is no whole one."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            header = file.read(HEADER.size)
            body = file.read(min(HEADER.unpack(header)[0], MAX_BODY))
        return moment(parse(body).recorded_at)
    except (FileNotFoundError, struct.error, TypeError, ValueError, OverflowError):
        return None


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _offset(session: Session, key: str) -> int:
    found: int | None = session.connection().execute(_OFFSET, {"segment": key}).scalar()
    return 0 if found is None else found


def _put_offset(session: Session, key: str, offset: int) -> None:
    session.connection().execute(_PUT_OFFSET, {"segment": key, "offset": offset})


def _ship_segment(store: Sessions, path: Path, ways: Ways, done: Shipped, known: Known) -> None:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # another shipper was faster
        return
    try:
        # The order matters: a segment found finished before its bytes are read has no more to come.
        finished = _finished(file)
        if finished:  # it will be deleted: that all of it is there is for the store to say
            known.pop(_key(path), None)
        if _to_store(store, path, file, ways, done, known, finished=finished) and finished and _filed(store, path, file, ways):
            _delete(store, path)
            known.pop(_key(path), None)
        elif not finished:
            _filed(store, path, file, ways, finished=False)
    finally:
        os.close(file)


def _to_store(  # noqa: PLR0917 - what a pass is made of
    store: Sessions, path: Path, file: int, ways: Ways, done: Shipped, known: Known, *, finished: bool
) -> bool:
    """Whether all that the segment held when it was looked at is in the store."""
    key = _key(path)
    if key not in known:
        with store.read() as session:
            known[key] = _offset(session, key)
    offset = known[key]
    size = os.fstat(file).st_size
    if offset < size:
        os.fdatasync(file)
    while offset < size:
        data = os.pread(file, _CHUNK, offset)
        chunk = _read(data, offset, final=finished and offset + len(data) == size, whole=len(data) == _CHUNK)
        if chunk.end == offset:
            return False
        if not _commit(store, path, offset, chunk, done):
            del known[key]
            return False
        known[key] = offset = chunk.end
        if ways.sample is not None:
            ways.sample(chunk.predictions)
    return True


def _filed(store: Sessions, path: Path, file: int, ways: Ways, *, finished: bool = True) -> bool:
    """Whether all of a segment is in files, where its records go to some; they are written once there are enough of them, or old ones."""
    if ways.parquet is None:
        return True
    if ways.files is None:
        return False  # somebody else's work: until it is done, the segment stays
    with parquet.alone(path.parent) as mine:
        if not mine:
            return False
        with store.read() as session:
            offset = _offset(session, _files_key(path))
        # After the look at the offset: of a segment that another shipper has deleted, nothing is recorded any more.
        return path.exists() and _to_files(store, path, file, offset, target=ways.parquet, failed=ways.files, finished=finished)


def _to_files(store: Sessions, path: Path, file: int, offset: int, *, target: str, failed: list[str], finished: bool) -> bool:
    size = os.fstat(file).st_size
    while offset < size and (finished or size - offset >= parquet.FILE_BYTES or _old(path, offset)):
        data = os.pread(file, parquet.FILE_BYTES, offset)
        chunk = _read(data, offset, final=finished and offset + len(data) == size, whole=len(data) >= _CHUNK)
        if chunk.end == offset:
            return False
        try:
            parquet.write(target, f"{path.stem}-{offset:012d}", [*chunk.predictions, *chunk.outcomes, *chunk.measures])
        except Exception as error:  # noqa: BLE001 - what a file system's package raises
            failed.append(f"{type(error).__name__}: {error}")
            return False
        # What was written and is not recorded here is written again, under the same name.
        with store.transaction(ACTOR, "ship", path.parent.name, often=True) as session:
            _put_offset(session, _files_key(path), chunk.end)
        offset = chunk.end
    return offset >= size


def _files_key(path: Path) -> str:
    return f"parquet:{_key(path)}"


def _old(path: Path, offset: int) -> bool:
    at = _first(path, offset)
    return at is not None and wall() - at > _LONGEST


def _finished(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(data: bytes, offset: int, *, final: bool, whole: bool) -> _Chunk:
    chunk = _Chunk()
    predictions, outcomes = chunk.predictions, chunk.outcomes

    def each(body: bytes) -> None:
        try:
            if body[0] == _PREDICTION:
                predictions.append(parse_prediction(body))
            elif body[0] == _BLOCK:
                predictions.extend(block.decode_block(body))
            else:
                match parse(body):
                    case PredictionFields() as row:
                        predictions.append(row)
                    case OutcomeFields() as row:
                        outcomes.append(row)
                    case MeasureFields() as row:
                        chunk.measures.append(row)
                    case KeyFields() as row:
                        chunk.keys.append(row)
        except (TypeError, ValueError):
            chunk.damaged.append(body)

    found = frames(data, final=final, whole=whole, each=each)
    chunk.end = offset + found.consumed
    chunk.damaged.extend(data[first:last] for first, last in found.damaged)
    return chunk


def _commit(store: Sessions, path: Path, offset: int, chunk: _Chunk, done: Shipped) -> bool:
    """Whether the chunk was written; it was not, where another shipper was faster."""
    try:
        return _written(store, path, offset, chunk, done, apart=False)
    except insert.Refused:
        return _written(store, path, offset, chunk, done, apart=True)


def _written(store: Sessions, path: Path, offset: int, chunk: _Chunk, done: Shipped, *, apart: bool) -> bool:
    torn = len(chunk.damaged)
    action, subject = ("ship-torn", f"{_key(path)}: {torn}") if torn else ("ship", path.parent.name)
    with store.transaction(ACTOR, action, subject, often=not torn) as session:
        if _offset(session, _key(path)) != offset:
            return False
        connection = session.connection()
        subjects.take(session, chunk.keys)
        refused: list[Fields] = [
            *insert.predictions(connection, chunk.predictions, apart=apart),
            *insert.outcomes(connection, chunk.outcomes, apart=apart),
            *insert.measures(connection, chunk.measures, apart=apart),
        ]
        _put_offset(session, _key(path), chunk.end)
        # Before the commit: afterwards nobody would know of them.
        _keep(path, offset, [*chunk.damaged, *(orjson.dumps(told(row), default=str) for row in refused)])
    done.records += len(chunk.predictions) + len(chunk.outcomes) + len(chunk.measures) - len(refused)
    done.torn += torn
    done.refused += len(refused)
    return True


def _keep(path: Path, offset: int, pieces: list[bytes]) -> None:
    if pieces:
        folder = path.parent / "damaged"
        folder.mkdir(exist_ok=True)
        for number, piece in enumerate(pieces):
            (folder / f"{path.stem}@{offset}-{number}").write_bytes(piece)


def _delete(store: Sessions, path: Path) -> None:
    path.unlink(missing_ok=True)
    with store.transaction(ACTOR, "ship", path.parent.name, often=True) as session:
        for key in (_key(path), _files_key(path)):
            session.connection().execute(_FORGET_OFFSET, {"segment": key})
