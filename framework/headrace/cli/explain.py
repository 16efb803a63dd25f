"""`headrace explain`: what a diagnostic means, or a field of the language."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

import click

from headrace.cli.place import json_option
from headrace.diagnostics import Diagnostic, Exit, HeadraceError


@click.command()
@click.argument("subject")
@json_option
def command(subject: str, *, as_json: bool) -> None:
    """Explain a diagnostic by its id, or a kind or field of the language by its path.

    \b
    Example:
      headrace explain leaky-split
      headrace explain model.rollout.steps
      headrace explain model.training.split.gap --json
    """  # noqa: D301 - click's own mark
    result = explain(subject)
    click.echo(json.dumps(result, indent=2, ensure_ascii=False, default=str) if as_json else _text(result))


def explain(subject: str) -> dict[str, Any]:
    """What is known of a diagnostic's id or a path of the language; HeadraceError where it is neither."""
    from headrace.diagnostics.codes import CODES
    from headrace.spec import KINDS
    from headrace.spec.reference import about, paths
    from headrace.spec.wording import nearest

    if (code := CODES.get(subject)) is not None:
        return {"diagnostic": code.id, "title": code.title, "why": code.why, "wrong": code.wrong, "right": code.right, "help": code.help}
    if (found := about(subject)) is not None:
        return found
    meant = nearest(subject, [*CODES, *KINDS, *paths()])
    help_ = f"did you mean `{meant}`?" if meant else f"name a diagnostic's id, or a path that begins with one of {', '.join(KINDS)}"
    raise HeadraceError(
        Diagnostic("unknown-subject", f"`{subject}` is neither a diagnostic nor a field of the language", help=help_), Exit.USAGE
    )


def _text(result: Mapping[str, Any]) -> str:
    if "diagnostic" in result:
        return _diagnostic(result)
    lines = [f"{result['path']}: {result['type']}", "", textwrap.fill(result["description"], 100)]
    lines += [_line(word, result[word]) for word in ("unit", "default", "effect") if result.get(word) is not None]
    lines.append("required" if result["required"] else "optional")
    if result.get("example"):
        lines += ["", "example:", textwrap.indent(result["example"], "  ")]
    if result["keys"]:
        lines += ["", "keys:"]
        widest = max(len(key["key"]) for key in result["keys"])
        lines += [f"  {key['key'].ljust(widest)}  {key['description']}" for key in result["keys"]]
    return "\n".join(lines)


def _line(word: str, value: object) -> str:
    from headrace.document import write_flow

    return write_flow({word: value})[1:-1]


def _diagnostic(result: Mapping[str, Any]) -> str:
    lines = [f"{result['diagnostic']}: {result['title']}", "", textwrap.fill(result["why"], 100)]
    for word in ("wrong", "right"):
        if result[word]:
            lines += ["", f"{word}:", textwrap.indent(result[word], "  ")]
    if result["help"]:
        lines += ["", textwrap.fill(f"help: {result['help']}", 100)]
    return "\n".join(lines)
