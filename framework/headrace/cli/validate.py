"""`headrace validate`: what is wrong in the specs, all at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from headrace.cli.place import environment_option, root_option
from headrace.diagnostics import Exit, Report, render


@click.command()
@root_option
@environment_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["human", "concise", "json", "github"]),
    default="human",
    show_default=True,
    help="How faults are shown.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as `--format json`.")
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
def command(root: Path, environment: str | None, style: str, *, as_json: bool, strict: bool) -> int:
    """Say what is wrong in the specs, all at once; nothing is written, and nothing is asked over the network.

    Ends with 0, or with 3 where the specs are invalid.

    \b
    Example:
      headrace validate
      headrace validate --format github
    """  # noqa: D301 - click's own mark
    from headrace import project

    report = Report()
    judged = project.judge(root, report) if environment is None else (project.load(root, report, environment),)
    loaded = judged[0] if judged else None
    numbers = render.counts(report)
    valid = loaded is not None and not (strict and numbers["warnings"])
    if as_json or style == "json":
        click.echo(json.dumps({"valid": valid, **numbers, "diagnostics": render.to_json(report)}, indent=2, ensure_ascii=False))
    else:
        _tell(report, style)
        documents = f" in {len(loaded.specs)} documents" if loaded is not None else ""
        click.echo(f"{_count(numbers)}{documents}.")
    return Exit.OK if valid else Exit.INVALID


def _tell(report: Report, style: str) -> None:
    if not report.found:
        return
    if style == "github":
        click.echo(render.to_github(report))
    elif style == "concise":
        click.echo(render.to_concise(report))
    else:
        click.echo(render.to_text(report, colour=sys.stderr.isatty()) + "\n", err=True)


def _count(numbers: dict[str, int]) -> str:
    said = [f"{n} {word if n != 1 else word[:-1]}" for word, n in numbers.items() if n or word == "errors"]
    return ", ".join(said) if numbers["errors"] or len(said) > 1 else "No errors"
