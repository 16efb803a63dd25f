"""POST /predict of one row within one call, where nothing has to be waited for: what `Routes.predict` answers, without a coroutine."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from time import perf_counter

from headrace.serving.answer import Prepare, Prepared, Reply
from headrace.serving.body import SMALL
from headrace.serving.head import Client, Head, Now
from headrace.serving.problem import Refused
from headrace.serving.schema import Row
from headrace.serving.server import Server
from headrace.serving.snapshot import Snapshot
from headrace.serving.turn import Turn

METHOD, PATH = "POST", "/predict"
_LATER = 0
"""In place of a status, where it is the turn that tells it."""


def prompt(server: Server) -> Now | None:  # noqa: C901 - what each request costs: a call less is felt
    """What answers so; None where each request waits for something: a view's events, or a cache that is asked of by others too."""
    if server.online.views or server.cached or server.tracing is not None:
        return None
    guard = server.guard if server.guard.admit is not None else None
    most, longest, deepest = server.config.limits.concurrency, server.config.limits.body, server.config.limits.depth
    current, load, moments, measures, turn = server.current, server.load, server.moments, server.measures, server.turn
    quick, answering, model = server.schema.quick, server.answering, server.config.model
    seen: Snapshot | None = None
    prepare: Prepare = _nobody

    def now(head: Head, body: bytes, client: Client) -> bytes | Refused | Turn | None:
        nonlocal seen, prepare
        started, snapshot = perf_counter(), current.snapshot
        if not snapshot.prompt or load.working >= most or head.length > longest:
            return None
        # What nests at all is no row, and is read no deeper than the parser goes; of a large body that is told without it.
        if head.length > SMALL and body.count(b"[") + body.count(b"{") > deepest:
            return None
        who = "" if guard is None else guard.known(head)
        row = None if who is None else quick(body)
        if who is None or row is None or (guard is not None and not guard.counted(who, client)):
            return None
        if snapshot is not seen:
            seen, prepare = snapshot, answering.prompt(snapshot)
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR
        try:
            given = prepare(row, moments.driven, started)
            if isinstance(given, Prepared):
                status = _LATER
                turn.add(snapshot, given)
                return turn
            if given.error is not None:
                raise given.refusal()
            told, status = given.json(model), HTTPStatus.OK
        except Refused as refused:
            measures.refused(refused.status)
            status = refused.status
            return refused
        finally:
            if status != _LATER:
                measures.responded(METHOD, PATH, status, perf_counter() - started)
        return told

    return now


def _nobody(row: Row, driven: datetime | None, started: float) -> Prepared | Reply:
    raise AssertionError(row, driven, started)
