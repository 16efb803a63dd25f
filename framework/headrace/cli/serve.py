"""`headrace serve`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.completing import models
from headrace.cli.place import json_option, model_of, root_option, serving_of
from headrace.cli.view import show

if TYPE_CHECKING:
    from headrace.compiled import ServingConfig


def serving_config(root: Path, model: str | None) -> ServingConfig:
    """The compiled serving config of the model that is meant; HeadraceError where it was never compiled, or is not served."""
    from headrace.compiled import read_workspace

    return serving_of(root, model_of(read_workspace(root), model))


@click.command("serve")
@click.argument("model", required=False, shell_complete=models)
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
def command(model: str | None, port: int | None, host: str, allow: tuple[str, ...], root: Path, *, as_json: bool) -> None:
    """Serve one MODEL over HTTP until Ctrl-C; the only one of the project, where none is named.

    \b
    Example:
      headrace serve employment --port 8081
      headrace serve employment --host 0.0.0.0 --allow plain-http     # behind a proxy that speaks TLS
    """  # noqa: D301 - click's own mark
    config = serving_config(root, model)
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
