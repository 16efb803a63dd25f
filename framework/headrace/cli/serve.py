"""`headrace serve`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from headrace.cli.place import json_option, model_of, root_option
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError


def serving_config(root: Path, model: str | None) -> Path:
    """The compiled serving config of a model; HeadraceError where it was never compiled."""
    flows = root / "flows"
    try:
        workspace = json.loads((flows / "headrace.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _not_compiled(flows / "headrace.json") from None
    path = flows / f"{model_of(workspace, model)}.serving.json"
    if not path.is_file():
        raise _not_compiled(path)
    return path


def _not_compiled(path: Path) -> HeadraceError:
    return HeadraceError(
        Diagnostic("not-compiled", f"{path} does not exist: it was never compiled", help="type `headrace compile`"), Exit.FAILED
    )


@click.command("serve")
@click.argument("model", required=False)
@click.option("--port", type=click.IntRange(0, 65535), help="The port, in place of the one in the spec; 0 for any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@root_option
@json_option
def command(model: str | None, port: int | None, host: str, root: Path, *, as_json: bool) -> None:
    """Serve one MODEL over HTTP until Ctrl-C; the only one of the project, where none is named.

    \b
    Example:
      headrace serve employment --port 8081
    """  # noqa: D301 - click's own mark
    path = serving_config(root, model)
    config = json.loads(path.read_text(encoding="utf-8"))
    told = {"model": config["model"], "host": host, "port": config["port"] if port is None else port, "pid": os.getpid()}
    show(
        told,
        lambda t: f"model/{t['model']} answers on http://{t['host']}:{t['port']} (docs at /docs) as soon as it is loaded",
        as_json=as_json,
    )
    chosen = [] if port is None else ["--port", str(port)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "headrace.serving", str(path), "--host", host, *chosen])  # noqa: S606 - our own module
