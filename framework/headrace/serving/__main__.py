"""`python -m headrace.serving flows/NAME.serving.json`: one model's server, and the shipper of its journal beside it."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from headrace.compiled import WORKSPACE, ServingConfig, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, logs

if TYPE_CHECKING:
    from headrace.serving.workspace import Workspace

GRACE = 1.5
"""Seconds after SIGTERM at which the process ends, whatever hangs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    options = _options(arguments)
    logs.configure(f"serve-{options.config.name.removesuffix('.serving.json')}")
    try:
        return _serve(options.config, options.host, options.port)
    except HeadraceError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a process's own log
        for fault in error.report.errors:
            if fault.help is not None:
                print(f"  = help: {fault.help}", file=sys.stderr)  # noqa: T201
        return int(error.code)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.serving", description=__doc__)
    parser.add_argument("config", type=Path, help="the compiled flows/NAME.serving.json")
    parser.add_argument("--port", type=int, help="the port, in place of the config's; 0 for any that is free")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    return parser.parse_args(arguments)


def _serve(path: Path, host: str, port: int | None) -> int:
    from headrace.serving.workspace import open_workspace

    config = read(ServingConfig, path)
    # Bound before anything is loaded: whoever asked for a taken port learns it at once.
    listening = listen(host, config.port if port is None else port, config.model)
    where = path.parent / WORKSPACE
    with open_workspace(where, config) as workspace:
        return _answer(config, workspace, listening, where)


def _answer(config: ServingConfig, workspace: Workspace, listening: socket.socket, where: Path) -> int:
    """Answer on the bound socket until a signal; the exit code."""
    import uvicorn

    from headrace.serving.application import app
    from headrace.serving.connections import protocol
    from headrace.serving.shipper import Shipper

    received: list[int] = []

    class Bounded(uvicorn.Server):
        """A server whose end is bounded from the first signal on."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            end(sig, frame)
            super().handle_exit(sig, frame)

    allow_files()
    answering = app(config, workspace)
    server = Bounded(
        uvicorn.Config(
            answering,
            loop="uvloop",
            http=protocol(config.limits, answering.measures),
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
    )

    def end(number: int, frame: FrameType | None) -> None:
        # Called before uvicorn listens to signals, by it, and again after it has shut down, when it raises each once more.
        del frame
        received.append(number)
        server.should_exit = True
        _end_within(GRACE, received)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    shipper = Shipper(where, config.model)
    shipper.start()
    host, number = listening.getsockname()[:2]
    logging.getLogger("headrace.serving").info("model/%s answers on http://%s:%s", config.model, host, number)
    try:
        server.run(sockets=[listening])
    finally:
        shipper.end()
    return int(Exit.INTERRUPTED) if signal.SIGINT in received else int(Exit.OK)


def allow_files() -> None:
    """As many open files as the system lets this process have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listen(host: str, port: int, model: str) -> socket.socket:
    """A bound socket; HeadraceError `port-taken` where something else has the port, `port-refused` where it may not be had."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # Two sockets may be bound to one port; only one may listen.
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            fault = Diagnostic(
                "port-taken",
                f"port {port} of {host} is taken by another process",
                help=f"`headrace serve {model} --port {port + 1}`, or change `serving.port`",
            )
        else:
            fault = Diagnostic("port-refused", f"port {port} of {host} cannot be had: {error.strerror or error}")
        raise HeadraceError(fault, Exit.FAILED) from None
    return listening


def _end_within(seconds: float, received: list[int]) -> None:
    if len(received) == 1:
        code = Exit.INTERRUPTED if received[0] == signal.SIGINT else Exit.OK
        timer = threading.Timer(seconds, os._exit, (int(code),))
        timer.daemon = True
        timer.start()


if __name__ == "__main__":
    sys.exit(main())
