"""Who may do what only one may do at a time: a row with a heartbeat, taken over once its holder is known to be dead."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlmodel import select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store.columns import new_id
from headrace.store.now import wall
from headrace.store.sessions import Sessions
from headrace.store.tables import Lock

__all__ = ["Held", "dead", "held", "hold", "release"]

HEARTBEAT = timedelta(seconds=10)


class Held:
    """A lock that this process holds."""

    def __init__(self, name: str, id: str) -> None:  # noqa: A002 - the column's name
        self.name = name
        self.id = id
        self._lost = threading.Event()

    @property
    def lost(self) -> bool:
        """Whether the heartbeat found that the lock was released or taken over."""
        return self._lost.is_set()

    def check(self) -> None:
        """Raise HeadraceError lock-lost (Exit.LOCKED) if the lock is no longer ours."""
        if self.lost:
            raise HeadraceError(Diagnostic("lock-lost", f"the lock on {self.name} was released by another while it was held"), Exit.LOCKED)

    def lose(self) -> None:
        """Say that the lock is no longer ours."""
        self._lost.set()


@contextmanager
def hold(store: Sessions, name: str, actor: str, *, heartbeat: timedelta = HEARTBEAT) -> Iterator[Held]:
    """Hold a name for the length of the block; a thread gives signs of life.

    A lock whose process is dead on this host is taken over. Silence is no death: a process may be stopped, its disk may hang. Of another
    host nobody here can tell, so its lock goes by `release` alone.
    Raises HeadraceError: locked (Exit.LOCKED), naming the holder and its last sign of life.
    """
    mine = _take(store, name, actor)
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, mine, actor, heartbeat, stop), name=f"lock {name}", daemon=True)
    thread.start()
    try:
        yield mine
    finally:
        stop.set()
        thread.join()
        release(store, mine.id, actor=actor)


def held(store: Sessions, name: str) -> Lock | None:
    """Who holds a name, dead or alive."""
    with store.read() as session:
        return session.get(Lock, name)


def release(store: Sessions, id: str, *, actor: str = "service:lock") -> bool:  # noqa: A002 - the column's name
    """Free the lock with this id, whoever holds it; whether there was one."""
    with store.transaction(actor, "unlock", f"lock {id}") as session:
        row = session.exec(select(Lock).where(Lock.id == id)).one_or_none()
        if row is None:
            return False
        session.delete(row)
        return True


def _take(store: Sessions, name: str, actor: str) -> Held:
    with store.transaction(actor, "lock", name) as session:
        now = wall()
        found = session.get(Lock, name)
        if found is not None:
            if not dead(found):
                raise _locked(found, now)
            session.delete(found)
            session.flush()
        row = Lock(name=name, id=new_id(), actor=actor, host=socket.gethostname(), pid=os.getpid(), since=now, heartbeat=now)
        session.add(row)
    return Held(name, row.id)


def dead(row: Lock) -> bool:
    """Whether the holder was a process of this host that has ended; a number given out again belongs to a younger process."""
    if row.host != socket.gethostname():
        return False
    import psutil

    try:
        return bool(psutil.Process(row.pid).create_time() > row.since.timestamp() + 1)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _beat(store: Sessions, mine: Held, actor: str, every: timedelta, stop: threading.Event) -> None:
    while not stop.wait(every.total_seconds()):
        try:
            with store.transaction(actor, "heartbeat", mine.name, often=True) as session:
                row = session.exec(select(Lock).where(Lock.id == mine.id)).one_or_none()
                if row is None:
                    mine.lose()
                    return
                row.heartbeat = wall()
        except HeadraceError:
            continue  # the store does not answer: the next beat tries again


def _locked(row: Lock, now: datetime) -> HeadraceError:
    silent = int((now - row.heartbeat).total_seconds())
    message = (
        f"{row.name} is locked by {row.actor} (process {row.pid} on {row.host}) since {row.since:%Y-%m-%d %H:%M:%S} UTC,"
        f" last sign of life {silent} s ago"
    )
    return HeadraceError(
        Diagnostic("locked", message, help=f"wait until it ends; if it never will, `headrace unlock {row.id}`"), Exit.LOCKED
    )
