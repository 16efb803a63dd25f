"""Runs announced to a server of lineage: the log is the outbox, and how far each receiver has heard it stands in the store.

An event of the log is written in the transaction of what it tells, so nothing is announced that did not happen, and nothing that happened
is forgotten. No run waits for a receiver.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlmodel import col, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.mirroring.openlineage import KINDS, told
from headrace.secrets import Secrets
from headrace.store import Store, clock, digest, lock, tables
from headrace.store.attested import Announced

__all__ = ["announce"]

_AT_ONCE = 200
_TRIES = 3
_PAUSE = 0.5
_SECONDS = 30.0
_LATER = {408, 425, 429}


def announce(store: Store, target: str, project: str, actor: str, *, pause: float = _PAUSE, tries: int = _TRIES) -> int:
    """Send each start and end of a run that this receiver has not heard, in order; how many were sent.

    `target` is a URL that takes OpenLineage's events by POST, or a file that they are added to, a line each; `env:NAME` and `file:PATH`
    name a secret that holds it. A receiver that errs is asked again, `tries` times in all, after `pause` seconds and after twice as many;
    then the next call goes on where this one stopped. Where there is nothing to say, nothing is written. An event is sent at least once,
    and never before the one that was before it.
    HeadraceError: `mirror-failed`, `secret-missing`, `locked` where another process announces.
    """
    secrets = Secrets(store.root)
    place = str(secrets.resolve(target))
    sink = digest(target.encode())
    sent = 0
    if not _next(store, sink, project):
        return sent
    with lock.hold(store, "announce", actor) as held:
        send = _post(place) if place.startswith(("http://", "https://")) else _append(store.root / place)
        while batch := _next(store, sink, project):
            for seq, event in batch:
                held.check()
                if event is not None:
                    _send(send, event, secrets, pause, tries)
                    sent += 1
                with store.transaction(actor, "announce", "openlineage", often=True) as session:
                    session.merge(Announced(sink=sink, seq=seq, at=clock.wall()))
    return sent


def _next(store: Store, sink: str, project: str) -> list[tuple[int, dict[str, Any] | None]]:
    with store.read() as session:
        row = session.get(Announced, sink)
        after = 0 if row is None else row.seq
        query = select(tables.Event).where(col(tables.Event.seq) > after, col(tables.Event.kind).in_(KINDS))
        events = session.exec(query.order_by(col(tables.Event.seq)).limit(_AT_ONCE))
        return [(event.seq or 0, told(session, event, project)) for event in events]


def _send(send: Callable[[dict[str, Any]], str | None], event: dict[str, Any], secrets: Secrets, pause: float, tries: int) -> None:
    """HeadraceError `mirror-failed` where it is not taken; what is refused for good is not tried again."""
    for left in reversed(range(tries)):
        try:
            why, final = send(event), True
        except (httpx.HTTPError, OSError) as error:
            why, final = f"{type(error).__name__}: {error}", False
        except _LaterError as error:
            why, final = str(error), False
        if why is None:
            return
        if final or not left:
            message = f"the receiver of lineage did not take the {event['eventType']} of run {event['run']['runId']}: {secrets.redact(why)}"
            help_ = "mend what it says, and type the command again: it goes on with this event"
            raise HeadraceError(Diagnostic("mirror-failed", message, help=help_), Exit.FAILED)
        time.sleep(pause)
        pause *= 2


class _LaterError(Exception):
    """The receiver may take it later."""


def _post(url: str) -> Callable[[dict[str, Any]], str | None]:
    def send(event: dict[str, Any]) -> str | None:
        answer = httpx.post(url, content=orjson.dumps(event), headers={"content-type": "application/json"}, timeout=_SECONDS)
        if answer.is_success:
            return None
        said = f"it answered {answer.status_code}"
        if answer.is_server_error or answer.status_code in _LATER:
            raise _LaterError(said)
        return said

    return send


def _append(path: Path) -> Callable[[dict[str, Any]], str | None]:
    def send(event: dict[str, Any]) -> None:
        with path.open("ab") as file:
            file.write(orjson.dumps(event) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    return send
