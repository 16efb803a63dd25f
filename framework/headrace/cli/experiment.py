"""`headrace experiment`: where a model's experiment stands, and what it shows."""

from __future__ import annotations

import click

from headrace.cli.experiment_analyse import command as analyse


@click.group("experiment")
def command() -> None:
    """Look at the experiment that compares a candidate with the champion.

    \b
    Example:
      headrace experiment analyse employment --report experiment.html
    """  # noqa: D301 - click's own mark


command.add_command(analyse)
