"""How records come from the spool's segments into the store: in order, each once, and with the offset in the same transaction."""

from __future__ import annotations

import fcntl
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Executable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError
from sqlmodel import Session

from headrace.identity import service
from headrace.journal.block import MARK, decode_block
from headrace.journal.records import OutcomeRecord, PredictionRecord, Record, decode
from headrace.journal.segment import HEADER, MAX_BODY, SUFFIX, frames
from headrace.store import Sessions
from headrace.store.tables import Outcome, Prediction, Row, SpoolOffset

ACTOR = service("journal")
_REFUSALS = (DataError, IntegrityError, InterfaceError, OverflowError)
_CHUNK = MAX_BODY + HEADER.size


@dataclass(slots=True)
class Shipped:
    """What one pass did: records brought to the store, records torn or damaged, records that the database refused."""

    records: int = 0
    torn: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Chunk:
    """Some of a segment, decoded: the rows in it, and where the next read begins."""

    predictions: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    damaged: list[bytes] = field(default_factory=list)
    end: int = 0


def ship(store: Sessions, folder: Path) -> int:
    """One pass over the folder's segments: how many records were brought to the store. A record twice in the spool is once in the store.

    Raises HeadraceError as `Store.transaction`; what was not shipped stays in the spool.
    """
    return ship_pass(store, folder).records


def ship_pass(store: Sessions, folder: Path) -> Shipped:
    """As `ship`, telling also what was stepped over.

    Of a segment whose writer is gone the torn end was never acknowledged: it is counted, in an audit row `ship-torn`, and skipped.
    Whatever is damaged or refused is kept in `<folder>/damaged/`. Segments of dead writers are deleted once all of them is in the store.
    """
    done = Shipped()
    for path in _segments(folder):
        _ship_segment(store, path, done)
    return done


def unshipped(store: Sessions, folder: Path) -> int:
    """How many bytes of the spool are not in the store yet."""
    with store.read() as session:
        return sum(max(0, _size(path) - _offset(session, path)) for path in _segments(folder))


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _offset(session: Session, path: Path) -> int:
    row = session.get(SpoolOffset, _key(path), populate_existing=True)
    return 0 if row is None else row.offset


def _ship_segment(store: Sessions, path: Path, done: Shipped) -> None:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # another shipper was faster
        return
    try:
        # The order matters: a segment found finished before its bytes are read has no more to come.
        finished = _finished(file)
        with store.read() as session:
            offset = _offset(session, path)
        size = os.fstat(file).st_size
        if offset < size:
            os.fdatasync(file)
        while offset < size:
            data = os.pread(file, _CHUNK, offset)
            chunk = _read(data, offset, final=finished and offset + len(data) == size)
            if chunk.end == offset or not _commit(store, path, offset, chunk, done):
                return
            offset = chunk.end
        if finished:
            _delete(store, path)
    finally:
        os.close(file)


def _finished(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(data: bytes, offset: int, *, final: bool) -> _Chunk:
    found = frames(data, final=final)
    chunk = _Chunk(end=offset + found.consumed, damaged=[data[first:last] for first, last in found.damaged])
    for body in found.bodies:
        try:
            entries = decode_block(body) if body.startswith(MARK) else (decode(body),)
        except (TypeError, ValueError):
            chunk.damaged.append(body)
            continue
        for entry in entries:
            chunk.records += 1
            _add(chunk, entry.record, entry.recorded_at)
    return chunk


def _add(chunk: _Chunk, record: Record, recorded_at: datetime) -> None:
    match record:
        case PredictionRecord():
            names = PredictionRecord.__slots__
            row = {name: getattr(record, name) for name in names}
            row["unseen"], row["recorded_at"] = list(record.unseen), recorded_at
            chunk.predictions.append(row)
        case OutcomeRecord():
            chunk.outcomes.append(asdict(record))


def _commit(store: Sessions, path: Path, offset: int, chunk: _Chunk, done: Shipped) -> bool:
    """Whether the chunk was written; it was not, where another shipper was faster."""
    torn = len(chunk.damaged)
    action, subject = ("ship-torn", f"{_key(path)}: {torn}") if torn else ("ship", path.parent.name)
    with store.transaction(ACTOR, action, subject, often=not torn) as session:
        if _offset(session, path) != offset:
            return False
        connection = session.connection()
        refused = _insert(connection, _once(connection, Prediction, "id"), chunk.predictions)
        # Of two that say otherwise of one moment, the first that came holds.
        refused += _insert(connection, _once(connection, Outcome, "model", "entity", "known_at"), chunk.outcomes)
        session.merge(SpoolOffset(segment=_key(path), offset=chunk.end))
        # Before the commit: afterwards nobody would know of them.
        _keep(path, offset, [*chunk.damaged, *(orjson.dumps(row, default=str) for row in refused)])
    done.records += chunk.records - len(refused)
    done.torn += torn
    done.refused += len(refused)
    return True


def _insert(connection: Connection, statement: Executable, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert all rows, or, where the database refuses one for its content, all others; the refused ones."""
    if not rows:
        return []
    try:
        with connection.begin_nested():
            connection.execute(statement, rows)
    except _REFUSALS:
        if len(rows) == 1:
            return rows
        half = len(rows) // 2
        return _insert(connection, statement, rows[:half]) + _insert(connection, statement, rows[half:])
    return []


def _once(connection: Connection, table: type[Row], *key: str) -> Executable:
    """Insert into a table what is not there by this key already."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement: Executable = dialect.insert(table).on_conflict_do_nothing(index_elements=key)
    return statement


def _keep(path: Path, offset: int, pieces: list[bytes]) -> None:
    if pieces:
        folder = path.parent / "damaged"
        folder.mkdir(exist_ok=True)
        for number, piece in enumerate(pieces):
            (folder / f"{path.stem}@{offset}-{number}").write_bytes(piece)


def _delete(store: Sessions, path: Path) -> None:
    path.unlink(missing_ok=True)
    with store.transaction(ACTOR, "ship", path.parent.name, often=True) as session:
        row = session.get(SpoolOffset, _key(path))
        if row is not None:
            session.delete(row)
