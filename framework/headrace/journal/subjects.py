"""The keys of subjects in the store: taken with the records that they encrypt, opened, wrapped anew, and destroyed."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from headrace.journal.personal import DROPPED, ERASED, SUBJECT, Erased, tag, unwrap, wrap
from headrace.journal.records import KeyFields, moment
from headrace.store import Sessions, clock
from headrace.store.measured import Exposure, Measure
from headrace.store.subjects import SubjectErasure, SubjectKey
from headrace.store.tables import Outcome, Prediction

__all__ = ["Erasure", "Opening", "erase", "erased", "rewrap", "take", "wrapped_by"]

_AT_ONCE = 500


def take(session: Session, keys: Sequence[KeyFields]) -> None:
    """Put keys into the store, each once. One that was made before its subject was erased is destroyed already."""
    for first in range(0, len(keys), _AT_ONCE):
        some = {key.id: key for key in keys[first : first + _AT_ONCE]}
        there = set(session.exec(select(SubjectKey.id).where(col(SubjectKey.id).in_(some))))
        tags = {key.tag for key in some.values()}
        gone = session.exec(select(SubjectErasure).where(col(SubjectErasure.tag).in_(tags)).order_by(col(SubjectErasure.at))).all()
        last = {row.tag: row for row in gone}
        session.add_all(_row(key, last.get(key.tag)) for key in some.values() if key.id not in there)
    if keys:
        session.flush()


class Opening(Mapping[str, bytes]):
    """The keys by which journalled values open, by their ids: those of an environment, and through them those of subjects."""

    def __init__(self, session: Session, keks: Mapping[str, bytes]) -> None:
        self._session = session
        self._keks = keks

    def __getitem__(self, id_: str) -> bytes:
        """KeyError names the key that is not there; Erased where it was destroyed; ValueError where another key wrapped it."""
        if not id_.startswith(SUBJECT):
            return self._keks[id_]
        row = self._session.get(SubjectKey, id_)
        if row is None:
            raise KeyError(id_)
        if row.wrapped is None:
            told = self._session.exec(select(SubjectErasure).where(SubjectErasure.id == row.erasure)).first()
            raise Erased(row.made_at if told is None else told.at)
        return unwrap(self._keks[row.kek], row.wrapped, row.id, row.model)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keks)

    def __len__(self) -> int:
        return len(self._keks)


class Erasure(NamedTuple):
    """What an erasure did: its id, when, and how many keys, predictions and outcomes there were."""

    id: str
    at: datetime
    keys: int
    predictions: int
    outcomes: int


class _NothingThereError(Exception):
    """There is nothing to erase: the transaction leaves no entry."""


def erase(
    store: Sessions, actor: str, subjects: Sequence[tuple[str, str]], keks: Mapping[str, Mapping[str, bytes]], *, reason: str
) -> Erasure | None:
    """Destroy the keys of a subject, and take its name from what is journalled; None where nothing is stored of it.

    `subjects` are models with the entity as the journal has it, `keks` the keys that wrap, by model and id. It is one transaction with one
    entry of the log, which names the erasure's random id alone. What was hashed, or encrypted by a key of the environment itself, is
    dropped.
    """
    id_, at = uuid4().hex, clock.wall()
    try:
        with store.transaction(actor, "erase", f"subject/{id_}", reason=reason) as session:
            done = Erasure(id_, at, *_all(session, id_, subjects))
            tags = {tag(kek, model, subject): model for model, subject in subjects for kek in keks.get(model, {}).values()}
            session.add_all(SubjectErasure(id=id_, tag=one, model=model, at=at, actor=actor) for one, model in tags.items())
    except _NothingThereError:
        return None
    return done


def erased(session: Session, tags: Sequence[str]) -> datetime | None:
    """When a subject was last erased, by its tags; None where it never was."""
    return session.exec(select(func.max(SubjectErasure.at)).where(col(SubjectErasure.tag).in_(tags))).one()


def rewrap(store: Sessions, actor: str, model: str, keks: Mapping[str, bytes]) -> int:
    """Wrap every key of a model's subjects by the first of `keks`; how many were not yet. What they encrypt is not touched.

    Some hundred in a transaction: others write between them, and what ends it early loses nothing. KeyError names a key that is not
    given; ValueError where another key than the one of that id wrapped it.
    """
    first, done = next(iter(keks)), 0
    while True:
        with store.read() as session:
            if session.exec(_others(model, first).limit(1)).first() is None:
                return done
        with store.transaction(actor, "rotate", f"subjects of model/{model}", reason=f"to the key {first}") as session:
            for row in session.exec(_others(model, first).limit(_AT_ONCE)).all():
                _wrap(row, keks, first)
                done += 1


def wrapped_by(session: Session, model: str) -> dict[str, int]:
    """How many keys of a model's subjects each key wraps, by its id."""
    query = select(SubjectKey.kek, func.count()).where(SubjectKey.model == model, col(SubjectKey.wrapped).is_not(None))
    return dict(session.exec(query.group_by(SubjectKey.kek).order_by(SubjectKey.kek)).all())


def _row(key: KeyFields, gone: SubjectErasure | None) -> SubjectKey:
    made = moment(key.recorded_at)
    row = SubjectKey(id=key.id, model=key.model, tag=key.tag, kek=key.kek, made_at=made)
    if gone is not None and made <= gone.at:
        row.erasure = gone.id
    else:
        row.subject, row.wrapped = key.subject, b64decode(key.wrapped)
    return row


def _wrap(row: SubjectKey, keks: Mapping[str, bytes], first: str) -> None:
    if row.wrapped is None or row.subject is None:
        raise AssertionError(row.id)
    key = unwrap(keks[row.kek], row.wrapped, row.id, row.model)
    row.kek, row.wrapped, row.tag = first, wrap(keks[first], key, row.id, row.model), tag(keks[first], row.model, row.subject)


def _others(model: str, first: str) -> Any:  # noqa: ANN401 - SQLModel's select
    living = col(SubjectKey.wrapped).is_not(None)
    return select(SubjectKey).where(SubjectKey.model == model, SubjectKey.kek != first, living).order_by(SubjectKey.id)


def _all(session: Session, id_: str, subjects: Sequence[tuple[str, str]]) -> tuple[int, int, int]:
    """How many keys, predictions and outcomes there were; `_NothingThereError` where there were none."""
    each = [_one(session, id_, model, subject) for model, subject in subjects]
    keys, predictions, outcomes = (sum(counts) for counts in zip(*each, strict=True)) if each else (0, 0, 0)
    if not keys + predictions + outcomes:
        raise _NothingThereError
    return keys, predictions, outcomes


def _one(session: Session, id_: str, model: str, subject: str) -> tuple[int, int, int]:
    # Another name for each: what a model has of a subject leads to no other model's.
    name = f"{ERASED}{uuid4().hex}"
    keys = session.exec(select(SubjectKey).where(SubjectKey.model == model, SubjectKey.subject == subject)).all()
    for row in keys:
        row.subject, row.wrapped, row.erasure = None, None, id_
    asked = session.exec(select(Prediction).where(Prediction.model == model, Prediction.entity == subject)).all()
    for prediction in asked:
        prediction.entity, prediction.inputs = name, {column: _left(value) for column, value in prediction.inputs.items()}
    for table in (Measure, Exposure):
        told = update(table).where(col(table.model) == model, col(table.unit) == subject).values(unit=name)
        session.connection().execute(told)
    known = update(Outcome).where(col(Outcome.model) == model, col(Outcome.entity) == subject).values(entity=name)
    return len(keys), len(asked), session.connection().execute(known).rowcount


def _left(value: object) -> object:
    """What stays of an input: as it is where nothing opens it any more; what the same key as before could tell is dropped."""
    match value:
        case {"hmac-sha256": str()}:
            return {DROPPED: True}
        case {"aes-256-gcm": str(told)} if not told.startswith(SUBJECT):
            return {DROPPED: True}
    return value
