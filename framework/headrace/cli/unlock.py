"""`headrace unlock`: the lock of an apply that died, taken away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from headrace.cli.place import environment_option, json_option, load_project, root_option
from headrace.cli.plan import open_store
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError


@click.command("unlock")
@click.argument("lock_id", metavar="ID")
@environment_option
@root_option
@json_option
def command(lock_id: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Take away the lock with this ID, which the message of a refused apply names.

    A lock of a process that died on this machine needs none of this. On another machine nobody here can tell, so look there first: two
    applies at once would each undo the other's work.

    \b
    Example:
      headrace unlock 0f6f3c1e
    """  # noqa: D301 - click's own mark
    from headrace.identity import local_principal
    from headrace.store import lock

    root = root.resolve()
    with open_store(load_project(root, environment), root) as store:
        if not lock.release(store, lock_id, actor=local_principal(store)):
            raise HeadraceError(
                Diagnostic("no-lock", f"no lock has the id {lock_id}", help="the message of the refused apply names it"), Exit.USAGE
            )
    show({"unlocked": lock_id}, _text, as_json=as_json)


def _text(result: Mapping[str, Any]) -> str:
    return f"Lock {result['unlocked']} is gone."
