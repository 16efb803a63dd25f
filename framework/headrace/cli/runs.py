"""`headrace runs`: tracked runs, found by what they were asked for and measured, and held beside one another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import experiments, orders, runs
from headrace.cli.mirror import announced, pulled, pushed
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show, table

if TYPE_CHECKING:
    from headrace.steps.workspace import Workspace
    from headrace.tracking import Comparison, Found, Page

_SHOWN = 6
"""Metrics of a run in a list; `show` and `--json` have all."""
_POINTS = 20
"""Points of a history that the text shows."""

order_option = click.option(
    "--order",
    metavar="'NAME [desc]'",
    default="started desc",
    show_default=True,
    shell_complete=orders,
    help="By what to sort: metrics.NAME, params.NAME, tags.NAME, started, seconds … NaN and missing come last.",
)
limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many runs a page has.")
page_option = click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Which page.")


@click.group("runs")
def command() -> None:
    """Find, show and compare tracked runs: trainings, and what notebooks track; mirror them to a tracking server.

    \b
    Examples:
      headrace runs list
      headrace runs search "metrics.roc_auc > 0.9 and params.learning_rate <= 0.1 and status == 'finished'"
      headrace runs show 019a
      headrace runs compare 019a 019b
    """  # noqa: D301 - click's own mark


@command.command("list")
@click.argument("experiment", required=False, shell_complete=experiments)
@order_option
@limit_option
@page_option
@environment_option
@root_option
@json_option
def listed(*, experiment: str | None, order: str, limit: int, page: int, environment: str | None, root: Path, as_json: bool) -> None:
    """List runs, the newest first.

    EXPERIMENT is a model's name, or the name that a notebook gave; all where it is not given.

    \b
    Examples:
      headrace runs list employment
      headrace runs list --order "metrics.roc_auc desc" --limit 5
    """  # noqa: D301 - click's own mark
    _search(root=root, environment=environment, experiment=experiment, order=order, limit=limit, page=page, as_json=as_json)


@command.command("search")
@click.argument("filter", metavar="FILTER")
@click.option("--experiment", metavar="NAME", shell_complete=experiments, help="Only runs of this experiment.")
@order_option
@limit_option
@page_option
@environment_option
@root_option
@json_option
def searched(
    *,
    filter: str,  # noqa: A002 - the word that is shown
    experiment: str | None,
    order: str,
    limit: int,
    page: int,
    environment: str | None,
    root: Path,
    as_json: bool,
) -> None:
    """Find the runs for which a condition holds.

    A condition compares metrics.NAME, params.NAME, tags.NAME and digests.NAME, and of the run itself: id, experiment, name, model, flow,
    parent, status, actor, version, seconds, age; with numbers, durations and texts in quotes, joined by `and`, `or`, `not`. A metric counts
    by its last value. What is missing or NaN is neither more nor less than anything: such a run is not found.

    \b
    Examples:
      headrace runs search "metrics.roc_auc > 0.9 and params.learning_rate <= 0.1"
      headrace runs search "tags.owner == 'ana' and status == 'failed' and age < 7d" --order "seconds desc"
    """  # noqa: D301 - click's own mark
    _search(root=root, environment=environment, filter=filter, experiment=experiment, order=order, limit=limit, page=page, as_json=as_json)


@command.command("show")
@click.argument("run", shell_complete=runs)
@environment_option
@root_option
@json_option
def shown(run: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Show one run: params, every value of its metrics, what it left and what it was made of.

    RUN is its id, or a beginning of it that no other has.

    \b
    Example:
      headrace runs show 019a
    """  # noqa: D301 - click's own mark
    from headrace import tracking

    with open_workspace(root, environment) as workspace:
        tracking.reap(workspace.store, workspace.actor)
        found = tracking.get(workspace.store, run)
        points = tracking.history(workspace.store, found.id)
        below = tracking.children(workspace.store, found.id)
    result = {
        **_plain(found),
        "children": below,
        "history": {
            name: [{"step": item.step, "value": _number(item.value), "at": item.at.isoformat()} for item in items]
            for name, items in points.items()
        },
    }
    show(result, _run_text, as_json=as_json)


@command.command("compare")
@click.argument("run", nargs=-1, required=True, shell_complete=runs)
@click.option("--metric", "metrics", metavar="NAME", multiple=True, help="Test only this metric; may be given again.")
@environment_option
@root_option
@json_option
def compared(run: tuple[str, ...], metrics: tuple[str, ...], environment: str | None, root: Path, *, as_json: bool) -> None:
    """Hold runs beside the first one: every key that any has, and how sure the differences are.

    Metrics are tested on the held-out rows that both runs answered, matched by entity and time: `accuracy` by McNemar's exact test,
    `roc_auc` by DeLong's, any other by a paired bootstrap, which draws whole entities where one has several rows. Bounds are of 95 %, each
    alone; what a difference is goes by p as Holm corrects it for all that was tested.

    \b
    Examples:
      headrace runs compare 019a 019b
      headrace runs compare 019a 019b 019c --metric roc_auc --json
    """  # noqa: D301 - click's own mark
    from headrace import tracking

    with open_workspace(root, environment) as workspace:
        tracking.reap(workspace.store, workspace.actor)
        found = [tracking.get(workspace.store, which) for which in run]
        compared = tracking.compare(workspace.store, found, _tested(workspace, found, metrics))
    show(_compared(compared), _compare_text, as_json=as_json)


command.add_command(pushed)
command.add_command(announced)
command.add_command(pulled)


def _search(
    *,
    root: Path,
    environment: str | None,
    filter: str | None = None,  # noqa: A002 - the word that is shown
    experiment: str | None,
    order: str,
    limit: int,
    page: int,
    as_json: bool,
) -> None:
    from headrace import tracking

    by = tracking.order(order)
    with open_workspace(root, environment) as workspace:
        tracking.reap(workspace.store, workspace.actor)
        found = tracking.search(workspace.store, filter, experiment=experiment, order=by, limit=limit, offset=(page - 1) * limit)
        name = workspace.config.environment
    show(_page(found, name, page, limit), _list_text, as_json=as_json)


def _tested(workspace: Workspace, found: Sequence[Found], named: tuple[str, ...]) -> dict[str, Any]:
    """The metrics of answers that are tested, as the first run's task asks them: those named, or those that all of the runs have."""
    from headrace import registry
    from headrace.diagnostics import Diagnostic, Exit, HeadraceError
    from headrace.hooks import Answers
    from headrace.hooks.asking import asking

    offered = {name: metric for name, metric in workspace.plugins.metrics.items() if metric.needs in ("probability", "number", "quantiles")}
    if unknown := sorted(set(named) - set(offered)):
        message = f"`{unknown[0]}` is no metric that two runs can be tested by"
        raise HeadraceError(Diagnostic("unknown-metric", message, help=f"there are: {', '.join(sorted(offered))}"), Exit.USAGE)
    wanted = named or [name for name in offered if all(name in item.metrics for item in found)]
    answers, first = Answers(), found[0]
    if first.model is not None and first.version is not None:
        with workspace.store.read() as session:
            answers = Answers.of(registry.get(session, first.model, first.version).manifest)
    return {name: asking(offered[name], answers) for name in wanted}


def _number(value: float | None) -> float | str | None:
    """A number as JSON has it; it has no word for NaN and the infinities, which are told as texts."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _json(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case bool():
            return value
        case float():
            return _number(value)
        case dict():
            return {name: _json(item) for name, item in value.items()}
        case list():
            return [_json(item) for item in value]
    return value


def _plain(run: Found) -> dict[str, Any]:
    return {
        "id": run.id,
        "experiment": run.experiment,
        "name": run.name,
        "model": run.model,
        "version": run.version,
        "flow": run.flow,
        "parent": run.parent,
        "status": run.status.value,
        "started_at": run.started_at.isoformat(),
        "ended_at": None if run.ended_at is None else run.ended_at.isoformat(),
        "seconds": run.seconds,
        "actor": run.actor,
        "error": run.error,
        "dataset": run.dataset,
        "params": _json(run.params),
        "metrics": {name: {"value": _number(last.value), "step": last.step, "n": last.n} for name, last in run.metrics.items()},
        "tags": _json(run.tags),
        "digests": run.digests,
        "artifacts": [{"name": item.name, "version": item.version, "digest": item.digest, "size": item.size} for item in run.artifacts],
    }


def _page(found: Page, environment: str, page: int, limit: int) -> dict[str, Any]:
    pages = max(1, math.ceil(found.total / limit))
    return {"environment": environment, "total": found.total, "page": page, "pages": pages, "runs": [_plain(run) for run in found.runs]}


def _compared(result: Comparison) -> dict[str, Any]:
    from headrace.tracking import MISSING

    return {
        "runs": [_plain(run) for run in result.runs],
        "keys": [
            {
                "kind": row.kind,
                "name": row.name,
                "same": row.same,
                "values": [None if item is MISSING else _json(item) for item in row.values],
                "missing": [run.id for run, item in zip(result.runs, row.values, strict=True) if item is MISSING],
            }
            for row in result.rows
        ],
        "paired": [
            {
                "metric": item.metric,
                "first": item.first,
                "second": item.second,
                "test": item.tested.test,
                "difference": _number(item.tested.estimate),
                "low": _number(item.tested.low),
                "high": _number(item.tested.high),
                "confidence": item.tested.confidence,
                "p": item.tested.p,
                "p_adjusted": item.p_adjusted,
                "n": item.n,
                "says": item.says,
            }
            for item in result.paired
        ],
        "shared": [asdict(item) | {"left_out": item.left_out} for item in result.shared],
        "untested": [{"first": item.first, "second": item.second, "metric": item.metric, "why": item.why} for item in result.untested],
    }


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, float):
        return f"{value:.6g}"
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list_text(result: Mapping[str, Any]) -> str:
    head = f"environment {result['environment']}"
    if not result["runs"]:
        return f"{head}\n\nno run" + (f" on page {result['page']} of {result['pages']}" if result["total"] else "")
    rows: list[tuple[str, ...]] = [
        (
            run["id"],
            run["experiment"] + (f" v{run['version']}" if run["version"] is not None else ""),
            run["status"],
            run["started_at"][:19].replace("T", " "),
            "" if run["seconds"] is None else f"{run['seconds']:.1f} s",
            "  ".join(f"{name} {_text(last['value'])}" for name, last in [*run["metrics"].items()][:_SHOWN])
            + (" …" if len(run["metrics"]) > _SHOWN else ""),
        )
        for run in result["runs"]
    ]
    told = table(rows, ("run", "experiment", "status", "started", "took", "metrics"))
    return f"{head}\n\n{told}\n\npage {result['page']} of {result['pages']}, {result['total']} runs"


def _run_text(run: Mapping[str, Any]) -> str:
    lines = [f"run {run['id']}" + (f" ({run['name']})" if run["name"] else "")]
    lines += [f"  {name}: {run[key]}" for name, key in _LINES if run[key] is not None]
    for title, values in (("params", run["params"]), ("tags", run["tags"]), ("digests", run["digests"])):
        if values:
            lines += [f"{title}:", *(f"  {name}: {_text(value)}" for name, value in values.items())]
    if run["history"]:
        lines.append("metrics:")
        for name, points in run["history"].items():
            last = run["metrics"][name]
            lines.append(f"  {name}: {_text(last['value'])}")
            if len(points) > 1:
                told = [f"{item['step']}: {_text(item['value'])}" for item in points[-_POINTS:]]
                lines.append(f"    {'… ' if len(points) > _POINTS else ''}{'  '.join(told)}")
    if run["artifacts"]:
        lines += ["artifacts:", *(f"  {item['name']} v{item['version']}: {item['digest']}" for item in run["artifacts"])]
    if run["children"]:
        lines += ["children:", *(f"  {id_}" for id_ in run["children"])]
    return "\n".join(lines)


_LINES = (
    ("experiment", "experiment"),
    ("model", "model"),
    ("version", "version"),
    ("status", "status"),
    ("error", "error"),
    ("parent", "parent"),
    ("by", "actor"),
    ("started", "started_at"),
    ("ended", "ended_at"),
    ("seconds", "seconds"),
)
"""What `show` tells first, and under which name."""


def _compare_text(result: Mapping[str, Any]) -> str:
    ids = [run["id"] for run in result["runs"]]
    rows: list[tuple[str, ...]] = []
    for key in result["keys"]:
        values = ["(missing)" if id_ in key["missing"] else _text(value)[:40] for id_, value in zip(ids, key["values"], strict=True)]
        rows.append(("" if key["same"] else "*", f"{key['kind']}.{key['name']}", *values))
    parts = [table(rows, ("", "key", *ids)), "* differs, or is missing in one"]
    if result["paired"]:
        tested: list[tuple[str, ...]] = [
            (
                item["metric"],
                item["second"],
                f"{_text(item['difference'])} ({_text(item['low'])} to {_text(item['high'])})",
                f"{item['p']:.2g}",
                f"{item['p_adjusted']:.2g}",
                item["says"],
                item["test"],
                f"{item['n']:,}",
            )
            for item in result["paired"]
        ]
        head = ("metric", "run", f"less {ids[0]} (95 %)", "p", "p (Holm)", "it is", "test", "rows")
        parts.append(table(tested, head))
        if len(tested) > 1:
            parts.append(f"p (Holm): corrected for the {len(tested)} tests of this table; what a difference is goes by it, at 0.05")
    for item in result["shared"]:
        if item["entities"] < item["n"]:
            parts.append(f"{item['second']}: {item['n']:,} rows of {item['entities']:,} entities, which are drawn whole")
        if item["left_out"]:
            parts.append(f"{item['second']}: {item['n']:,} rows are shared; {item['left_out']}")
    for item in result["untested"]:
        what = f"{item['first']} and {item['second']} are" if item["metric"] is None else f"{item['second']}: {item['metric']} is"
        parts.append(f"{what} not tested: {item['why']}")
    return "\n\n".join(parts)
