"""What `explain` knows of the hooks: the fields of each contract, and of the values that cross it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any


def about_hook(subject: str) -> dict[str, Any] | None:
    """`plugin`, an axis such as `plugin.metric`, or a class such as `Metric` or `HeldOut`; None for anything else."""
    from headrace.hooks import AXES
    from headrace.hooks.told import subjects, told

    if subject in ("plugin", "plugins", "hooks"):
        return {"axes": {f"plugin.{axis.word}": told(axis.kind.__name__).doc.partition("\n")[0] for axis in AXES}}
    name = subjects().get(subject)
    if name is None:
        return None
    found = told(name)
    return {"class": name, **_plain(name), "crossing": [_plain(other) | {"class": other} for other in found.crossing]}


def _plain(name: str) -> dict[str, Any]:
    from headrace.hooks.told import told

    found = told(name)
    return {"hook": found.hook, "told": found.doc, "fields": [asdict(part) for part in found.parts]}


def text_of_hook(result: Mapping[str, Any]) -> str:
    """Hooks as text."""
    if "axes" in result:
        widest = max(map(len, result["axes"]))
        rows = [f"  {name.ljust(widest)}  {said}" for name, said in result["axes"].items()]
        return "\n".join(["What a plugin may add; `headrace plugins new NAME --axis AXIS` begins one:", "", *rows])
    lines = [f"{result['class']}: what `{result['hook']}()` gives a list of" if result["hook"] else f"headrace.hooks.{result['class']}", ""]
    lines += _told(result)
    for other in result["crossing"]:
        lines += ["", f"{other['class']}:", textwrap.indent("\n".join(_told(other)), "  ")]
    return "\n".join(lines)


def _told(item: Mapping[str, Any]) -> list[str]:
    """What it is, then its fields."""
    lines = [item["told"]]
    for field in item["fields"]:
        default = f" = {field['default']}" if field["default"] is not None else ""
        kind = f": {field['type']}" if "(" not in field["name"] else f" -> {field['type']}" if field["type"] else ""
        lines += [*([""] if field is item["fields"][0] else []), f"{field['name']}{kind}{default}"]
        lines += [textwrap.indent(field["description"], "    ")] if field["description"] else []
    return lines
