"""`headrace gates`: what the gates said of a version, and by which evidence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.registry import Version
    from headrace.store.tables import Verdict


@click.group("gates")
def command() -> None:
    """Report what the gates said of a version: each value with its interval, its threshold and the digest of its data.

    \b
    Example:
      headrace gates report employment --out report.html
    """  # noqa: D301 - click's own mark


@command.command("report")
@click.argument("model", required=False, shell_complete=models)
@click.option(
    "--version", "which", metavar="VERSION", help="A number, or an alias such as `champion`; the newest that was judged, if none."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write a page that stands alone, as HTML, into this file."
)
@environment_option
@root_option
@json_option
def report(model: str | None, which: str | None, out: Path | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Report what the gates said of a MODEL's version, be it rejected or not, and what to do about it; of the only model, if none is named.

    Totals are counted from the verdicts, and recommendations come of a table of rules over what was measured.

    \b
    Examples:
      headrace gates report employment
      headrace gates report employment --version 3 --out report.html
      headrace gates report employment --version champion --json
    """  # noqa: D301 - click's own mark
    from headrace.gates.page import page
    from headrace.gates.report import report as told

    with open_workspace(root, environment) as workspace:
        name = model_of(workspace.config, model)
        at = workspace.store.clock.now()
        with workspace.store.read() as session:
            version, rows = _judged(session, name, which)
            result = {"environment": workspace.config.environment, **told(version, rows, at)}
    if out is not None:
        out.write_text(page(result), encoding="utf-8")
        click.echo(f"wrote {out}", err=True)
    if out is None or as_json:
        show(result, _text, as_json=as_json)


def _judged(session: Session, model: str, which: str | None) -> tuple[Version, list[Verdict]]:
    """A version and what was said of it last; HeadraceError `no-version`, `not-judged`."""
    from headrace import gates, registry

    said = gates.verdicts(session, model)
    if which is not None:
        version = registry.find(session, model, which)
    elif said:
        version = registry.get(session, model, max(said))
    else:
        raise _never(f"no version of model/{model} was judged yet", model)
    if version.number not in said:
        raise _never(f"version {version.number} of model/{model} was never judged", model)
    return version, said[version.number]


def _never(message: str, model: str) -> HeadraceError:
    return HeadraceError(Diagnostic("not-judged", message, help=f"`headrace run train {model}` makes a version and judges it"), Exit.FAILED)


def _text(result: Mapping[str, Any]) -> str:
    totals = ", ".join(f"{value} {name}" for name, value in result["totals"].items())
    head = f"model/{result['model']} version {result['version']} in {result['environment']}: {result['verdict']} ({totals})"
    rows: list[tuple[str, ...]] = [
        (
            f"  {gate['gate']}",
            gate["metric"],
            gate["outcome"],
            _number(gate["value"]),
            _interval(gate),
            gate["wanted"] or _number(gate["threshold"]),
        )
        for gate in result["gates"]
    ]
    reasons = [f"  {gate['gate']}: {gate['reason']}{_waived(gate)}" for gate in result["gates"] if not gate["passed"]]
    advice = [f"  {one['says']}" for one in result["recommendations"]]
    return "\n".join(
        [
            head,
            table(rows, ("  gate", "of", "outcome", "value", "interval", "threshold")),
            *(["not passed:", *reasons] if reasons else []),
            *(["recommended:", *advice] if advice else []),
        ]
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(gate: Mapping[str, Any]) -> str:
    if gate["low"] is None and gate["high"] is None:
        return ""
    low, high = ("-inf" if gate["low"] is None else f"{gate['low']:.4g}"), ("inf" if gate["high"] is None else f"{gate['high']:.4g}")
    return f"{low} to {high}"


def _waived(gate: Mapping[str, Any]) -> str:
    waived = gate["waived"]
    if waived is None:
        return ""
    over = "" if waived["holds"] else ", which is over"
    return f"; waived by {waived['by']} until {waived['until']}{over}: {waived['reason']}"
