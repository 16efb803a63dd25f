"""What a changed gate would have said of the recorded versions, and a changed alert of the recorded windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import Any

from headrace.hooks import Plugins
from headrace.monitoring import rules
from headrace.plan.change import Change
from headrace.plan.past import Judged, Recorded, Seen, State
from headrace.spec import Model, expression
from headrace.spec.gates import Gate

HORIZON = timedelta(days=30)
"""How far back from the newest window alerts are counted."""
FEW = 10
"""Where the horizon holds fewer windows than this, so many of the last ones are counted."""
TIMES = "\N{MULTIPLICATION SIGN}"
UNTOLD = "what it would have said of earlier versions cannot be told from what is recorded"
_TRIED = {"min", "max", "bound", "proven", "metric", "worse_by_at_most", "better_by_at_least", ""}
"""The fields of a gate whose change the recorded measurements can answer for; empty, for a gate that is new."""


def noted(model: Model, changes: Iterable[Change], recorded: Recorded, state: State, plugins: Plugins) -> Iterator[Change]:
    """The same changes, each with what it would have meant where that is known."""
    judged = state.verdicts.get(model.name, {})
    seen = state.windows.get(model.name, ())
    gates = {f"gates[{one.id}]": one for one in model.gates}
    alerts = {f"monitoring.alerts[{one.id}]": (one.when, one.windows) for one in (model.monitoring.alerts if model.monitoring else ())}
    before = {f"monitoring.alerts[{one['id']}]": _rule(one) for one in ((recorded.spec.get("monitoring") or {}).get("alerts") or ())}
    for change in changes:
        head, _, field = change.path.partition("].")
        head += "]" if field else ""
        note = None
        if head in gates and gates[head].gate is not None and judged and (field == "" or field.startswith(("gate", "params"))):
            note = UNTOLD
        elif head in gates and field in _TRIED:
            note = gate(gates[head], judged, better=_better(gates[head], plugins))
        elif head in alerts and field in ("when", "for", ""):
            note = alert(alerts[head], before.get(head), seen)
        yield replace(change, note=note) if note is not None else change


def gate(wanted: Gate, judged: Mapping[str, Sequence[Judged]], better: str | None = None) -> str | None:
    """Of how many versions that it measured before a gate would have said no; None where it measured none, or more than a number decides.

    A measurement that was not recorded with its interval says nothing about `versus`.
    """
    if wanted.slices:
        return UNTOLD if wanted.id in judged else None
    kind = "value" if wanted.versus is None else "difference"
    values = [one for one in judged.get(wanted.id, ()) if one.of in (None, kind)]
    if wanted.versus is not None:
        allowed = wanted.worse_by_at_most if wanted.better_by_at_least is None else -wanted.better_by_at_least
        told = [_worst(one, better) for one in values]
        failed = [worst > allowed for worst in told if worst is not None]
    else:
        lowest, highest = wanted.bounds
        most = highest.total_seconds() if isinstance(highest, timedelta) else highest
        ends = [_ends(one, proven=wanted.proven) for one in values]
        failed = [(lowest is not None and low < lowest) or (most is not None and high > most) for low, high in ends]
    if not failed:
        return None
    if len(failed) == 1:
        return f"the last version would {'' if failed[0] else 'not '}have failed"
    return f"{sum(failed)} of the last {len(failed)} versions would have failed"


def _ends(judged: Judged, *, proven: bool) -> tuple[float, float]:
    """Between what a value may lie, by which it is judged; where no interval was recorded nothing is proven."""
    if not proven:
        return judged.value, judged.value
    return -inf if judged.low is None else judged.low, inf if judged.high is None else judged.high


def _worst(judged: Judged, better: str | None) -> float | None:
    """How much worse a version may have been, by the bad end of its interval."""
    if better == "higher":
        return None if judged.low is None else -judged.low
    return judged.high if better == "lower" else None


def _better(wanted: Gate, plugins: Plugins) -> str | None:
    metric = plugins.metrics.get(wanted.metric or "")
    return None if metric is None else metric.better


def alert(wanted: tuple[str, int], before: tuple[str, int] | None, seen: Sequence[Seen]) -> str | None:
    """How often a rule (condition, windows in a row) would have fired over the recorded windows, and how often the old one did."""
    if not seen:
        return None
    recent = [one for one in seen if one.end > seen[-1].end - HORIZON]
    over = f"in the last {HORIZON.days}d"
    if len(recent) < FEW:
        recent = list(seen[-FEW:])
        over = f"over the last {len(recent)} windows" if len(recent) > 1 else "over the last window"
    now = _fired(wanted, seen, recent[0].number)
    if now is None:
        return None
    old = _fired(before, seen, recent[0].number) if before is not None else None
    instead = "" if old is None else f" instead of {old}{TIMES}"
    return f"would have fired {now}{TIMES}{instead} {over}"


def _fired(rule: tuple[str, int], seen: Sequence[Seen], since: int) -> int | None:
    """How often it begins to fire from a window on, by the fold that monitoring itself goes by; None for what cannot be read."""
    try:
        condition = expression.parse(rule[0])
    except expression.ExpressionError:
        return None
    held = [(one.number, condition.evaluate(one.values)) for one in seen]
    if all(value is None for _, value in held):
        return None  # it asks for what was not measured
    return sum(change.to == "firing" and change.window >= since for change in rules.transitions(held, rule[1]))


def _rule(alert_: Mapping[str, Any]) -> tuple[str, int]:
    return alert_["when"], int(str(alert_["for"]).split()[0])
