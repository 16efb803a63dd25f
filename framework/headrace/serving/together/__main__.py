"""`python -m headrace.serving.together flows/A.serving.json flows/B.serving.json`: several models' server, with a shipper for each."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.compiled import WORKSPACE, LimitsConfig, ReplicasConfig, ServingConfig, WorkspaceConfig, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, logs
from headrace.serving import beforehand, exposed
from headrace.serving.__main__ import ALONE, fleet_of, how_many, listen, started, take, work
from headrace.serving.fleet import oversee, single_threaded, told
from headrace.serving.process import GRACE, Ending, Face, Told, leave, run
from headrace.serving.shipper import Shipper

if TYPE_CHECKING:
    import ssl

    from headrace.serving.together.application import Member
    from headrace.serving.workspace import Workspace

LOG = logging.getLogger("headrace.serving")

Found = ServingConfig | HeadraceError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headrace.serving.together", description=__doc__)
    parser.add_argument("configs", type=Path, nargs="+", help="the compiled flows/NAME.serving.json of each model")
    take(parser)
    options = parser.parse_args(arguments)
    logs.configure("serve-together")
    os.environ.update(single_threaded())  # before anything that reads it is loaded
    ending, paths = Ending(options.drain, options.grace), list(dict.fromkeys(options.configs))
    try:
        if options.worker is not None:
            work(options.worker, lambda listening, control: _answer(paths, listening, ending, control))
        os.environ.pop(told.METRICS, None)  # a folder of counts that is somebody else's
        return _serve(paths, ending, options)
    except HeadraceError as error:
        print("\n".join(beforehand.told(error)), file=sys.stderr)  # noqa: T201 - a process's own log
        return int(error.code)


def _serve(paths: Sequence[Path], ending: Ending, options: argparse.Namespace) -> int:
    configs = _readable([_read(path) for path in paths])
    _refuse_unlike(configs)
    first, workspace = configs[0], read(WorkspaceConfig, paths[0].parent / WORKSPACE)
    # What one model lacks keeps none of the others from answering: it is told of at its paths.
    beforehand.check(workspace, [], paths[0].resolve().parent.parent, first.access.tls)
    with listen(options.host, first.port if options.port is None else options.port, first.model) as listening:
        host, port = listening.getsockname()[:2]
        for config in configs:
            exposed.refuse(config.access, host, model=config.model, production=workspace.production, allowed=options.allow)
        replicas = options.workers or together(configs)
        one = replicas.max == 1 and replicas.memory is None
        names = ", ".join(f"model/{config.model}" for config in configs)
        scheme = "http" if first.access.tls is None else "https"
        by = "1 process" if one else f"{how_many(replicas)} processes"
        says = partial(LOG.info, "%s %s on %s://%s:%s, by %s", names, "answers" if len(configs) == 1 else "answer", scheme, host, port, by)
        shippers = [Shipper(paths[0].parent / WORKSPACE, config.model) for config in configs]
        for shipper in shippers:
            shipper.start()
        try:
            if one:
                return _answer(paths, listening, ending, says)
            command = ["headrace.serving.together", *map(str, paths)]
            fleet = fleet_of(paths[0], first.model, listening, replicas, ending, lambda *sockets: started(command, ending, sockets), says)
            return oversee(fleet)
        finally:
            with ThreadPoolExecutor(len(shippers)) as pool:
                list(pool.map(lambda shipper: shipper.end(max(0.0, ending.grace - GRACE)), shippers))


def together(configs: Sequence[ServingConfig]) -> ReplicasConfig:
    """How many processes answer for all: the most that a model asks for. Each holds all models, so their memory is added up, where all
    say how much they may take."""  # noqa: D205, D209 - two sentences
    asked = [config.replicas or ALONE for config in configs]
    memory = [one.memory for one in asked if one.memory is not None]
    least = max(one.min for one in asked)
    return ReplicasConfig(min=least, max=max(least, *(one.max for one in asked)), memory=sum(memory) if len(memory) == len(asked) else None)


def _refuse_unlike(configs: Sequence[ServingConfig]) -> None:
    """HeadraceError `several-certificates`: one port speaks with one certificate, or with none."""
    said = {config.access.tls: config.model for config in configs}
    if len(said) > 1:
        one, other = list(said.values())[:2]
        message = f"model/{one} and model/{other} say different things of `tls`, and one process answers for both on one port"
        raise HeadraceError(
            Diagnostic("several-certificates", message, help="write the same `tls` in both, or serve each by itself"), Exit.REFUSED
        )


def _read(path: Path) -> Found:
    try:
        return read(ServingConfig, path)
    except HeadraceError as error:
        return error


def _readable(found: Sequence[Found]) -> list[ServingConfig]:
    """Those that can be read; the first fault where none can."""
    configs = [config for config in found if isinstance(config, ServingConfig)]
    if not configs:
        raise next(fault for fault in found if isinstance(fault, HeadraceError))
    return configs


def _answer(paths: Sequence[Path], listening: socket.socket, ending: Ending, whom: Told) -> int:
    """Answer on the bound socket until a signal, or until its supervisor says so; the exit code."""
    from headrace.serving import tls
    from headrace.serving.workspace import open_workspace

    found, where = [_read(path) for path in paths], paths[0].parent / WORKSPACE
    configs = _readable(found)
    with open_workspace(where, configs[0]) as opened:
        certificate = configs[0].access.tls
        secure = None if certificate is None else tls.kept(certificate, opened.root)
        names = [path.name.removesuffix(".serving.json") for path in paths]
        beyond = exposed.is_exposed(listening.getsockname()[0])
        members = [_member(name, config, opened, where, beyond=beyond) for name, config in zip(names, found, strict=True)]
        return run(_face(members, secure, beyond=beyond), listening, ending, whom)


def _member(name: str, config: Found, opened: Workspace, where: Path, *, beyond: bool) -> Member:
    """A model's app, or why there is none."""
    from headrace.serving.application import app
    from headrace.serving.together.application import Member
    from headrace.serving.workspace import beside

    if isinstance(config, HeadraceError):
        return Member(name, None, config.report.errors[0].message)
    try:
        return Member(config.model, app(config, beside(opened, where, config), exposed=beyond))
    except (HeadraceError, OSError) as error:
        return Member(config.model, None, str(error))


def _face(members: Sequence[Member], secure: ssl.SSLContext | None, *, beyond: bool) -> Face:
    """All of them on one port, of which there is one bound: the widest that a model asks for."""
    from headrace.serving.measures import Measures
    from headrace.serving.together.application import Together

    servers = [member.plane.state.server for member in members if member.plane is not None]
    limits = [server.config.limits for server in servers]
    most = (
        LimitsConfig(connections=max(one.connections for one in limits), time=max(one.time for one in limits)) if limits else LimitsConfig()
    )
    made = Together(members, exposed=beyond)
    return Face(made, servers, most, servers[0].measures if servers else Measures(""), secure, made.nows)


if __name__ == "__main__":
    leave(main())
