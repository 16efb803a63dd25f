"""What is in scope while a spec is written: the names of a project's documents, and what its plugins register."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from headrace.diagnostics import Report
from headrace.hooks import Plugins, Strategy, load_plugins, resolve
from headrace.hooks.aside import aside
from headrace.project.read import Drafts, read
from headrace.spec import KINDS, Project
from headrace.spec.decode import decode
from headrace.spec.vocabulary import Vocabulary, Word

_SAID = ("name", "params", "description")


def vocabulary(root: Path) -> Vocabulary:
    """Of a folder, broken documents included; no names of a kind of which a file that could not be read may hold more."""
    drafts = read(root, Report(), {})
    there = sorted({*drafts.hidden, *(draft.address for draft in drafts.named if draft.address is not None)})
    names = {kind: tuple(address.name for address in there if address.kind == kind) for kind in KINDS if kind not in drafts.unread}
    return Vocabulary(names, words(_plugins(root, drafts)))


def _plugins(root: Path, drafts: Drafts) -> Plugins | None:
    """Those that the project lets take part; the built-in ones where no project is declared, and None where it cannot be told."""
    declared = next((node for _, node in drafts.of("project")), None)
    if declared is None:
        return load_plugins(None, Report(), allow=())
    spec = decode(declared, Report())
    return load_plugins(root, Report(), allow=spec.plugins.allow, deny=spec.plugins.deny) if isinstance(spec, Project) else None


def words(plugins: Plugins | None) -> dict[str, dict[str, Word]]:
    """What plugins register, by axis and name; nothing where a plugin could not be loaded, since a name may be its own."""
    if plugins is None:
        return {}
    with aside():
        return _words(plugins)


def _words(plugins: Plugins) -> dict[str, dict[str, Word]]:
    axes = {axis.name: getattr(plugins, axis.name) for axis in fields(plugins)}
    return {axis: {name: word(item) for name, item in known.items()} for axis, known in axes.items() if isinstance(known, Mapping)}


def word(item: Any) -> Word:  # noqa: ANN401 - a contract of any axis
    """One registered thing; what cannot be imported is told as far as it is known."""
    params = _resolved(getattr(item, "params", None))
    model = params if isinstance(params, type) and issubclass(params, BaseModel) else None
    return Word(item.name, told(item), model, {"steps": item.steps} if isinstance(item, Strategy) else {})


def told(item: Any) -> str:  # noqa: ANN401 - a contract of any axis
    """What a registered thing is, in Markdown: what its code says of itself, then its plain fields."""
    references = [value for value in (getattr(item, f.name) for f in fields(item)) if isinstance(value, str) and ":" in value]
    said = _said(item, references)
    facts = [
        f"{f.name.replace('_', ' ')}: {_plain(value)}"
        for f in fields(item)
        if f.name not in _SAID and (value := getattr(item, f.name)) not in (None, "", (), False) and value not in references
    ]
    return "\n\n".join(part for part in (said, "; ".join(facts)) if part)


def _said(item: Any, references: list[str]) -> str:  # noqa: ANN401
    """The first of: the item's own description, what computes it, the module that holds it."""
    own = getattr(item, "description", None)
    if isinstance(own, str) and own:
        return own
    for reference in references:
        found = _resolved(reference)
        module = inspect.getmodule(found)
        if getattr(item, "params", None) is None and isinstance(getattr(item, "compute", None), str):
            return inspect.cleandoc(getattr(found, "__doc__", None) or "")
        if module is not None and module.__doc__:
            return inspect.cleandoc(module.__doc__)
    return ""


def _plain(value: object) -> str:
    return ", ".join("none" if part is None else str(part) for part in value) if isinstance(value, tuple) else str(value)


def _resolved(reference: object) -> Any:  # noqa: ANN401 - whatever stands there
    if not isinstance(reference, str):
        return None
    try:
        return resolve(reference)
    except (Exception, SystemExit):  # noqa: BLE001 - a plugin's module may raise anything
        return None
