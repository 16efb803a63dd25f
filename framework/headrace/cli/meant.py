"""A command that has words, and one of them that is meant where none is said: `headrace models employment`."""

from __future__ import annotations

from typing import Any

import click


class Meant(click.Group):
    """`usual` is the word that is meant."""

    def __init__(self, *arguments: Any, usual: str = "list", **named: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*arguments, **named)
        self.usual = usual

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the usual word first, where the first is none."""
        given = args[:1]
        if not given or (given[0] not in self.commands and given[0] not in ctx.help_option_names):
            args = [self.usual, *args]
        return super().parse_args(ctx, args)
