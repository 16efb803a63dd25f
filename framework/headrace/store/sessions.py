"""The two doors to the database: `transaction`, which writes and says so in the audit log, and `read`, which cannot write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Never, Self

from sqlalchemy import Engine, event
from sqlmodel import Session

from headrace.audit.entry import Said
from headrace.store import engine as engines
from headrace.store import ledger
from headrace.store.faults import ReadOnlyError, read_only, translated
from headrace.store.now import reading, wall


class _Reading(Session):
    """A session that only reads."""


class Sessions:
    """Sessions on one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**engines.WRITE)
        self._writing = threading.local()
        self.info: dict[str, Any] = {}
        """What every session of it knows beside the database."""

    @property
    def where(self) -> str:
        """The database as a message may name it: without its password."""
        return engines.where(self.engine)

    @contextmanager
    def transaction(
        self,
        actor: str,
        action: str,
        subject: str,
        *,
        often: bool = False,
        reason: str | None = None,
        before: str | None = None,
        after: str | None = None,
    ) -> Iterator[Session]:
        """Write: all of it and its one entry in the audit log, or nothing, if the block raises.

        One transaction writes at a time, on both databases; another waits up to 30 s. What the session wrote can be used after it ended.
        `before` and `after` are digests of what is changed, `reason` is why, where they are known; no personal data belongs in any of them.
        `often` is for what repeats many times a second and changes no model, such as shipping: it is counted by the hour, and no entry.
        Raises HeadraceError: store-unwritable, store-unreachable, store-busy, store-altered; RuntimeError within another transaction of
        this thread, which it would wait for without end.
        """
        if getattr(self._writing, "now", False):
            raise RuntimeError(f"`{action} {subject}` would wait for the transaction that it is within")
        self._writing.now = True
        try:
            with translated(self.where), Session(self._writer, expire_on_commit=False) as session:
                session.info.update(self.info, actor=actor)
                said = Said(actor, action, subject, reading(session).now, wall(), reason, before, after)
                if often:
                    ledger.count(session, said)
                yield session
                if not often:
                    session.flush()
                    ledger.append(session, said)
                session.commit()
        finally:
            self._writing.now = False

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Read: one consistent view for the length of the block. A write raises ReadOnlyError."""
        with translated(self.where), read_only(), _Reading(self.engine, expire_on_commit=False, autoflush=False) as session:
            session.info.update(self.info)
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
