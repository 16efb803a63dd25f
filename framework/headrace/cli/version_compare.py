"""`headrace models compare`: versions beside one another, as text, JSON or a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import versions
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.version_address import version_of
from headrace.cli.view import show, table
from headrace.cli.whole import write

if TYPE_CHECKING:
    from headrace.registry.difference import Difference

_WIDEST = 60


@click.command("compare")
@click.argument("version", nargs=-1, required=True, metavar="MODEL@VERSION...", shell_complete=versions)
@click.option("--all", "everything", is_flag=True, help="Keys that are the same, too.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write all of it into a page that stands alone."
)
@environment_option
@root_option
@json_option
def compared(version: tuple[str, ...], html: Path | None, environment: str | None, root: Path, *, everything: bool, as_json: bool) -> None:
    """Hold versions beside the first one: params, metrics, signature, data, spec, code and environment.

    A version is MODEL@ and its number, SemVer or alias. Code is compared file by file, the environment package by package.
    `headrace runs compare` says how sure a difference of metrics is.

    \b
    Examples:
      headrace models compare employment@3 employment@5
      headrace models compare employment@champion employment@candidate --html difference.html
    """  # noqa: D301 - click's own mark
    from headrace.registry import difference, page

    with open_workspace(root, environment) as workspace:
        with workspace.store.read() as session:
            found = [version_of(workspace.config, session, which) for which in version]
        told = difference.compare(workspace.store, found)
        name = workspace.config.environment
    if html is not None:
        write(html, page.page(told).encode())
    show(_result(told, name), lambda result: _text(result, everything=everything), as_json=as_json)


def _result(found: Difference, environment: str) -> dict[str, Any]:
    from headrace.registry.difference import ABSENT

    return {
        "environment": environment,
        "versions": [
            {"model": item.model, "version": item.number, "manifest": item.manifest_digest, "digest": item.model_digest}
            for item in found.versions
        ],
        "keys": [
            {
                "section": row.section.value,
                "name": row.name,
                "same": row.same,
                "values": [None if item is ABSENT else item for item in row.values],
                "absent": [place for place, item in enumerate(row.values) if item is ABSENT],
                "change": row.change,
            }
            for row in found.rows
        ],
        "unread": list(found.unread),
    }


def _text(result: Mapping[str, Any], *, everything: bool) -> str:
    names = [f"{item['model']}@{item['version']}" for item in result["versions"]]
    parts = [f"environment {result['environment']}"]
    for section in dict.fromkeys(key["section"] for key in result["keys"]):
        keys = [key for key in result["keys"] if key["section"] == section]
        other = [key for key in keys if not key["same"]]
        head = f"{section}: {len(other)} of {len(keys)} differ" if other else f"{section}: the same ({len(keys)})"
        rows = [_row(key) for key in (keys if everything else other)]
        parts.append("\n".join([head, table(rows, ("  key", *names, "change"))] if rows else [head]))
    return "\n\n".join([*parts, *result["unread"]])


def _row(key: Mapping[str, Any]) -> tuple[str, ...]:
    cells = ["(absent)" if place in key["absent"] else _cell(value) for place, value in enumerate(key["values"])]
    change = "" if key["change"] is None or key["same"] else f"{key['change']:+.6g}"
    return (f"  {key['name']}", *cells, change)


def _cell(value: Any) -> str:  # noqa: ANN401 - JSON
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if text.startswith("sha256:"):
        return text[:19]
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
