"""`python -m headrace.serving.together flows/A.serving.json flows/B.serving.json`: several models' server, with a shipper for each."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from headrace.compiled import WORKSPACE, ServingConfig, read
from headrace.diagnostics import Exit, HeadraceError, logs
from headrace.serving.__main__ import GRACE, end_within, listen
from headrace.serving.plane import below
from headrace.serving.together.application import Member, Together
from headrace.serving.workspace import Workspace, beside, open_workspace

LOG = logging.getLogger("headrace.serving")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headrace.serving.together", description=__doc__)
    parser.add_argument("configs", type=Path, nargs="+", help="the compiled flows/NAME.serving.json of each model")
    parser.add_argument("--port", type=int, help="the port, in place of the first config's; 0 for any that is free")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    options = parser.parse_args(arguments)
    logs.configure("serve-together")
    try:
        return _serve(list(dict.fromkeys(options.configs)), options.host, options.port)
    except HeadraceError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a process's own log
        return int(error.code)


def _serve(paths: Sequence[Path], host: str, port: int | None) -> int:
    found = [_read(path) for path in paths]
    configs = [config for config in found if isinstance(config, ServingConfig)]
    if not configs:
        raise next(fault for fault in found if isinstance(fault, HeadraceError))
    listening = listen(host, configs[0].port if port is None else port, configs[0].model)
    where = paths[0].parent / WORKSPACE
    with ExitStack() as stack:
        opened = stack.enter_context(open_workspace(where, configs[0]))
        names = [path.name.removesuffix(".serving.json") for path in paths]
        members = [_member(name, config, opened, where) for name, config in zip(names, found, strict=True)]
        return _answer(members, listening, where)


def _read(path: Path) -> ServingConfig | HeadraceError:
    try:
        return read(ServingConfig, path)
    except HeadraceError as error:
        return error


def _member(name: str, config: ServingConfig | HeadraceError, opened: Workspace, where: Path) -> Member:
    """A model's app, or why there is none."""
    from headrace.serving.application import app

    if isinstance(config, HeadraceError):
        return Member(name, None, config.report.errors[0].message)
    try:
        return Member(config.model, app(config, beside(opened, where, config)))
    except (HeadraceError, OSError) as error:
        return Member(config.model, None, str(error))


def _answer(members: Sequence[Member], listening: socket.socket, where: Path) -> int:
    """Answer on the bound socket until a signal; the exit code."""
    import uvicorn

    from headrace.serving.shipper import Shipper

    received: list[int] = []

    class Bounded(uvicorn.Server):
        """A server whose end is bounded from the first signal on."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            end(sig, frame)
            super().handle_exit(sig, frame)

    server = Bounded(
        uvicorn.Config(
            Together(members),
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
    )

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)
        server.should_exit = True
        end_within(GRACE, received)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    host, port = listening.getsockname()[:2]
    shippers = [Shipper(where, member.model) for member in members if member.plane is not None]
    for shipper in shippers:
        shipper.start()
    LOG.info("%s answer on http://%s:%s", ", ".join(below(member.model) for member in members), host, port)
    try:
        server.run(sockets=[listening])
    finally:
        with ThreadPoolExecutor(len(shippers) or 1) as pool:
            list(pool.map(Shipper.end, shippers))
    return int(Exit.INTERRUPTED) if signal.SIGINT in received else int(Exit.OK)


if __name__ == "__main__":
    sys.exit(main())
