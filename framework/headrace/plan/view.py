"""A plan as JSON, which is its first view, and as the text that is made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import rfc8785

from headrace import __version__
from headrace.plan import foreseen, told
from headrace.plan.change import Action, Change, Forecast, Item, Plan
from headrace.plan.grace import GRACE
from headrace.plan.wanted import digest

SCHEMA = 1
"""The version of the document's shape; a document of another one is no plan of ours."""
_SIGNS = {"add": "+", "change": "~", "move": ">", "retire": "-", "remove": "-", "outside": "!"}


def to_json(plan: Plan) -> dict[str, Any]:
    """Everything that a plan says, in a shape that stays; its `seal` is the digest of all the rest."""
    document = _document(plan)
    return {**document, "seal": seal(document)}


def seal(document: Mapping[str, Any]) -> str:
    """The digest of a plan's document without its seal: what a file that was altered no longer has."""
    return digest({key: value for key, value in document.items() if key != "seal"})


def _document(plan: Plan) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "headrace": __version__,
        "project": plan.project,
        "environment": plan.environment,
        "serial": plan.serial,
        "digest": plan.digest,
        "observed": "current" if plan.observed else "unknown",
        "selection": {"select": list(plan.selection.select), "exclude": list(plan.selection.exclude)},
        "now": plan.selection.at_once,
        "empty": plan.empty,
        "items": [_item(item) for item in plan.items],
        "files": [{"path": file.path, "action": file.action} for file in plan.files],
        "train": [{"model": training.model, "why": training.why, "key": training.key} for training in plan.train],
        "judge": [{"model": one.model, "version": one.number, "why": one.why, "key": one.key} for one in plan.judge],
        "retiring": list(plan.retiring),
        "aliases": [{"model": back.model, "alias": back.alias, "version": back.number} for back in plan.aliases],
        "forecasts": [_forecast(forecast) for forecast in plan.forecasts],
        "totals": {action.value: plan.count(action) for action in Action} | {"blocked": len(plan.blocked), "unchanged": plan.unchanged},
        "effects": dict(plan.effects),
        "notes": list(plan.notes),
    }


def _forecast(found: Forecast) -> dict[str, Any]:
    return {
        "model": found.model,
        "requests": found.requests,
        "needed": found.needed,
        "enough": found.requests >= found.needed,
        "days": found.days,
        "expected": None if found.expected is None else dict(found.expected),
    }


def canonical(plan: Plan) -> bytes:
    """The JSON view as canonical bytes (RFC 8785): equal plans give equal bytes."""
    return rfc8785.dumps(to_json(plan))


def _item(item: Item) -> dict[str, Any]:
    return {
        "action": item.action.value,
        "address": item.address,
        "effects": [effect.word for effect in item.effects],
        "changes": [_change(change) for change in item.changes],
        "notes": list(item.notes),
        "place": item.place,
        "before": item.before,
        "blocked": item.blocked,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "path": change.path,
        "old": change.old,
        "new": change.new,
        "effect": change.effect.word,
        "place": change.place,
        "note": change.note,
    }


def to_text(plan: Mapping[str, Any]) -> str:
    """The text view of `to_json`'s value."""
    lines = [*_lines(plan), _totals(plan), *(f"note: {note}" for note in plan["notes"])]
    if plan["selection"]["select"] or plan["selection"]["exclude"]:
        lines.append("This is a part of the plan; what was left out stays as it was last applied.")
    if plan["observed"] == "unknown":
        lines.append("observed: unknown. Prefect is away, so what was changed there is not in this plan.")
    if plan["totals"]["blocked"]:
        lines.append("Nothing was changed. `headrace apply` refuses the plan while something in it is blocked.")
    elif not plan["empty"]:
        lines.append("Nothing was changed. `headrace apply` carries it out.")
    return "\n".join(lines)


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    why = {training["model"]: training["why"] for training in plan["train"]}
    for item in plan["items"]:
        yield from _item_lines(item, why)
    for file in plan["files"]:
        sign, said = ("-", "stale: it would be deleted") if file["action"] == "delete" else ("~", "would be written")
        yield f"  {sign} {file['path']}   {said}"
    for model, reason in why.items():
        yield f"  * model/{model} would be trained: {reason}"
    for one in plan["judge"]:
        yield f"  * version {one['version']} of model/{one['model']} would be judged again: {one['why']}"
    shown = {item["address"] for item in plan["items"]}
    for found in plan["forecasts"]:
        if f"model/{found['model']}" in shown:
            yield from foreseen.rollout(found)


def _item_lines(item: Mapping[str, Any], why: Mapping[str, str]) -> Iterator[str]:
    sign = _SIGNS[item["action"]]
    if item["action"] == "outside":
        for note in item["notes"]:
            yield f"  {sign} {item['address']}   changed outside: {note}"
        return
    word = ", ".join(item["effects"])
    if item["action"] == "add":
        word = "new, train" if item["address"].removeprefix("model/") in why and item["address"].startswith("model/") else "new"
    elif item["action"] == "retire":
        word = f"retire: it goes on for {GRACE.days}d, and an apply after that removes it"
    elif item["action"] == "remove":
        word = "removed"
    elif item["action"] == "move":
        word = f"moved from {item['before']}" + ("" if item["notes"] else ", no effect")
    if item["blocked"]:
        word = f"{word}: BLOCKED, {item['blocked']}"
    yield f"  {sign} {item['address']:<56} {word}   {item['place'] or ''}".rstrip()
    rows = [_row(change) for change in item["changes"]]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for row in rows:
        yield ("      " + "  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True))).rstrip()
    for note in item["notes"]:
        yield f"      {note}"


def _row(change: Mapping[str, Any]) -> tuple[str, str, str, str]:
    said = "   ".join(part for part in (change["place"], change["note"]) if part)
    return change["path"], told.values(change["old"], change["new"]), change["effect"], said


def _totals(plan: Mapping[str, Any]) -> str:
    words = {
        "add": "to add",
        "change": "to change",
        "move": "to move",
        "retire": "to retire",
        "remove": "to remove",
        "outside": "changed outside",
        "blocked": "blocked",
    }
    totals = [f"{plan['totals'][action]} {word}" for action, word in words.items() if plan["totals"][action]]
    starts = {"files": ("file", "write or delete"), "train": ("training", "start"), "judge": ("judgement", "start")}
    totals += [f"{told.counted(len(plan[key]), word)} to {does}" for key, (word, does) in starts.items() if plan[key]]
    if not totals:
        return f"Plan: no changes. {plan['totals']['unchanged']} unchanged."
    effects = ", ".join(f"{n} {word}" for word, n in plan["effects"].items())
    return f"Plan: {', '.join(totals)}.{f' Effects: {effects}.' if effects else ''}"
