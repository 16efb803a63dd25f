"""What the parts of one request cost: CPU time within the process, without a network."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import serving_targets as targets
import uvicorn
from serving_process import Project

from headrace.compiled import WORKSPACE, ServingConfig, read
from headrace.journal import PredictionRecord
from headrace.serving import app
from headrace.serving.direct import protocol
from headrace.serving.plane import Plane
from headrace.serving.workspace import open_workspace
from headrace.traffic import assigning

TIMES, ROUNDS = 2000, 7
TURN = 8
"""Connections that ask at once."""


class Nobody(asyncio.Transport):
    """A client that takes all."""

    said = b""

    def write(self, data: Any) -> None:
        self.said = data

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - as it is called
        return default


def microseconds(work: Callable[[], object]) -> float:
    """Of CPU time of this thread, each time; the least of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        for _ in range(TIMES):
            work()
        taken.append((time.thread_time() - started) / TIMES * 1e6)
    return round(min(taken), 2)


def connection(made: Plane, config: ServingConfig) -> Any:
    """A connection to a server that nobody listens to."""
    http = protocol(config.limits, made.state.server.measures, made.nows)
    uvicorns = uvicorn.Config(made, http=http, lifespan="off", access_log=False, log_config=None)
    uvicorns.load()
    kept: Any = http(config=uvicorns, server_state=uvicorn.Server(uvicorns).server_state, app_state={})
    kept.connection_made(Nobody())
    return kept


def parts(project: Project, key: str) -> dict[str, float]:
    """By what is done, for one row that is sent again and again over one connection."""
    return asyncio.run(_parts(project, key))


async def _parts(project: Project, key: str) -> dict[str, float]:
    config = read(ServingConfig, project.config)
    with open_workspace(project.config.parent / WORKSPACE, config) as workspace:
        made = app(config, workspace)
        server = made.state.server
        await server.start()
        try:
            return _measured(made, config, key)
        finally:
            await server.stop()


def _measured(made: Plane, config: ServingConfig, key: str) -> dict[str, float]:
    server, kept = made.state.server, connection(made, config)
    body = json.dumps(targets.rows(1)[0]).encode()
    lines = ["POST /predict HTTP/1.1", "Host: x", "Content-Type: application/json", f"X-API-Key: {key}", f"Content-Length: {len(body)}"]
    data = "\r\n".join([*lines, "", ""]).encode() + body

    def parsed() -> None:
        kept.heads.clear()
        kept.data_received(data)

    several, end = [connection(made, config) for _ in range(TURN)], server.turn.end

    def turn() -> None:
        for one in several:
            one.data_received(data)
        end()

    told = {
        "with a head that is new": microseconds(parsed),
        "with a head that is known": microseconds(lambda: kept.data_received(data)),
        f"with a head that is known, {TURN} read in one turn": round(microseconds(turn) / TURN, 2),
    }
    end()
    assert b"200 OK" in kept.transport.said, kept.transport.said
    (head,) = kept.heads.values()
    row, snapshot, at = server.schema.quick(body), server.snapshot, server.moments.now
    served, assigned = snapshot.champion, assigning(config.model, snapshot.weights)
    record = PredictionRecord("a" * 32, config.model, 1, "champion", 1, row.entity, at, 9, row.inputs, 0.5, None, ())
    return told | {
        "of which: whose key it is": microseconds(lambda: server.guard.known(head)),
        "of which: JSON to a row": microseconds(lambda: server.schema.quick(body)),
        "of which: whose arm it is": microseconds(lambda: assigned(row.unit)),
        "of which: the prediction": microseconds(lambda: served.answer(row.inputs)),
        "of which: the journal": microseconds(lambda: server._spool.append(record)),
    }
