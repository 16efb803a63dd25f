"""`headrace experiment analyse`: what an experiment says so far, with its intervals over time, and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.version_address import moment_of
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.store.experimental import Experiment


@click.command("analyse")
@click.argument("model", required=False, shell_complete=models)
@click.option("--experiment", "number", type=click.IntRange(1), metavar="NUMBER", help="Which one; the newest, if none is named.")
@click.option("--as-of", metavar="TIME", help="What was known by then, such as `2026-03-01` or `2026-03-01T12:00:00Z`; now, if not given.")
@click.option("--segment", metavar="COLUMN", help="Tell each primary metric by the values of this input, too.")
@click.option(
    "--report", "out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write a page that stands alone, as HTML."
)
@environment_option
@root_option
@json_option
def command(  # noqa: PLR0917 - click hands each option over
    model: str | None,
    number: int | None,
    as_of: str | None,
    segment: str | None,
    out: Path | None,
    environment: str | None,
    root: Path,
    *,
    as_json: bool,
) -> None:
    """Say what a MODEL's experiment shows: each metric's interval, how it went, the power that is left, and a verdict in words.

    It looks, and takes no look: nothing is decided by it, and no error is spent.

    \b
    Examples:
      headrace experiment analyse employment
      headrace experiment analyse employment --segment education --report experiment.html
      headrace experiment analyse employment --as-of 2026-03-01 --json
    """  # noqa: D301 - click's own mark
    from headrace.experiment.declared import parsed
    from headrace.experiment.page import page
    from headrace.experiment.told import report

    with open_workspace(root, environment) as workspace:
        name = model_of(workspace.config, model)
        at = workspace.store.clock.now() if as_of is None else moment_of("--as-of", as_of)
        with workspace.store.read() as session:
            row = _row(session, name, number)
        declared = parsed(row.declared)
        told = report(workspace.store, row, declared, at, workspace.plugins, actor=workspace.actor, segment=segment)
        result = {"environment": workspace.config.environment, **told}
    if out is not None:
        out.write_text(page(result), encoding="utf-8")
        click.echo(f"wrote {out}", err=True)
    if out is None or as_json:
        show(result, _text, as_json=as_json)


def _row(session: Session, model: str, number: int | None) -> Experiment:
    """An experiment by its number, or the newest; HeadraceError `no-experiment`."""
    from sqlmodel import col, select

    from headrace.store.experimental import Experiment

    query = select(Experiment).where(Experiment.model == model).order_by(col(Experiment.number).desc())
    found = session.exec(query if number is None else query.where(Experiment.number == number)).first()
    if found is None:
        which = f"no experiment {number}" if number is not None else "no experiment yet"
        help_ = "an experiment begins when a rollout hands its candidate over: `headrace status` says where it stands"
        raise HeadraceError(Diagnostic("no-experiment", f"model/{model} has had {which}", help=help_), Exit.FAILED)
    return found


def _text(result: Mapping[str, Any]) -> str:
    from headrace.experiment.page import bounds, number

    power, ratio = result["power"], result["sample_ratio"]
    head = f"model/{result['model']} experiment {result['experiment']} in {result['environment']}: {result['verdict']}"
    rows: list[tuple[str, ...]] = [
        (
            f"  {one['metric']}",
            one["role"],
            one["arm"],
            one["segment"] or "",
            number(one["champion"]),
            number(one["value"]),
            bounds(one),
            one["finding"],
            one["reason"],
        )
        for one in result["comparisons"]
    ]
    units = ", ".join(f"{n} {arm}" for arm, n in result["units"].items())
    planned = "" if power["planned"] is None else f" of {power['planned']:,.0f} planned"
    return "\n".join(
        [
            head,
            f"  {result['says']}",
            f"  units: {units}{planned}; information {result['information']:.0%}",
            f"  by the end: {power['expected_at_end']:,} units at this pace, power {power['power_at_end']:.0%}",
            f"  shares: {'kept' if ratio['kept'] else 'NOT kept'} (evidence {ratio['evidence']:.3g}, alarm at {ratio['alarm']})",
            table(rows, ("  metric", "role", "arm", "segment", "champion", "arm's", "interval", "finding", "because")),
        ]
    )
