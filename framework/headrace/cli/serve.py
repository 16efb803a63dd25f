"""`headrace serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.completing import models
from headrace.cli.place import json_option, model_of, root_option, serving_of
from headrace.cli.view import print_report, show
from headrace.diagnostics import Diagnostic, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.compiled import ServingConfig


def serving_config(root: Path, model: str | None) -> ServingConfig:
    """The compiled serving config of the model that is meant; HeadraceError where it was never compiled, or is not served."""
    from headrace.compiled import read_workspace

    return serving_of(root, model_of(read_workspace(root), model))


@click.command("serve")
@click.argument("names", metavar="[MODEL]...", nargs=-1, shell_complete=models)
@click.option("--all", "every", is_flag=True, help="Every model of the project that is served.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port, in place of the one in the spec; 0 for any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(("anonymous", "plain-http")),
    help="Listen beyond loopback without `auth`, or in production without `tls`; may be given again.",
)
@root_option
@json_option
def command(names: tuple[str, ...], port: int | None, host: str, allow: tuple[str, ...], root: Path, *, every: bool, as_json: bool) -> None:
    """Serve a MODEL over HTTP until Ctrl-C; the only one of the project, where none is named.

    Several models, or --all, are answered by one process on the first one's port, each below /models/NAME.

    \b
    Example:
      headrace serve employment --port 8081
      headrace serve employment --host 0.0.0.0 --allow plain-http     # behind a proxy that speaks TLS
      headrace serve employment income
    """  # noqa: D301 - click's own mark
    if every and names:
        raise click.UsageError("name models, or give `--all`, not both")
    if every or len(names) > 1:
        _together(root, names, port, host, allow, as_json=as_json)
        return
    config = serving_config(root, names[0] if names else None)
    _warn(root, [config.model])
    path = root / "flows" / f"{config.model}.serving.json"
    scheme = "http" if config.access.tls is None else "https"
    told = {"model": config.model, "scheme": scheme, "host": host, "port": config.port if port is None else port, "pid": os.getpid()}
    show(
        told,
        lambda t: f"model/{t['model']} answers on {t['scheme']}://{t['host']}:{t['port']} (docs at /docs) as soon as it is loaded",
        as_json=as_json,
    )
    chosen = [*([] if port is None else ["--port", str(port)]), *(word for name in allow for word in ("--allow", name))]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "headrace.serving", str(path), "--host", host, *chosen])  # noqa: S606 - our own module


def _warn(root: Path, models: Sequence[str]) -> None:
    """Say on stderr where the specs are newer than what will be served."""
    from headrace.cli.behind import behind

    found = behind(root, models)
    if found is not None:
        print_report(Report([found]))


def _together(root: Path, names: tuple[str, ...], port: int | None, host: str, allow: tuple[str, ...], *, as_json: bool) -> None:
    """One process for several models, or for all that are served."""
    from headrace.compiled import read_workspace

    known = read_workspace(root)
    found = {name: root / "flows" / f"{name}.serving.json" for name in map(partial(model_of, known), names or known.models)}
    # One that cannot be read is told of by the server, which answers for the others; a name without a server is a slip.
    paths = {name: path for name, path in found.items() if names or path.exists()}
    if not paths:
        raise HeadraceError(
            Diagnostic("not-served", "no model of the project has a compiled serving config", help="type `headrace compile`")
        )
    for name in (name for name, path in paths.items() if not path.exists()):
        serving_of(root, name)
    chosen = list(paths)
    first = next(_readable(root, chosen))
    _warn(root, chosen)
    port, scheme = first.port if port is None else port, "http" if first.access.tls is None else "https"
    told = {"models": chosen, "scheme": scheme, "host": host, "port": port, "pid": os.getpid()}
    show(
        told,
        lambda t: "\n".join(
            f"model/{name} answers below {t['scheme']}://{t['host']}:{t['port']}/models/{name} as soon as it is loaded"
            for name in t["models"]
        ),
        as_json=as_json,
    )
    sys.stdout.flush()
    command = ["-m", "headrace.serving.together", *map(str, paths.values()), "--host", host, "--port", str(port)]
    command += [word for name in allow for word in ("--allow", name)]
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - our own module


def _readable(root: Path, names: Sequence[str]) -> Iterator[ServingConfig]:
    """Of the configs that can be read; HeadraceError where none can."""
    fault = None
    for name in names:
        try:
            yield serving_of(root, name)
        except HeadraceError as error:
            fault = fault or error
    if fault is not None:
        raise fault
