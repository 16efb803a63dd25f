"""One process that answers for a model, or several, on a bound socket, alone or as one worker of several, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from headrace.compiled import LimitsConfig, ServingConfig
from headrace.diagnostics import Exit

if TYPE_CHECKING:
    import ssl

    import uvicorn
    from starlette.types import ASGIApp

    from headrace.serving.head import Now
    from headrace.serving.measures import Measures
    from headrace.serving.server import Server
    from headrace.serving.workspace import Workspace

GRACE = 1.5
"""Seconds after it has stopped accepting at which a process ends, whatever hangs."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a server ends: seconds for which it goes on accepting while it says that it is not ready, and those for what is in flight."""

    announce: float = 0.0
    grace: float = GRACE

    @property
    def within(self) -> float:
        """Seconds from the signal to the end."""
        return self.announce + self.grace


@dataclass(frozen=True, slots=True)
class Face:
    """What answers on a socket: an ASGI app, the servers behind it, and what a connection is allowed before there is a request."""

    app: ASGIApp
    servers: Sequence[Server]
    limits: LimitsConfig
    measures: Measures
    secure: ssl.SSLContext | None
    nows: Mapping[tuple[bytes, bytes], Now]
    """What is answered where it is read, by method and target."""


Told = socket.socket | Callable[[], None]
"""Whom a process tells that it answers: the supervisor on a socket, who may say that it ends; or, where it is alone, what says so."""


def answer(config: ServingConfig, workspace: Workspace, listening: socket.socket, ending: Ending, told: Told) -> int:
    """Answer for one model until a signal, or until its supervisor says so; the exit code."""
    from headrace.serving import exposed, tls
    from headrace.serving.application import app

    made = app(config, workspace, exposed=exposed.is_exposed(listening.getsockname()[0]))
    secure = None if config.access.tls is None else tls.kept(config.access.tls, workspace.root)
    server: Server = made.state.server
    return run(Face(made, (server,), config.limits, server.measures, secure, made.nows), listening, ending, told)


def run(face: Face, listening: socket.socket, ending: Ending, told: Told) -> int:
    """Answer until a signal, or until its supervisor says so; the exit code."""
    from headrace.serving.drain import Draining
    from headrace.serving.worker import Overseen

    received: list[int] = []

    def signalled(number: int) -> None:
        received.append(number)
        end_within(ending.within, received)
        for one in face.servers:
            one.draining = True

    def leave() -> None:
        end_within(ending.grace, [signal.SIGTERM])
        server.leave()

    def started() -> None:
        if isinstance(told, socket.socket):
            Overseen(told, server, asyncio.get_running_loop(), leave).start()
        else:
            told()

    server = Draining(
        _configured(face, ending),
        shared=isinstance(told, socket.socket),
        announce=ending.announce,
        on_signal=signalled,
        on_start=started,
    )

    def end(number: int, frame: FrameType | None) -> None:
        # Before uvicorn listens to signals, and again after it has shut down, when it raises each once more.
        del frame
        signalled(number)
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server.run(sockets=[listening])
    if not server.started and not received:
        return int(Exit.FAILED)  # uvicorn has said why
    return int(Exit.INTERRUPTED) if signal.SIGINT in received else int(Exit.OK)


def _configured(face: Face, ending: Ending) -> uvicorn.Config:
    """How uvicorn answers by an app, over TLS where there is a certificate."""
    import uvicorn

    from headrace.serving.connections import allow_files
    from headrace.serving.direct import protocol

    allow_files()
    secure = face.secure
    return uvicorn.Config(
        face.app,
        ssl_context_factory=None if secure is None else lambda *_: secure,
        loop="uvloop",
        http=protocol(face.limits, face.measures, face.nows),
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(ending.grace - 0.5)),
    )


def end_within(seconds: float, received: Sequence[int]) -> None:
    """End the process so many seconds after its first signal, whatever hangs."""
    if len(received) == 1:
        code = Exit.INTERRUPTED if received[0] == signal.SIGINT else Exit.OK
        timer = threading.Timer(seconds, os._exit, (int(code),))
        timer.daemon = True
        timer.start()


def leave(code: int) -> NoReturn:
    """End the process once all is said and written.

    Taking the interpreter apart takes half a second of a free processor, many of a busy one, and no timer runs any more that would end it.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
