"""`headrace experiment`: where a model's experiment stands, and what it shows."""

from __future__ import annotations

import click

from headrace.cli.experiment_analyse import command as analyse
from headrace.cli.experiment_status import status, stop


@click.group("experiment")
def command() -> None:
    """Look at the experiment that compares a candidate with the champion.

    \b
    Examples:
      headrace experiment status employment
      headrace experiment analyse employment --report experiment.html
    """  # noqa: D301 - click's own mark


command.add_command(analyse)
command.add_command(status)
command.add_command(stop)
