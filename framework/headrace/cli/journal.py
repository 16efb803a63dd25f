"""`headrace journal`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import json_option, model_of, open_workspace, root_option, serving_of
from headrace.cli.view import show, table

if TYPE_CHECKING:
    from headrace.store.tables import Prediction


@click.command("journal")
@click.argument("model", required=False, shell_complete=models)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many predictions, newest first.")
@click.option("--decrypt", is_flag=True, help="Show what encrypted inputs were; it needs the keys that `serving.journal` names.")
@root_option
@json_option
def command(model: str | None, limit: int, root: Path, *, decrypt: bool, as_json: bool) -> None:
    """Show what a MODEL's servers answered lately, as far as it was shipped; the only model of the project, where none is named.

    \b
    Example:
      headrace journal employment --limit 5 --decrypt
    """  # noqa: D301 - click's own mark
    from sqlmodel import col, select

    from headrace.compiled import read_workspace
    from headrace.journal import subjects
    from headrace.secrets import Secrets
    from headrace.serving.journalled import keys
    from headrace.store.tables import Prediction

    name = model_of(read_workspace(root), model)
    given = keys(serving_of(root, name).journal, Secrets(root)) if decrypt else None
    with open_workspace(root) as workspace, workspace.store.read() as session:
        rows = session.exec(select(Prediction).where(Prediction.model == name).order_by(col(Prediction.seq).desc()).limit(limit)).all()
        opening = None if given is None else subjects.Opening(session, given)
        told = {"model": name, "predictions": [_told(row, opening) for row in rows]}
    show(told, _text, as_json=as_json)


def _told(row: Prediction, keys: Mapping[str, bytes] | None) -> dict[str, Any]:
    inputs = row.inputs if keys is None else {name: opened(keys, row.id, name, value) for name, value in row.inputs.items()}
    kept = ("id", "version", "arm", "entity", "at", "recorded_at", "latency_us", "output", "answer", "error", "unseen")
    return {**{name: getattr(row, name) for name in kept}, "inputs": inputs}


def opened(keys: Mapping[str, bytes], record_id: str, column: str, value: object) -> object:
    """A journalled input as it was, or when it was erased; HeadraceError `personal-key`."""
    from headrace.diagnostics import Diagnostic, Exit, HeadraceError
    from headrace.journal.personal import Erased, decrypt

    try:
        return decrypt(keys, record_id, column, value)
    except Erased as error:
        return {"erased": error.at.isoformat(timespec="seconds")}
    except KeyError as error:
        message = f"`{column}` of {record_id} was encrypted by the key {error}, and `encryption_keys` has none of that id"
        raise HeadraceError(Diagnostic("personal-key", message, help="name the old key behind the new one"), Exit.INVALID) from None
    except ValueError as error:
        raise HeadraceError(Diagnostic("personal-key", f"`{column}` of {record_id}: {error}"), Exit.INVALID) from None


def _text(told: Mapping[str, Any]) -> str:
    if not told["predictions"]:
        return f"nothing that model/{told['model']} answered is in the store yet"
    rows: list[tuple[str, ...]] = [
        (
            str(row["at"]),
            f"v{row['version']}",
            row["arm"],
            row["entity"],
            str(row["error"] or row["answer"] or row["output"]),
            str(row["inputs"]),
        )
        for row in told["predictions"]
    ]
    return table(rows, ("at", "version", "arm", "entity", "answer", "inputs"))
