"""`python -m headrace.serving.together flows/A.serving.json flows/B.serving.json`: several models' server, with a shipper for each."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from headrace.compiled import WORKSPACE, LimitsConfig, ServingConfig, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, logs
from headrace.serving import exposed, tls
from headrace.serving.__main__ import listen
from headrace.serving.exposed import ALLOWED
from headrace.serving.plane import below
from headrace.serving.process import GRACE, end_within
from headrace.serving.together.application import Member, Together
from headrace.serving.workspace import Workspace, beside, open_workspace

LOG = logging.getLogger("headrace.serving")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headrace.serving.together", description=__doc__)
    parser.add_argument("configs", type=Path, nargs="+", help="the compiled flows/NAME.serving.json of each model")
    parser.add_argument("--port", type=int, help="the port, in place of the first config's; 0 for any that is free")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--allow", action="append", default=[], choices=ALLOWED, help="listen beyond loopback all the same")
    options = parser.parse_args(arguments)
    logs.configure("serve-together")
    try:
        return _serve(list(dict.fromkeys(options.configs)), options)
    except HeadraceError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a process's own log
        return int(error.code)


def _serve(paths: Sequence[Path], options: argparse.Namespace) -> int:
    host, port = options.host, options.port
    found = [_read(path) for path in paths]
    configs = [config for config in found if isinstance(config, ServingConfig)]
    if not configs:
        raise next(fault for fault in found if isinstance(fault, HeadraceError))
    _refuse_unlike(configs)
    listening = listen(host, configs[0].port if port is None else port, configs[0].model)
    where = paths[0].parent / WORKSPACE
    with ExitStack() as stack:
        stack.enter_context(listening)
        opened = stack.enter_context(open_workspace(where, configs[0]))
        for config in configs:
            exposed.refuse(
                config.access, listening.getsockname()[0], model=config.model, production=opened.production, allowed=options.allow
            )
        certificate = configs[0].access.tls
        secure = None if certificate is None else tls.kept(certificate, opened.root)
        names = [path.name.removesuffix(".serving.json") for path in paths]
        beyond = exposed.is_exposed(listening.getsockname()[0])
        members = [_member(name, config, opened, where, beyond=beyond) for name, config in zip(names, found, strict=True)]
        return _answer(members, listening, where, secure)


def _refuse_unlike(configs: Sequence[ServingConfig]) -> None:
    """HeadraceError `several-certificates`: one port speaks with one certificate, or with none."""
    said = {config.access.tls: config.model for config in configs}
    if len(said) > 1:
        one, other = list(said.values())[:2]
        message = f"model/{one} and model/{other} say different things of `tls`, and one process answers for both on one port"
        raise HeadraceError(
            Diagnostic("several-certificates", message, help="write the same `tls` in both, or serve each by itself"), Exit.REFUSED
        )


def _read(path: Path) -> ServingConfig | HeadraceError:
    try:
        return read(ServingConfig, path)
    except HeadraceError as error:
        return error


def _member(name: str, config: ServingConfig | HeadraceError, opened: Workspace, where: Path, *, beyond: bool) -> Member:
    """A model's app, or why there is none."""
    from headrace.serving.application import app

    if isinstance(config, HeadraceError):
        return Member(name, None, config.report.errors[0].message)
    try:
        return Member(config.model, app(config, beside(opened, where, config), exposed=beyond))
    except (HeadraceError, OSError) as error:
        return Member(config.model, None, str(error))


def _protocol(members: Sequence[Member]) -> type[asyncio.Protocol]:
    """How connections are bounded: of one port there is one bound, the widest that a model asks for."""
    from headrace.serving.connections import allow_files, protocol
    from headrace.serving.measures import Measures

    allow_files()
    servers = [member.plane.state.server for member in members if member.plane is not None]
    limits = [server.config.limits for server in servers]
    most = (
        LimitsConfig(connections=max(one.connections for one in limits), time=max(one.time for one in limits)) if limits else LimitsConfig()
    )
    return protocol(most, servers[0].measures if servers else Measures(""))


def _answer(members: Sequence[Member], listening: socket.socket, where: Path, secure: ssl.SSLContext | None) -> int:
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
            ssl_context_factory=None if secure is None else lambda *_: secure,
            loop="uvloop",
            http=_protocol(members),
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
    scheme = "http" if secure is None else "https"
    LOG.info("%s answer on %s://%s:%s", ", ".join(below(member.model) for member in members), scheme, host, port)
    try:
        server.run(sockets=[listening])
    finally:
        with ThreadPoolExecutor(len(shippers) or 1) as pool:
            list(pool.map(Shipper.end, shippers))
    return int(Exit.INTERRUPTED) if signal.SIGINT in received else int(Exit.OK)


if __name__ == "__main__":
    sys.exit(main())
