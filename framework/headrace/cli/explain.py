"""`headrace explain`: what a diagnostic means, a field of the language, what a plugin registers, or what a tier of risk asks for."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from headrace.cli import plugin_words, risk_words, words
from headrace.cli.completing import subjects
from headrace.cli.place import json_option, root_option
from headrace.diagnostics import Diagnostic, Exit, HeadraceError


@click.command()
@click.argument("subject", shell_complete=subjects)
@click.option("--of", metavar="NAME", help="The plugin, such as `lightgbm.classifier`, whose parameters a path through `params` is about.")
@root_option
@json_option
def command(subject: str, of: str | None, root: Path, *, as_json: bool) -> None:
    """Explain a diagnostic by its id, a field by its path, what a plugin registers by its name, a hook, or what a tier of risk asks for.

    \b
    Example:
      headrace explain leaky-split
      headrace explain model.rollout.steps
      headrace explain model.gates[quality].min
      headrace explain model.training.params --of lightgbm.classifier
      headrace explain lightgbm.classifier.num_leaves --json
      headrace explain plugin.metric
      headrace explain risk.high
    """  # noqa: D301 - click's own mark
    result = explain(subject, of, root)
    click.echo(json.dumps(result, indent=2, ensure_ascii=False, default=str) if as_json else _text(result))


def explain(subject: str, of: str | None, root: Path) -> dict[str, Any]:
    """What is known of a diagnostic's id, a path of the language or a registered name; HeadraceError where it is none."""
    from headrace.diagnostics.codes import CODES
    from headrace.hooks.told import subjects as hooks_known
    from headrace.spec import KINDS
    from headrace.spec.reference import paths
    from headrace.spec.wording import nearest

    if (code := CODES.get(subject)) is not None:
        return {"diagnostic": code.id, "title": code.title, "why": code.why, "wrong": code.wrong, "right": code.right, "help": code.help}
    if (tiers := risk_words.about_risk(subject)) is not None:
        return tiers
    if (hook := plugin_words.about_hook(subject)) is not None:
        return hook
    known = words.registered(root)
    names = [word.name for _, word in words.named(known)]
    if of is not None and of not in names:
        raise _unknown(of, "is no name that a plugin registers", nearest(of, names), f"registered are {', '.join(sorted(names))}")
    if (found := words.about_field(subject, of, known) or words.about_word(subject, known)) is not None:
        return found
    off = next((off for off in words.off(root) if subject.startswith(off.called)), None)
    if off is not None:
        raise HeadraceError(Diagnostic("unknown-subject", f"`{subject}` is not known: {off.line}"), Exit.USAGE)
    every = [*CODES, *KINDS, *paths(), *names, *words.parameters(known), *hooks_known(), *risk_words.SUBJECTS]
    meant = nearest(re.sub(r"\[[^\]]*\]", "", subject), every)
    hint = f"name a diagnostic's id, a path that begins with one of {', '.join(KINDS)}, what a plugin registers, `plugin`, or `risk`"
    raise _unknown(subject, "is neither a diagnostic nor a field of the language, and no plugin registers it", meant, hint)


def _unknown(subject: str, said: str, meant: str | None, hint: str) -> HeadraceError:
    return HeadraceError(
        Diagnostic("unknown-subject", f"`{subject}` {said}", help=f"did you mean `{meant}`?" if meant else hint), Exit.USAGE
    )


def _text(result: Mapping[str, Any]) -> str:
    if "diagnostic" in result:
        return _diagnostic(result)
    if "tiers" in result:
        return risk_words.text_of_risk(result)
    if "axes" in result or "class" in result:
        return plugin_words.text_of_hook(result)
    return words.text_of_word(result) if "word" in result else words.text_of_field(result)


def _diagnostic(result: Mapping[str, Any]) -> str:
    lines = [f"{result['diagnostic']}: {result['title']}", "", textwrap.fill(result["why"], 100)]
    for word in ("wrong", "right"):
        if result[word]:
            lines += ["", f"{word}:", textwrap.indent(result[word], "  ")]
    if result["help"]:
        lines += ["", textwrap.fill(f"help: {result['help']}", 100)]
    return "\n".join(lines)
