"""What `explain` knows of a field of the language and of what plugins register, and how it is shown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.hooks.fault import Off
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


def off(root: Path) -> list[Off]:
    """The project's plugins that cannot take part."""
    from headrace.diagnostics import Report
    from headrace.project import plugins_of

    return [off for off in plugins_of(root.resolve(), Report()).off if off.broken] if (root / "specs").is_dir() else []


def about_field(subject: str, of: str | None, words: Words) -> dict[str, Any] | None:
    """A path of the language; below `params`, with the plugin that is named by `of`, or with each that has such a parameter."""
    from headrace.spec.reference import about

    plugin = next((known[of] for known in words.values() if of in known), None) if of is not None else None
    found = about(subject, plugin.params if plugin is not None else None)
    if found is None:
        return None
    if plugin is None and found.get("rest"):
        found = _parameter(subject, found, words)
    return _with_names(found, words) if found is not None else None


def _with_names(found: dict[str, Any], words: Words) -> dict[str, Any]:
    """The same with what is registered, where the field names an axis."""
    axis = found.get("names")
    return found if axis is None else {**found, "names": {name: _first(word.told) for name, word in sorted(words.get(axis, {}).items())}}


def _parameter(subject: str, found: dict[str, Any], words: Words) -> dict[str, Any] | None:
    """A path below `params` of no plugin in particular; None where it is like a parameter that some plugin has, and none has it."""
    from headrace.spec.place import keys
    from headrace.spec.reference import about
    from headrace.spec.wording import nearest

    known = [word for word in words.get(found["axis"], {}).values() if word.params is not None]
    having = {word.name: told for word in known if (told := about(subject, word.params)) is not None}
    if having:
        return {**next(iter(having.values())), "of": list(having)}
    return None if nearest(found["rest"], [key for word in known if word.params for key in keys(word.params)]) else found


def parameters(words: Words) -> Iterator[str]:
    """Every path of a registered thing's parameter, as `explain` takes it without its plugin."""
    from headrace.spec.place import keys
    from headrace.spec.reference import paths_of_params

    for path, axis in paths_of_params():
        for word in words.get(axis, {}).values():
            yield from (f"{path}.{key}" for key in (keys(word.params) if word.params is not None else ()))


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
                return _with_names(found, words)
    return None


def named(words: Words) -> Iterator[tuple[str, Word]]:
    """Every registered thing with its axis."""
    for axis, known in words.items():
        for word in known.values():
            yield axis, word


def text_of_field(result: Mapping[str, Any]) -> str:
    """A field as text."""
    from headrace.document import write_flow
    from headrace.spec.reference import needed

    lines = [f"{result['path']}: {result['type']}", "", *_described(result)]
    lines += [f"{word}: {result[word]}" for word in ("unit", "bounds") if result[word] is not None]
    lines += [write_flow({"default": result["default"]})[1:-1]] if result["default"] is not None else []
    if result["effect"] is not None:
        lines.append(f"changing it costs: {result['effect']}")
    if result["required"] is not None:
        lines.append(needed(result))
    if result["example"]:
        lines += ["", "example:", textwrap.indent(result["example"], "  ")]
    if result["names"]:
        lines += ["", "registered:", *_columns(result["names"])]
    if result["docs"] is not None:
        lines += ["", f"docs: {result['docs']}"]
    if result.get("rest"):
        lines += ["", f"Its keys are those of what `{result['chosen_by']}` names; nothing that is registered here has this one."]
    elif result["chosen_by"] is not None and not result["keys"]:
        lines += ["", f"Its keys are those of what `{result['chosen_by']}` names: `headrace explain {result['path']} --of NAME`."]
    return "\n".join([*lines, *_keys(result["keys"])])


def _described(result: Mapping[str, Any]) -> list[str]:
    """What it is; where the members of a union differ, what it is in each."""
    said = {case["where"]: case["description"] + (f" ({case['bounds']})" if case["bounds"] else "") for case in result["cases"]}
    if len(set(said.values())) > 1:
        return _columns(said)
    if result.get("of"):
        names = ", ".join(f"`{name}`" for name in result["of"])
        return [textwrap.fill(result["description"], 100), "", f"It is a parameter of {names}; `--of NAME` tells of one of them."]
    return [textwrap.fill(result["description"], 100)]


def text_of_word(result: Mapping[str, Any]) -> str:
    """A registered thing as text."""
    said = "\n\n".join(textwrap.fill(part, 100) for part in result["told"].split("\n\n"))
    return "\n".join([f"{result['word']}: one of the {result['axis']}", *(["", said] if said else []), *_keys(result["keys"])])


def _keys(listed: list[dict[str, Any]]) -> list[str]:
    told = {key["key"]: key["description"] + _when(key) for key in listed}
    return ["", "keys:", *_columns(told)] if told else []


def _when(key: Mapping[str, Any]) -> str:
    where = f"where `{key['where']}`" if key.get("where") else ""
    return f" ({' '.join(part for part in ('required' if key['required'] else '', where) if part)})" if key["required"] or where else ""


def _columns(told: Mapping[str, str]) -> list[str]:
    widest = max(map(len, told))
    return [f"  {name.ljust(widest)}  {said}".rstrip() for name, said in told.items()]


def _first(told: str) -> str:
    """The first line of what is told."""
    return told.partition("\n")[0]
