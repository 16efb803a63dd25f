"""What a gate of a plugin's says, asked with values of its own; whatever goes wrong fails the gate with its reason."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from headrace.diagnostics import HeadraceError
from headrace.gates.facts import ANSWERING, Absent, Facts
from headrace.gates.values import ByPlugin, Judged
from headrace.hooks import Gate, HeldOut, Ruling, resolve
from headrace.hooks.held import plain
from headrace.hooks.limit import within
from headrace.spec.params import read_params

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_EVIDENCE = 32_000
"""Bytes of one gate's evidence as JSON."""
_LONGEST = 500
"""Letters of a reason that are kept."""


class NoRuling(Exception):  # noqa: N818 - it is no error of ours, it is a reason to fail
    """Why what a gate gave is no ruling."""


def ruled(gate: ByPlugin, kind: Gate | None, facts: Facts, seed: int) -> Judged:
    """What one gate says; it never raises, since what cannot be judged does not pass."""
    try:
        found = checked(_asked(gate, kind, facts, seed))
    except NoRuling as why:
        return Judged(gate.id, gate.gate, passed=False, mode=gate.mode, reason=str(why))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything, and whatever it raises is no pass
        reason = _short(f"`{gate.gate}` failed: {type(error).__name__}: {error}")
        return Judged(gate.id, gate.gate, passed=False, mode=gate.mode, reason=reason)
    return Judged(
        gate.id,
        gate.gate,
        passed=found.passed,
        mode=gate.mode,
        reason=found.reason,
        value=found.value,
        low=found.low,
        high=found.high,
        threshold=found.threshold,
        n=found.n,
        evidence=dict(found.evidence) or None,
    )


def checked(given: object) -> Ruling:
    """A ruling in plain values, an infinity left out; NoRuling where it is none: of another type, without a reason, or with NaN.

    Nor is one whose evidence is no JSON object of at most `MOST_EVIDENCE` bytes.
    """
    if not isinstance(given, Ruling):
        raise NoRuling(f"it gave {'None' if given is None else type(given).__name__}, and not Ruling")
    if type(given.passed).__name__ not in ("bool", "bool_"):
        raise NoRuling(f"its `passed` is {given.passed!r}, and neither True nor False")
    if not isinstance(given.reason, str) or not given.reason.strip():
        raise NoRuling("it gave no reason")
    value, low, high, threshold = (_number(given, part) for part in ("value", "low", "high", "threshold"))
    n = None if given.n is None else _count(given.n)
    return Ruling(bool(given.passed), _short(given.reason), value, low, high, threshold, n, _evidence(given))


def _number(given: Ruling, part: str) -> float | None:
    value: Any = getattr(given, part)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise NoRuling(f"its `{part}` is {value!r:.80}, and not a number")
    if math.isnan(value):
        raise NoRuling(f"its `{part}` is not defined on these rows (NaN): {_short(given.reason)}")
    return float(value) if math.isfinite(value) else None


def _evidence(given: Ruling) -> dict[str, Any]:
    try:
        found = plain(dict(given.evidence), MOST_EVIDENCE)
    except (TypeError, ValueError) as error:
        raise NoRuling(f"its `evidence` cannot be kept: {error}") from None
    return dict(found)


def _count(n: Any) -> int:  # noqa: ANN401 - whatever a plugin gave
    if isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 0:
        raise NoRuling(f"its `n` is {n!r:.80}, and not a count of rows")
    return int(n)


def _short(text: str) -> str:
    """One line of no more than so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _asked(gate: ByPlugin, kind: Gate | None, facts: Facts, seed: int) -> object:
    if kind is None:
        raise NoRuling(f"no plugin offers the gate `{gate.gate}`")
    if facts.answers.task not in kind.tasks:
        raise NoRuling(f"`{gate.gate}` is no gate of the task `{facts.answers.task}`")
    if isinstance(facts.predictions, Absent):
        raise NoRuling(f"the candidate did not answer: {facts.predictions.reason}")
    if facts.rows is None:
        raise NoRuling("the held-out rows were not kept")
    others: dict[str, Any] = {who: _other(facts, who) for who in kind.asks if who in ANSWERING}
    if "live" in kind.asks:
        if isinstance(facts.live, Absent):
            raise NoRuling(f"there is nothing to compare: {facts.live.reason}")
        others["live"] = facts.live
    try:
        params = read_params(resolve(kind.params), gate.params)
    except ValidationError as error:
        told = "; ".join(f"`{'.'.join(map(str, item['loc']))}`: {item['msg']}" for item in error.errors())
        raise NoRuling(f"parameters of `{kind.name}`: {told}") from None
    # Copies: what one gate does to its values is no matter of the next one's.
    others["group"] = None if facts.group is None else facts.group.copy()
    others["answers"] = facts.answers
    if facts.beside is not None:
        others["signature"] = facts.beside.signature
    for who in kind.asks:
        others |= _beside(facts, who)
    held_out = HeldOut(facts.rows.copy(deep=True), facts.target.copy(), facts.predictions.copy(), **others)
    return within(kind.seconds, resolve(kind.judge), held_out, params, seed=seed)


def _beside(facts: Facts, who: str) -> dict[str, Any]:
    """What one word of `asks` gives beside answers."""
    if who in ANSWERING or who == "live":
        return {}
    if facts.beside is None:
        raise NoRuling(f"it asks for `{who}`, which is not here")
    try:
        return facts.beside.given(who)
    except HeadraceError as error:
        raise NoRuling(f"`{who}` cannot be had: {'; '.join(item.message for item in error.report)}") from None


def _other(facts: Facts, who: str) -> NDArray[np.float64] | None:
    """The answers of the champion or the baseline; None while there has never been a champion."""
    found = facts.others.get(who, Absent("it was not asked"))
    if not isinstance(found, Absent):
        return found.copy()
    if found.first:
        return None
    raise NoRuling(f"the {who} cannot be compared with: {found.reason}")
