"""Stages with their history, the counter of numbers, and what versions are found by; versions of before get theirs from the log."""

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STAGES = ("draft", "registered", "validated", "staging", "production", "deprecated", "retired", "rejected", "archived")
_BY_CODE_POINT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONGEST = 1000
_LARGE = 1e308
_MOMENT = sa.DateTime(timezone=True)


class _Event(NamedTuple):
    """One event, as far as stages follow from it; `at` is as the database gives it, and goes back so."""

    id: str
    model: str
    kind: str
    payload: dict[str, Any]
    actor: str
    at: Any


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "version_counter",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_version_counter")),
    )
    _make_index()
    _make_values()
    _make_history()
    if not op.get_context().as_sql:  # as text, it makes an empty database
        _fill(op.get_bind())


def downgrade() -> None:
    """From this revision."""
    for table in ("stage_history", "version_value", "version_index", "version_counter"):
        op.drop_table(table)


def _make_index() -> None:
    op.create_table(
        "version_index",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("semver", sa.String(), nullable=True),
        sa.Column("precedence", _BY_CODE_POINT, nullable=True),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(), nullable=True),
        sa.CheckConstraint(sa.column("stage").in_(_STAGES), name=op.f("ck_version_index_stage")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version_index")),
        sa.UniqueConstraint("model", "number", name=op.f("uq_version_index_model_number")),
        sa.UniqueConstraint("model", "precedence", name=op.f("uq_version_index_model_precedence")),
        sqlite_autoincrement=True,
    )
    for columns in (("created_at", "model", "number"), ("stage", "created_at"), ("algorithm", "created_at")):
        op.create_index(op.f(f"ix_version_index_{'_'.join(columns)}"), "version_index", columns)


def _make_values() -> None:
    op.create_table(
        "version_value",
        sa.Column("version_id", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.CheckConstraint(sa.column("kind").in_(("metric", "param", "tag")), name=op.f("ck_version_value_kind")),
        sa.PrimaryKeyConstraint("version_id", "kind", "name", name=op.f("pk_version_value")),
        sqlite_with_rowid=False,
    )
    for columns in (("kind", "name", "number", "version_id"), ("kind", "name", "text", "version_id")):
        op.create_index(op.f(f"ix_version_value_{'_'.join(columns)}"), "version_value", columns)


def _make_history() -> None:
    op.create_table(
        "stage_history",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("valid_from", _MOMENT, nullable=False),
        sa.Column("valid_to", _MOMENT, nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.CheckConstraint(sa.column("stage").in_(_STAGES), name=op.f("ck_stage_history_stage")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_history")),
    )
    for named in (("model", "number", "valid_from"), ("model", "valid_from")):
        op.create_index(op.f(f"ix_stage_history_{'_'.join(named)}"), "stage_history", named)
    for name, columns, where in (
        ("uq_stage_history_production", ("model",), "stage = 'production' AND valid_to IS NULL"),
        ("uq_stage_history_now", ("model", "number"), "valid_to IS NULL"),
    ):
        op.create_index(name, "stage_history", columns, unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _fill(bind: sa.Connection) -> None:
    """What versions of before are found by, and the stays that the log tells of."""
    stages, history = _stays(bind)
    version = sa.table("model_version", *map(sa.column, ("model", "number", "algorithm", "run_id", "created_at", "manifest")))
    counters: dict[str, int] = {}
    index: list[dict[str, Any]] = []
    values: dict[tuple[str, int], list[dict[str, Any]]] = {}
    begun: list[dict[str, Any]] = []
    for model, number, algorithm, run_id, made, manifest in bind.execute(sa.select(*version.c)):
        stage = stages.get((model, number), "registered")
        counters[model] = max(counters.get(model, 0), number)
        index.append({"model": model, "number": number, "algorithm": algorithm, "run_id": run_id, "created_at": made, "stage": stage})
        values[model, number] = list(_values(manifest if isinstance(manifest, dict) else json.loads(manifest)))
        begun.append(_stay(model, number, "registered", made, "it was registered", "headrace", None))
    stays = _ended([*begun, *(stay for stay in history if stay["model"] in counters)])
    _write(bind, "version_counter", [{"model": model, "next": number + 1} for model, number in counters.items()])
    _write(bind, "version_index", index)
    indexed = sa.table("version_index", *map(sa.column, ("id", "model", "number")))
    ids = {(model, number): id_ for id_, model, number in bind.execute(sa.select(*indexed.c))}
    _write(bind, "version_value", [{"version_id": ids[key], **value} for key, found in values.items() for value in found])
    _write(bind, "stage_history", stays)


def _write(bind: sa.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        bind.execute(sa.insert(sa.table(table, *map(sa.column, rows[0]))), rows)


def _values(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind, part in (("metric", manifest.get("metrics", {})), ("param", manifest.get("params", {}))):
        for name, value in part.items():
            told = float(value) if isinstance(value, bool | int | float) and abs(value) < _LARGE else None
            text = value if isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST else None
            yield {"kind": kind, "name": name, "number": told, "text": text}


def _stays(bind: sa.Connection) -> tuple[dict[tuple[str, int], str], list[dict[str, Any]]]:
    """Where each version stands by the log, and how it came there."""
    event = sa.table("event", *map(sa.column, ("seq", "id", "model", "kind", "payload", "actor", "at")))
    kinds = ("alias.moved", "candidate.rejected")
    columns = [column for column in event.c if column.name != "seq"]
    stages: dict[tuple[str, int], str] = {}
    told: list[dict[str, Any]] = []
    found = [_Event(*row) for row in bind.execute(sa.select(*columns).where(event.c.kind.in_(kinds)).order_by(event.c.seq))]
    found = [item._replace(payload=item.payload if isinstance(item.payload, dict) else json.loads(item.payload)) for item in found]
    for item, following in zip_longest(found, found[1:]):
        for number, stage in _meant(item, following, stages):
            if stages.get((item.model, number)) != stage:
                stages[item.model, number] = stage
                reason = str(item.payload.get("reason") or item.kind)
                told.append(_stay(item.model, number, stage, item.at, reason, item.actor, item.id))
    return stages, told


def _meant(event: _Event, following: _Event | None, stages: dict[tuple[str, int], str]) -> Iterator[tuple[int, str]]:
    """What an event made of which version; the one that follows it tells a promotion from a rollback."""
    payload = event.payload
    match event.kind, payload.get("alias"):
        case "alias.moved", "champion":
            if payload["from"] is not None:
                # A promotion calls it `previous` next; a rollback does not, and has decided against it.
                put_by = {"alias": "previous", "to": payload["from"]}
                kept = following is not None and following.model == event.model and put_by.items() <= following.payload.items()
                yield payload["from"], "deprecated" if kept else "rejected"
            if payload["to"] is not None:
                yield payload["to"], "production"
        case "alias.moved", "candidate":
            if payload["to"] is not None and stages.get((event.model, payload["to"])) != "production":
                yield payload["to"], "staging"
            if payload["from"] is not None and stages.get((event.model, payload["from"])) == "staging":
                yield payload["from"], "rejected" if payload["to"] is None else "validated"
        case "candidate.rejected", _:
            if stages.get((event.model, payload.get("number", 0)), "registered") not in {"production", "deprecated"}:
                yield payload["number"], "rejected"
        case _:
            return


def _stay(  # noqa: PLR0917 - what a row has
    model: str, number: int, stage: str, at: object, reason: str, actor: str, event_id: str | None
) -> dict[str, Any]:
    named = {"id": uuid4().hex, "model": model, "number": number, "stage": stage, "valid_from": at, "valid_to": None}
    return {**named, "reason": reason, "actor": actor, "event_id": event_id}


def _ended(stays: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each stay ends when the next one of its version begins."""
    last: dict[tuple[str, int], dict[str, Any]] = {}
    for stay in stays:
        key = stay["model"], stay["number"]
        if key in last:
            stay["valid_from"] = max(stay["valid_from"], last[key]["valid_from"])
            last[key]["valid_to"] = stay["valid_from"]
        last[key] = stay
    return stays
