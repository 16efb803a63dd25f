"""POST /predict of one row within one call, where nothing has to be waited for: what `Routes.predict` answers, without a coroutine."""

from __future__ import annotations

from http import HTTPStatus
from time import perf_counter

from headrace.serving.body import SMALL
from headrace.serving.head import Client, Head, Now
from headrace.serving.problem import Refused
from headrace.serving.server import Server

METHOD, PATH = "POST", "/predict"


def prompt(server: Server) -> Now | None:
    """What answers so; None where each request waits for something: a view's events, or a cache that is asked of by others too."""
    if server.online.views or server.cached or server.tracing is not None:
        return None
    guard = server.guard if server.guard.admit is not None else None
    limits, load, moments, measures = server.config.limits, server.load, server.moments, server.measures
    quick, answering, model = server.schema.quick, server.answering, server.config.model

    def now(head: Head, body: bytes, client: Client) -> bytes | Refused | None:
        started = perf_counter()
        snapshot = server.snapshot
        if not snapshot.prompt or load.working >= limits.concurrency or head.length > limits.body:
            return None
        # What nests at all is no row, and is read no deeper than the parser goes; of a large body that is told without it.
        if head.length > SMALL and body.count(b"[") + body.count(b"{") > limits.depth:
            return None
        who = "" if guard is None else guard.known(head)
        row = None if who is None else quick(body)
        if who is None or row is None or (guard is not None and not guard.counted(who, client)):
            return None
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR
        try:
            reply = answering.now(snapshot, row, moments.now, started)
            if reply.error is not None:
                raise reply.refusal()
            told, status = reply.json(model), HTTPStatus.OK
        except Refused as refused:
            measures.refused(refused.status)
            status = refused.status
            return refused
        finally:
            measures.responded(METHOD, PATH, status, perf_counter() - started)
        return told

    return now
