"""How results are shown: a dict to stdout, as JSON or as text made from it; what ended a command, and progress, to stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import click

from headrace.diagnostics import HeadraceError, Report


def show(result: Mapping[str, Any], text: Callable[[Mapping[str, Any]], str], *, as_json: bool) -> None:
    """Print one result: the JSON view is the result itself, the text view is made from it."""
    click.echo(json.dumps(result, indent=2, default=str, ensure_ascii=False) if as_json else text(result))


def wants_json() -> bool:
    """Whether the command line asked for JSON, where the command itself is no longer at hand."""
    return "--json" in sys.argv


def print_report(report: Report, *, as_json: bool = False) -> None:
    """Print every fault to stderr, since a result never came; with JSON to stdout, so that there is always one value to read there."""
    from headrace.diagnostics import render

    if as_json:
        click.echo(json.dumps(render.to_json(report), indent=2, ensure_ascii=False))
    else:
        click.echo(render.to_text(report, colour=coloured(sys.stderr)), err=True)


def coloured(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows colours, and nobody asked for none."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_error(error: HeadraceError) -> None:
    """Print the faults that ended a command."""
    print_report(error.report, as_json=wants_json())


def table(rows: list[tuple[str, ...]], head: tuple[str, ...]) -> str:
    """Columns as wide as their widest cell, two spaces between."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def waiting(text: str) -> Callable[[], None]:
    """What says that something is waited for, however often it is called: once, and on a terminal in place, with the time it has taken."""
    began, said = time.monotonic(), False

    def tell() -> None:
        nonlocal said
        if sys.stderr.isatty():
            progress(f"{text} ({time.monotonic() - began:.0f} s)")
        elif not said:
            click.echo(text, err=True)
        said = True

    return tell


def ended(text: str) -> None:
    """Say on stderr what came of it, in the place of what was in progress."""
    click.echo(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, err=True)


def progress(text: str) -> None:
    """Say on stderr what is being done: in place on a terminal, a line each elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)
    else:
        click.echo(text, err=True)
