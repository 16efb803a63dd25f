"""Adding to the audit log within a transaction: one entry, its place in the tree, and the head; or one more of what is only counted."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import Connection, column, text
from sqlmodel import Session

from headrace.audit.entry import Said, canonical
from headrace.audit.verify import HASH, HEIGHT, Edge, leaf_hash
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.digest import digest
from headrace.store.columns import UtcTime
from headrace.store.direct import Statement, written

__all__ = ["BEFORE", "append", "count", "earlier", "edge"]

BEFORE = "service:store"
"""Who says what was there before the log."""


_HEAD = Statement("SELECT log, size, edge FROM audit_head WHERE id = 1")
_LOCKED_HEAD = Statement("SELECT log, size, edge FROM audit_head WHERE id = 1 FOR UPDATE")
_ANY = Statement("SELECT 1 FROM audit_entry LIMIT 1")
_BEGIN = Statement("INSERT INTO audit_head (id, log, size, edge) VALUES (1, ?, 0, ?)")
_ENTRY = Statement("INSERT INTO audit_entry (seq, actor, action, subject, at, recorded_at, leaf, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
_NODE = Statement('INSERT INTO audit_node (level, "index", hash) VALUES (?, ?, ?)')
_MOVE = Statement("UPDATE audit_head SET size = ?, edge = ? WHERE id = 1 AND size = ?")
_COUNT = Statement(
    "INSERT INTO audit_count (actor, action, subject, hour, n, at, recorded_at) VALUES (?, ?, ?, ?, 1, ?, ?)"
    " ON CONFLICT (actor, action, subject, hour)"
    " DO UPDATE SET n = audit_count.n + 1, at = excluded.at, recorded_at = excluded.recorded_at"
)
_EARLIER = text("SELECT seq, actor, action, subject, at, recorded_at FROM audit_earlier ORDER BY seq").columns(
    column("seq"), column("actor"), column("action"), column("subject"), column("at", UtcTime()), column("recorded_at", UtcTime())
)


def append(session: Session, said: Said) -> int:
    """Add one entry to the log, and give its number. HeadraceError `store-altered` where the log's head was taken away or altered."""
    connection = session.connection()
    head = _head(connection)
    if head is None:
        return _begin(connection, said)
    log, size, hashes = head
    return _add(connection, log, size, hashes, said)


def count(session: Session, said: Said) -> None:
    """Count one more of what repeats many times a second; it is no entry of the log."""
    connection = session.connection()
    hour = said.recorded_at.replace(minute=0, second=0, microsecond=0)
    moments = [written(at, connection) for at in (hour, said.at, said.recorded_at)]
    _COUNT.run(connection, (said.actor, said.action, said.subject, *moments))


def earlier(connection: Connection) -> tuple[int, str]:
    """How many rows there are from before there was a log, and their digest."""
    rows = [[str(value) for value in row] for row in connection.execute(_EARLIER)]
    return len(rows), digest(canonical(rows))


def edge(size: int, hashes: bytes) -> Edge:
    """The right edge as the head keeps it. HeadraceError `store-altered` where it cannot be that of so many entries."""
    try:
        return Edge(size, [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)])
    except ValueError:
        raise _altered("the head of the audit log was altered") from None


def _begin(connection: Connection, said: Said) -> int:
    """Begin the log; where there are rows from before it, its first entry has their digest."""
    if _ANY.run(connection).fetchone() is not None:
        raise _altered("the head of the audit log was taken away, and its entries are there")
    log = f"headrace-log/{uuid4().hex}"
    _BEGIN.run(connection, (log, b""))
    number, found = earlier(connection)
    if number:
        told = Said(BEFORE, "import", "audit earlier", said.at, said.recorded_at, f"{number} rows from before there was a log", after=found)
        _add(connection, log, 0, b"", told)
    log, size, hashes = _HEAD.run(connection).fetchone()
    return _add(connection, log, size, hashes, said)


def _head(connection: Connection) -> tuple[str, int, bytes] | None:
    found: tuple[str, int, bytes] | None = (_HEAD if connection.dialect.name == "sqlite" else _LOCKED_HEAD).run(connection).fetchone()
    return found


def _add(connection: Connection, log: str, size: int, hashes: bytes, said: Said) -> int:
    grown = edge(size, hashes)
    body = said.body(log, size, uuid4().hex)
    leaf = leaf_hash(body)
    at, recorded_at = written(said.at, connection), written(said.recorded_at, connection)
    _ENTRY.run(connection, (size, said.actor, said.action, said.subject, at, recorded_at, leaf, body))
    for level, index, node in grown.append(leaf):
        if level % HEIGHT == 0:
            _NODE.run(connection, (level // HEIGHT, index, node))
    _MOVE.run(connection, (grown.size, b"".join(grown.hashes), size))
    return size


def _altered(message: str) -> HeadraceError:
    return HeadraceError(Diagnostic("store-altered", message, help="put the store's last backup back in its place"))
