"""`python -m headrace.serving flows/NAME.serving.json`: one model's server, of one process or several, and the shipper of its journal."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from headrace.compiled import WORKSPACE, ReplicasConfig, ServingConfig, WorkspaceConfig, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, logs
from headrace.serving import beforehand, exposed
from headrace.serving.exposed import ALLOWED
from headrace.serving.fleet import Fleet, Limits, oversee, single_threaded, told
from headrace.serving.fleet.words import Failed, line
from headrace.serving.process import GRACE, Ending, answer, leave
from headrace.serving.shipper import Shipper

ALONE = ReplicasConfig()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    options = _options(arguments)
    logs.configure(f"serve-{options.config.name.removesuffix('.serving.json')}")
    os.environ.update(single_threaded())  # before anything that reads it is loaded
    try:
        if options.worker is not None:
            _work(options)
        os.environ.pop(told.METRICS, None)  # a folder of counts that is somebody else's
        return _serve(options)
    except HeadraceError as error:
        print("\n".join(beforehand.told(error)), file=sys.stderr)  # noqa: T201 - a process's own log
        return int(error.code)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.serving", description=__doc__)
    parser.add_argument("config", type=Path, help="the compiled flows/NAME.serving.json")
    take(parser)
    return parser.parse_args(arguments)


def take(parser: argparse.ArgumentParser) -> None:
    """The options of a server, of one model or of several."""
    parser.add_argument("--port", type=int, help="the port, in place of the config's; 0 for any that is free")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--workers",
        type=_workers,
        metavar="LEAST[:MOST]",
        help="how many processes answer, in place of the config's `replicas`; 1 where something else starts and counts them",
    )
    parser.add_argument(
        "--drain",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long it goes on accepting after SIGTERM while /health/ready says that it ends, for a balancer that asks (default: 0)",
    )
    parser.add_argument(
        "--grace",
        type=_seconds,
        default=GRACE,
        metavar="SECONDS",
        help="how long it then has for what is in flight and for the journal (default: %(default)s)",
    )
    parser.add_argument("--allow", action="append", default=[], choices=ALLOWED, help="listen beyond loopback all the same")
    parser.add_argument("--worker", type=_sockets, help=argparse.SUPPRESS)


def _workers(text: str) -> ReplicasConfig:
    least, _, most = text.partition(":")
    try:
        found = ReplicasConfig(min=int(least), max=int(most or least))
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of processes, such as 1 or 1:4") from None
    if found.max < found.min:
        raise argparse.ArgumentTypeError(f"at least {found.min} are more than at most {found.max}")
    return found


def _seconds(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal():
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds")
    return float(text)


def _sockets(text: str) -> tuple[int, int]:
    listening, control = text.split(",")
    return int(listening), int(control)


def _serve(options: argparse.Namespace) -> int:
    path: Path = options.config
    config, workspace = read(ServingConfig, path), read(WorkspaceConfig, path.parent / WORKSPACE)
    beforehand.check(workspace, [config], path.resolve().parent.parent, config.access.tls)
    # Bound before anything is loaded: whoever asked for a taken port learns it at once.
    listening = listen(options.host, config.port if options.port is None else options.port, config.model)
    with listening:
        address = listening.getsockname()[0]
        exposed.refuse(config.access, address, model=config.model, production=workspace.production, allowed=options.allow)
        return _answering(options, config, listening)


def _answering(options: argparse.Namespace, config: ServingConfig, listening: socket.socket) -> int:
    path: Path = options.config
    ending = Ending(options.drain, options.grace)
    shipper = Shipper(path.parent / WORKSPACE, config.model)
    replicas = options.workers or config.replicas or ALONE
    if replicas.max == 1 and replicas.memory is None:
        return _alone(config, path, listening, ending, shipper)
    host, port = listening.getsockname()[:2]
    says = partial(_say, "model/%s answers on %s://%s:%s, by %s processes", config.model, _scheme(config), host, port, how_many(replicas))
    fleet = fleet_of(path, config.model, listening, replicas, ending, lambda *sockets: _worker(path, ending, sockets), says)
    shipper.start()
    try:
        return oversee(fleet)
    finally:
        shipper.end(max(0.0, ending.grace - GRACE))


def fleet_of(  # noqa: PLR0917 - what a fleet is made of
    path: Path,
    model: str,
    listening: socket.socket,
    replicas: ReplicasConfig,
    ending: Ending,
    command: Callable[[int, int], Sequence[str]],
    says: Callable[[], None],
) -> Fleet:
    """The workers on a bound socket, which `command` starts; `path` is a compiled config of their project, `model` what they go by.

    `says` that they answer: it is called once, when the first of them does.
    """
    return Fleet(
        command,
        listening,
        Limits(replicas.min, replicas.max, replicas.memory),
        where=told.folder(path.resolve().parent.parent, model, listening.getsockname()[1]),
        grace=ending.within,
        says=says,
    )


def how_many(replicas: ReplicasConfig) -> str:
    """`3`, or `1 to 3`."""
    return f"{replicas.min} to {replicas.max}" if replicas.max > replicas.min else str(replicas.max)


def _alone(config: ServingConfig, path: Path, listening: socket.socket, ending: Ending, shipper: Shipper) -> int:
    from headrace.serving.workspace import open_workspace

    with open_workspace(path.parent / WORKSPACE, config) as workspace:
        shipper.start()
        says = partial(_say, "model/%s answers on %s://%s:%s", config.model, _scheme(config), *listening.getsockname()[:2])
        try:
            return answer(config, workspace, listening, ending, says)
        finally:
            shipper.end(max(0.0, ending.grace - GRACE))


def _scheme(config: ServingConfig) -> str:
    return "http" if config.access.tls is None else "https"


def _worker(path: Path, ending: Ending, sockets: Sequence[int]) -> list[str]:
    return started(["headrace.serving", str(path)], ending, sockets)


def started(module: Sequence[str], ending: Ending, sockets: Sequence[int]) -> list[str]:
    """What starts a worker: a process of its own from the first, since one that was forked would share what it must not."""
    command = [sys.executable, "-m", *module, "--worker", ",".join(map(str, sockets))]
    return [*command, "--drain", str(ending.announce), "--grace", str(ending.grace)]


def _work(options: argparse.Namespace) -> NoReturn:
    def as_one(listening: socket.socket, control: socket.socket) -> int:
        from headrace.serving.workspace import open_workspace

        path: Path = options.config
        config = read(ServingConfig, path)
        with open_workspace(path.parent / WORKSPACE, config) as workspace:
            return answer(config, workspace, listening, Ending(options.drain, options.grace), control)

    work(options.worker, as_one)


def work(sockets: Sequence[int], as_one: Callable[[socket.socket, socket.socket], int]) -> NoReturn:
    """Answer as one of several on inherited sockets, and end the process; its supervisor is told why where it cannot."""
    listening, control = (socket.socket(fileno=number) for number in sockets)
    try:
        code = as_one(listening, control)
    except Exception as error:
        control.sendall(line(Failed(f"{type(error).__name__}: {error}" if not isinstance(error, HeadraceError) else str(error))))
        raise
    leave(code)


def _say(text: str, *values: object) -> None:
    logging.getLogger("headrace.serving").info(text, *values)


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


if __name__ == "__main__":
    leave(main())
