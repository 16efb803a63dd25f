"""When an alert fires and when it is resolved: a fold over the windows that have a value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert that changed its state with the window of this number."""

    window: int
    to: Literal["firing", "resolved"]


def values(
    drift: Mapping[str, Any] | None, estimate: Mapping[str, Any] | None, performance: Mapping[str, Any] | None, unseen: float | None
) -> dict[str, float | bool | None]:
    """A window's quantities by the names that conditions use; what is not known (yet) is None or absent."""
    found: dict[str, float | bool | None] = {"unseen.share": unseen}
    for name in ("share", "max", "critical"):
        found[f"drift.{name}"] = drift[name] if drift is not None else None
    for word, measured in (("estimate", estimate), ("performance", performance)):
        if measured is not None:
            found[f"{word}.{measured['metric']}"] = measured["value"]
    return found


def transitions(history: Iterable[tuple[int, bool | None]], windows: int, *, firing: bool = False, through: int = 0) -> list[Transition]:
    """The changes of state after the window `through`, where the state was `firing`.

    `history` is (window's number, whether the condition held) in order; None says that it could not be told, and does not count. An alert
    fires when the last `windows` that count all held, and is resolved when the latest did not.
    """
    found: list[Transition] = []
    streak = 0
    for number, held in history:
        if held is None:
            continue
        streak = streak + 1 if held else 0
        if number <= through:
            continue
        if not firing and streak >= windows:
            firing = True
            found.append(Transition(number, "firing"))
        elif firing and not held:
            firing = False
            found.append(Transition(number, "resolved"))
    return found


def first(history: Sequence[tuple[int, bool | None]], windows: int, since: int) -> list[Transition]:
    """The changes that a rule without a state announces when windows up to `since` are old: no alert that has come and gone by then."""
    found = transitions(history, windows)
    old = [change for change in found if change.window <= since]
    young = [change for change in found if change.window > since]
    if old and old[-1].to == "firing":
        return young[1:] if young else old[-1:]
    return young


def fingerprint(model: str, rule: str) -> str:
    """What names an alert through all its states, and to receivers: the same for the same rule of the same model."""
    return hashlib.sha256(f"model/{model}/alert/{rule}".encode()).hexdigest()
