"""What `explain` knows of a field of the language and of what plugins register, and how it is shown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.spec.vocabulary import Word

Words = Mapping[str, Mapping[str, "Word"]]
"""By axis, then by name."""


def registered(root: Path) -> Words:
    """What is registered: by the plugins of the project, or by those that are installed where this is none."""
    from headrace.diagnostics import Report
    from headrace.hooks import load_plugins
    from headrace.project.vocabulary import vocabulary, words

    known = vocabulary(root).words if (root / "specs").is_dir() else None
    return known or words(load_plugins(None, Report()))


def about_field(subject: str, of: str | None, words: Words) -> dict[str, Any] | None:
    """A path of the language; below `params`, with the plugin that is named by `of`."""
    from headrace.spec.reference import about

    plugin = next((known[of] for known in words.values() if of in known), None) if of is not None else None
    found = about(subject, plugin.params if plugin is not None else None)
    if found is not None and found["names"] is not None:
        found["names"] = {name: _first(word.told) for name, word in sorted(words.get(found["names"], {}).items())}
    return found


def about_word(subject: str, words: Words) -> dict[str, Any] | None:
    """A registered name such as `lightgbm.classifier`, or one of its parameters such as `lightgbm.classifier.num_leaves`."""
    from headrace.spec import reference

    for axis, word in named(words):
        if word.name == subject:
            keys = reference.listing([word.params]) if word.params is not None else []
            return {"word": word.name, "axis": axis, "told": word.told, "keys": keys}
        if word.params is not None and subject.startswith(f"{word.name}."):
            found = reference.about_word(word.name, word.params, subject.removeprefix(f"{word.name}."))
            if found is not None:
                return found
    return None


def named(words: Words) -> Iterator[tuple[str, Word]]:
    """Every registered thing with its axis."""
    for axis, known in words.items():
        for word in known.values():
            yield axis, word


def text_of_field(result: Mapping[str, Any]) -> str:
    """A field as text."""
    from headrace.document import write_flow

    lines = [f"{result['path']}: {result['type']}", "", textwrap.fill(result["description"], 100)]
    lines += [f"{word}: {result[word]}" for word in ("unit", "bounds") if result[word] is not None]
    lines += [write_flow({"default": result["default"]})[1:-1]] if result["default"] is not None else []
    if result["effect"] is not None:
        lines.append(f"changing it costs: {result['effect']}")
    lines.append("required" if result["required"] else "optional")
    if result["example"]:
        lines += ["", "example:", textwrap.indent(result["example"], "  ")]
    if result["names"]:
        lines += ["", "registered:", *_columns(result["names"])]
    if result["docs"] is not None:
        lines += ["", f"docs: {result['docs']}"]
    if result["chosen_by"] is not None and not result["keys"]:
        lines += ["", f"Its keys are those of what `{result['chosen_by']}` names: `headrace explain {result['path']} --of NAME`."]
    return "\n".join([*lines, *_keys(result["keys"])])


def text_of_word(result: Mapping[str, Any]) -> str:
    """A registered thing as text."""
    said = "\n\n".join(textwrap.fill(part, 100) for part in result["told"].split("\n\n"))
    return "\n".join([f"{result['word']}: one of the {result['axis']}", *(["", said] if said else []), *_keys(result["keys"])])


def _keys(listed: list[dict[str, Any]]) -> list[str]:
    told = {key["key"]: key["description"] + (" (required)" if key["required"] else "") for key in listed}
    return ["", "keys:", *_columns(told)] if told else []


def _columns(told: Mapping[str, str]) -> list[str]:
    widest = max(map(len, told))
    return [f"  {name.ljust(widest)}  {said}".rstrip() for name, said in told.items()]


def _first(told: str) -> str:
    """The first line of what is told."""
    return told.partition("\n")[0]
