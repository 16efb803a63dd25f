"""`headrace models search`: versions of all models, found by what they score, are made by, and have come to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import version_orders
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show, table

if TYPE_CHECKING:
    from headrace.registry.found import Found, Page

_SHOWN = 4
"""Metrics of a version in the text; `--json` has all."""


@click.command("search")
@click.argument("filter", metavar="FILTER", required=False)
@click.option(
    "--order",
    metavar="'NAME [desc]'",
    default="created desc",
    show_default=True,
    shell_complete=version_orders,
    help="By what to sort: metrics.NAME, params.NAME, tags.NAME, created, semver, number … What is missing comes last.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many versions a page has.")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Which page.")
@click.option("--withdrawn", is_flag=True, help="Withdrawn versions, too.")
@click.option("--plan", is_flag=True, help="Say how the database finds them, and by which index.")
@environment_option
@root_option
@json_option
def searched(  # noqa: PLR0917 - what the command takes
    filter: str | None,  # noqa: A002 - the word that is shown
    order: str,
    limit: int,
    page: int,
    environment: str | None,
    root: Path,
    *,
    withdrawn: bool,
    plan: bool,
    as_json: bool,
) -> None:
    """Find the versions for which a condition holds, of all models; all where none is given.

    A condition compares metrics.NAME, params.NAME and tags.NAME, and of the version itself: model, number, semver, stage, alias, algorithm,
    run, created, age; with numbers, durations and texts in quotes, joined by `and`, `or`, `not`. `semver` and `created` have an order.
    What is missing is neither more nor less than anything: such a version is not found.

    \b
    Examples:
      headrace models search "metrics.roc_auc > 0.9 and stage == 'staging'"
      headrace models search "model == 'employment' and semver >= '1.2.0'" --order "semver desc"
      headrace models search "alias == 'champion' and age > 30d" --json
    """  # noqa: D301 - click's own mark
    from headrace.registry import found, wanted

    by = wanted.order(order)
    with open_workspace(root, environment) as workspace:
        result = found.search(workspace.store, filter, order=by, limit=limit, offset=(page - 1) * limit, withdrawn=withdrawn, plan=plan)
        name = workspace.config.environment
    show(_page(result, name, page, limit), _text, as_json=as_json)


def plain(found: Found) -> dict[str, Any]:
    """A version as JSON has it."""
    return {
        "model": found.model,
        "version": found.number,
        "semver": found.semver,
        "stage": found.stage.value,
        "aliases": list(found.aliases),
        "algorithm": found.algorithm,
        "run": found.run_id,
        "created_at": found.created_at.isoformat(),
        "metrics": dict(found.metrics),
        "params": dict(found.params),
        "tags": dict(found.tags),
        "withdrawn": None
        if found.withdrawn_at is None
        else {"at": found.withdrawn_at.isoformat(), "by": found.withdrawn_by, "reason": found.withdrawn_reason},
    }


def _page(found: Page, environment: str, page: int, limit: int) -> dict[str, Any]:
    pages = None if found.total is None else max(1, math.ceil(found.total / limit))
    told = {"environment": environment, "total": found.total, "page": page, "pages": pages}
    return told | {"versions": [plain(item) for item in found.versions]} | ({"plan": list(found.plan)} if found.plan else {})


def _text(result: Mapping[str, Any]) -> str:
    parts = [f"environment {result['environment']}"]
    rows: list[tuple[str, ...]] = [
        (
            f"{item['model']}@{item['version']}",
            item["semver"] or "",
            item["stage"] + (" (withdrawn)" if item["withdrawn"] else ""),
            ", ".join(item["aliases"]),
            item["created_at"][:16].replace("T", " "),
            "  ".join(f"{name} {value:.4f}" for name, value in [*item["metrics"].items()][:_SHOWN])
            + (" …" if len(item["metrics"]) > _SHOWN else ""),
        )
        for item in result["versions"]
    ]
    count = "more than 10,000 versions" if result["total"] is None else f"{result['total']} versions"
    of = "" if result["pages"] is None else f" of {result['pages']}"
    if rows:
        parts.append(table(rows, ("version", "semver", "stage", "aliases", "made", "metrics")))
        parts.append(f"page {result['page']}{of}, {count}")
    else:
        parts.append("no version" if result["total"] == 0 else f"no version on page {result['page']}{of}")
    if "plan" in result:
        parts.append("\n".join(["the database:", *(f"  {line}" for line in result["plan"])]))
    return "\n\n".join(parts)
