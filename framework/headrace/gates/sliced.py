"""A gate asked of slices of the held-out rows: all must pass, the worst one is told, and one with too few rows is named."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.gates.facts import Facts
from headrace.gates.rows import grouped, label, part, sizes, where
from headrace.gates.unjudgeable import Unjudgeable
from headrace.gates.values import Bounded, Judged, NoWorse, Slice
from headrace.hooks import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 500
"""Slices that one gate may have: who slices by a number, or by a name, judges nothing."""
_NAMED = 10
"""So many slices with too few rows are named in a reason; the evidence names all."""

Ask = Callable[[Bounded, Facts], Judged]


def sliced(gate: Bounded, metric: Metric, facts: Facts, ask: Ask) -> Judged:
    """What the gate says of its worst slice; Unjudgeable where one cannot be judged, or none has enough rows."""
    if metric.needs in {"latency", "noise", "ranking"}:
        raise Unjudgeable(f"`{gate.metric}` has no value for a slice of the rows")
    told: list[dict[str, Any]] = []
    judged: list[tuple[str, Judged]] = []
    plain = replace(gate, slices=())
    for name, rows, asked in _slices(gate, facts):
        n = int(rows.sum())
        if n < asked.min_rows:
            told.append({"slice": name, "n": n, "status": "insufficient", "min_rows": asked.min_rows})
            if asked.where is not None:
                raise Unjudgeable(f"the slice `{name}` has {n} rows, and {asked.min_rows} are needed", {"slices": told})
            continue
        found = ask(plain, part(facts, rows))
        judged.append((name, found))
        told.append({"slice": name, "n": n, "status": "passed" if found.passed else "failed", **_numbers(found)})
    few = [f"{one['slice']} ({one['n']})" for one in told if one["status"] == "insufficient"]
    if not judged:
        raise Unjudgeable(f"no slice has enough rows: {_listed(few)}", {"slices": told})
    name, worst = min(judged, key=lambda one: _room(gate, metric, one[1]))
    note = f"; insufficient, and not judged: {_listed(few)}" if few else ""
    failed = sum(not found.passed for _, found in judged)
    reason = f"{worst.reason}; that is of the slice `{name}`, the worst of {len(judged)}{f' ({failed} failed)' if failed else ''}{note}"
    return replace(worst, reason=reason, evidence={**(worst.evidence or {}), "slice": name, "slices": told})


def _slices(gate: Bounded, facts: Facts) -> Iterator[tuple[str, NDArray[np.bool_], Slice]]:
    seen = 0
    for asked in gate.slices:
        if asked.where is not None:
            yield asked.where, where(facts, asked.where), asked
            continue
        groups = grouped(facts, asked.by)
        texts = groups.astype(str)
        for name, _ in sizes(groups):
            seen += 1
            if seen > MOST:
                raise Unjudgeable(f"there are more than {MOST} slices")
            yield label(asked.by, name), texts == name, asked


def _room(gate: Bounded, metric: Metric, judged: Judged) -> tuple[bool, float]:
    """How far a slice is from failing: one that failed comes first, whatever its numbers."""
    if isinstance(gate, NoWorse):
        end = judged.low if metric.better == "higher" else None if judged.high is None else -judged.high
    else:
        least = (judged.evidence or {}).get("bound") == "min"
        proven = judged.low if least else judged.high
        end = proven if gate.proven else judged.value
        end = end if end is None or least else -end
    return judged.passed, -math.inf if end is None else end


def _numbers(judged: Judged) -> dict[str, Any]:
    if judged.value is None:
        return {"reason": judged.reason}
    return {"value": judged.value, "low": judged.low, "high": judged.high}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
