"""Cards as text: each view is made from the result that `--json` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.cli.view import table
from headrace.spec.card import PARTS


def new(result: Mapping[str, Any]) -> str:
    """The file that was written, and what comes next."""
    lines = [f"wrote {result['file']}"]
    if result["risk"] is None:
        lines.append(f"Nobody said the risk of model/{result['model']}: write `governance: {{risk: low}}` in its spec, or medium, or high.")
    if not result["named"]:
        lines.append(f"Write `governance: {{card: {result['file']}}}` in its spec, so that it is read.")
    return "\n".join([*lines, "Fill it in, and type `headrace validate`."])


def check(result: Mapping[str, Any]) -> str:
    """What lacks, each with what to do."""
    head = f"{_which(result)} has {result['has']} of {result['needs']} parts that a model of {result['risk'] or 'low'} risk needs"
    lines = [head + (": it is complete." if result["complete"] else ".")]
    titles = {part.name: part.title for part in PARTS}
    for one in result["lacking"]:
        lines += [f"  {titles[one['part']]}: {one['why']}", f"    {one['help']}"]
    if result["fault"]:
        lines.append(result["fault"])
    if result["edited"]:
        what = result["file"] or "what is recorded"
        lines.append(f"{what} says something else by now: `headrace card write {result['model']}@{result['version']}` writes a new card.")
    return "\n".join(lines)


def show(result: Mapping[str, Any]) -> str:
    """Every part that says anything."""
    content = result["content"]
    lines = [f"{_which(result)}: {result['status']}, {result['has']} of {result['needs']} parts", f"digest {result['digest']}"]
    for part in PARTS:
        told = content[part.name]
        facts = list(_facts("", {name: value for name, value in told.items() if name != "text"}))
        text = told.get("text", "").strip()
        if text or facts:
            lines += ["", part.title]
            lines += [f"  {line}".rstrip() for line in text.split("\n")] if text else []
            lines += [f"  {name}: {value}" for name, value in facts]
    return "\n".join(lines)


def written(result: Mapping[str, Any]) -> str:
    """Whether there is a new one, and what that means."""
    if not result["new"]:
        return f"{_which(result)} says all of it already."
    lines = [f"wrote {_which(result)}: {result['status']}, {result['has']} of {result['needs']} parts", f"digest {result['digest']}"]
    if result["voided"]:
        lines.append(f"The approval {result['voided']} was of the card before, and is void.")
    if not result["complete"]:
        lines.append(f"`headrace card check {result['model']}@{result['version']}` says what it lacks.")
    return "\n".join(lines)


def history(result: Mapping[str, Any]) -> str:
    """One line a card."""
    rows: list[tuple[str, ...]] = [
        (
            f"  {one['card_version']}",
            one["status"],
            f"{one['has']} of {one['needs']}",
            one["at"][:16].replace("T", " "),
            one["actor"],
            one["approval"] or "",
            one["digest"],
        )
        for one in result["cards"]
    ]
    head = ("  card", "status", "parts", "written", "by", "approved by", "digest")
    return f"model/{result['model']} v{result['version']}\n{table(rows, head)}"


def diff(result: Mapping[str, Any]) -> str:
    """One change after another, the older value first."""
    head = f"{_which(result['from'])} to {_which(result['to'])}"
    if not result["changes"]:
        return f"{head}: nothing is another"
    lines = [head]
    for one in result["changes"]:
        before, after = _each(one["before"]), _each(one["after"])
        lines += [f"  {one['path']}", *(f"  - {line}" for line in before if line not in after)]
        lines += [f"  + {line}" for line in after if line not in before]
    return "\n".join(lines)


def _each(value: object) -> list[str]:
    """A value in a line, a list of results in a line each; none, where nothing was said."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [", ".join(f"{key} {_one(item[key])}" for key in item if _says(item[key])) for item in value]
    return [_one(value)] if _says(value) else []


def _which(told: Mapping[str, Any]) -> str:
    return f"card {told['card_version']} of model/{told['model']} v{told['version']}"


def _facts(path: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is there, each under its path."""
    for name, one in value.items():
        here = f"{path} {name}".strip().replace("_", " ")
        if isinstance(one, Mapping):
            yield from _facts(here, one)
        elif isinstance(one, list) and one and isinstance(one[0], Mapping):
            for item in one:
                yield here, ", ".join(f"{key} {_one(item[key])}" for key in item if _says(item[key]))
        elif _says(one):
            yield here, _one(one)


def _says(value: object) -> bool:
    """Whether there is anything to tell: zero is a figure."""
    return value is not None and value is not False and value not in ("", [], {})


def _one(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
