"""How events lie in a database: the statements that SQLite and PostgreSQL share, written once."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.features.online.definition import Definition, Kind
from headrace.features.sql.word import name

_TYPES: dict[str, dict[Kind, str]] = {
    "sqlite": {"integer": "INTEGER", "real": "REAL", "text": "TEXT"},
    "postgresql": {"integer": "bigint", "real": "double precision", "text": 'text COLLATE "C"'},
}
_BYTES = {"sqlite": "BLOB", "postgresql": "bytea"}


@dataclass(frozen=True)
class Statements:
    """What is said to a database about one definition; every value is a parameter."""

    create: tuple[str, ...]
    begin: str
    """schema, definition: a state that knows of no event."""
    begin_round: str
    round: str
    insert: str
    """entity, time, seen, key, occurrence, round, columns; an event that is there already stays as it is."""
    take: str
    """The same for an event that its source holds: it takes the place of itself, of the given round."""
    drop: str
    """From a time, to a time, and the round that stays: events of the source that it holds no longer."""
    near: str
    """entity, oldest, moment, moment: time and columns in the order of time."""
    far: str
    """entity, before, moment: the same of all that is older, the newest first."""
    prune: str
    """Before a time."""
    days: str
    day: str
    """day, digest: what was read of the source."""
    forget: str
    """Before a day."""
    mark: str
    """day: one that a backfill which has not ended brought in."""
    marked: str
    unmark: str
    """From a day, to a day."""
    recent: str
    """How many: an entity and the time of its event, of the newest events."""
    state: str
    advance: str
    """newest event's time."""
    complete: str
    """watermark, rows of the source."""
    floor: str
    """floor."""


def statements(definition: Definition, dialect: str, prefix: str = "") -> Statements:
    """All of them; `prefix` stands before the name of every table."""
    event, day, state, again = (name(f"{prefix}{table}") for table in ("event", "day", "state", "again"))
    kinds = _TYPES[dialect]
    columns = [f"c{place}" for place in range(len(definition.columns))]
    kept = ", ".join(["entity", "time", "seen", "key", "occurrence", "round", *columns])
    marks = ", ".join("?" * (6 + len(columns)))
    told = ", ".join(["time", *columns])
    rowid = " WITHOUT ROWID" if dialect == "sqlite" else ""
    integer = kinds["integer"]
    declared = ", ".join(f"{column} {kinds[kind]}" for column, kind in zip(columns, definition.kinds, strict=True))
    of_events = (
        f"CREATE TABLE IF NOT EXISTS {event} (entity {kinds[definition.entity_kind]} NOT NULL, time {integer} NOT NULL,"
        f" seen {integer} NOT NULL, key {_BYTES[dialect]} NOT NULL, occurrence {integer} NOT NULL, round {integer} NOT NULL"
        f"{', ' if declared else ''}{declared}, PRIMARY KEY (entity, time, key, occurrence)){rowid}"
    )
    index = f"CREATE INDEX IF NOT EXISTS {name(f'{prefix}event_time')} ON {event} (time)"
    of_days = f"CREATE TABLE IF NOT EXISTS {day} (day {integer} PRIMARY KEY, digest {kinds['text']} NOT NULL)"
    of_state = (
        f"CREATE TABLE IF NOT EXISTS {state} (one {integer} PRIMARY KEY CHECK (one = 1), schema {integer} NOT NULL,"
        f" definition {kinds['text']} NOT NULL, round {integer} NOT NULL DEFAULT 0, newest {integer}, watermark {integer}, floor {integer})"
    )
    of_again = f"CREATE TABLE IF NOT EXISTS {again} (day {integer} PRIMARY KEY)"
    insert = f"INSERT INTO {event} ({kept}) VALUES ({marks}) ON CONFLICT"
    return Statements(
        create=(of_events, index, of_days, of_again, of_state),
        begin=f"INSERT INTO {state} (one, schema, definition) VALUES (1, ?, ?) ON CONFLICT DO NOTHING",
        begin_round=f"UPDATE {state} SET round = round + 1",
        round=f"SELECT round FROM {state}",
        insert=f"{insert} DO NOTHING",
        take=f"{insert} (entity, time, key, occurrence) DO UPDATE SET round = excluded.round",
        drop=f"DELETE FROM {event} WHERE time >= ? AND time < ? AND round <> 0 AND round <> ?",
        near=f"SELECT {told} FROM {event} WHERE entity = ? AND time >= ? AND time <= ? AND seen <= ? ORDER BY time",
        far=f"SELECT {told} FROM {event} WHERE entity = ? AND time < ? AND seen <= ? ORDER BY time DESC",
        prune=f"DELETE FROM {event} WHERE time < ?",
        days=f"SELECT day, digest FROM {day}",
        day=f"INSERT INTO {day} (day, digest) VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET digest = excluded.digest",
        forget=f"DELETE FROM {day} WHERE day < ?",
        mark=f"INSERT INTO {again} (day) VALUES (?) ON CONFLICT DO NOTHING",
        marked=f"SELECT day FROM {again}",
        unmark=f"DELETE FROM {again} WHERE day >= ? AND day <= ?",
        recent=f"SELECT entity, time FROM {event} ORDER BY time DESC LIMIT ?",
        state=f"SELECT newest, watermark, floor FROM {state}",
        advance=f"UPDATE {state} SET newest = ? WHERE newest IS NULL OR newest < ?",
        complete=f"UPDATE {state} SET watermark = ?",
        floor=f"UPDATE {state} SET floor = ?",
    )
