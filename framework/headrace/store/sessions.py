"""The two doors to the database: `transaction`, which writes and says so in the audit log, and `read`, which cannot write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never, Self

from sqlalchemy import Engine, bindparam, event, text
from sqlmodel import Session

from headrace.store import engine as engines
from headrace.store.columns import UtcTime
from headrace.store.faults import ReadOnlyError, read_only, translated
from headrace.store.now import reading, wall
from headrace.store.tables import Audit


class _Reading(Session):
    """A session that only reads."""


class Sessions:
    """Sessions on one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**engines.WRITE)
        self._writing = threading.local()

    @property
    def where(self) -> str:
        """The database as a message may name it: without its password."""
        return engines.where(self.engine)

    @contextmanager
    def transaction(self, actor: str, action: str, subject: str, *, often: bool = False) -> Iterator[Session]:
        """Write: all of it and its audit row, or nothing, if the block raises.

        One transaction writes at a time, on both databases; another waits up to 30 s. What the session wrote can be used after it ended.
        `often` is for what repeats many times a second, such as shipping: its audit rows fold into one an hour.
        Raises HeadraceError: store-unwritable, store-unreachable, store-busy, store-altered; RuntimeError within another transaction of
        this thread, which it would wait for without end.
        """
        if getattr(self._writing, "now", False):
            raise RuntimeError(f"`{action} {subject}` would wait for the transaction that it is within")
        self._writing.now = True
        try:
            with translated(self.where), Session(self._writer, expire_on_commit=False) as session:
                session.info["actor"] = actor
                _audit(session, actor, action, subject, often=often)
                yield session
                session.commit()
        finally:
            self._writing.now = False

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Read: one consistent view for the length of the block. A write raises ReadOnlyError."""
        with translated(self.where), read_only(), _Reading(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@event.listens_for(_Reading, "before_flush")
def _refuse(*_: object) -> Never:
    raise ReadOnlyError("this session only reads: write within Store.transaction")


_FOLDED = text(
    "INSERT INTO audit (actor, action, subject, at, recorded_at, n, fold) VALUES (:actor, :action, :subject, :at, :recorded_at, 1, :fold)"
    " ON CONFLICT (fold) DO UPDATE SET n = audit.n + 1, recorded_at = excluded.recorded_at, at = excluded.at"
).bindparams(bindparam("at", type_=UtcTime()), bindparam("recorded_at", type_=UtcTime()))
"""As text, which both databases understand: it is said many times a second, and need not be built anew."""


def _audit(session: Session, actor: str, action: str, subject: str, *, often: bool) -> None:
    recorded, at = wall(), reading(session).now
    if not often:
        session.add(Audit(actor=actor, action=action, subject=subject, at=at, recorded_at=recorded, n=1))
        session.flush()
        return
    fold = f"{actor}|{action}|{subject}|{recorded:%Y-%m-%dT%H}"
    row = {"actor": actor, "action": action, "subject": subject, "at": at, "recorded_at": recorded, "fold": fold}
    session.connection().execute(_FOLDED, row)
