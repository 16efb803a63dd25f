"""An experiment as it is told: what a look says in plain words, how its intervals went, and what its end can still find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from math import exp, isfinite
from typing import TYPE_CHECKING, Any

from headrace.experiment.analyse import analyse
from headrace.experiment.exposure import expose
from headrace.experiment.observe import observe
from headrace.experiment.observed import Observed
from headrace.experiment.planned import planned_units, power_of
from headrace.store import Store
from headrace.store.experimental import Experiment

if TYPE_CHECKING:
    from headrace.experiment.analysis import Analysis
    from headrace.experiment.declared import Declared
    from headrace.hooks import Plugins

_MOST = 12
"""So many moments are told of, where fewer looks were taken."""
_WORDS = {
    "win": "A winner.",
    "lose": "No winner: the candidate is worse.",
    "guardrail": "No winner: a guardrail is broken.",
    "undecided": "Nothing is decided.",
    "warming_up": "Too early to say anything.",
    "no_data": "Nothing is known: data is missing, and that is no zero.",
    "invalid": "Not to be used: units did not arrive at the shares that were set.",
}


def report(
    store: Store, row: Experiment, declared: Declared, at: datetime, plugins: Plugins, *, actor: str, segment: str | None = None
) -> dict[str, Any]:
    """All of an experiment at a moment, as plain JSON; `segment` is a column that is told apart beside the declared ones.

    It looks, and takes no look: nothing is decided by it, and no error is spent. Raises as `observe` and `expose`.
    """
    if segment is not None and segment not in declared.segments:
        from dataclasses import replace

        declared = replace(declared, segments=(*declared.segments, segment))
    with store.transaction(actor, "expose", f"experiment/{row.id}", often=True) as session:
        expose(session, row, declared)
    with store.read() as session:
        seen = {moment: observe(session, row, declared, moment, plugins=plugins) for moment in _moments(row, at)}
    found = {moment: analyse(declared, one, moment) for moment, one in seen.items()}
    return _told(row, declared, found[at], seen[at], [one for moment, one in sorted(found.items())])


def _told(row: Experiment, declared: Declared, now: Analysis, observed: Observed, series: Sequence[Analysis]) -> dict[str, Any]:
    comparisons = [asdict(one) for one in now.comparisons]
    return {
        "experiment": row.number,
        "model": row.model,
        "at": now.at.isoformat(),
        "state": row.state,
        "design": declared.design,
        "verdict": now.verdict,
        "winner": now.winner,
        "says": f"{_WORDS[now.verdict]} {now.reason[:1].upper()}{now.reason[1:]}.",
        "units": now.units,
        "switched": dict(observed.switched),
        "newest": None if observed.newest is None else observed.newest.isoformat(),
        "information": now.information,
        "sample_ratio": {"evidence": exp(min(now.sample_ratio, 700.0)), "alarm": 1000, "kept": now.verdict != "invalid"},
        "power": _power(row, declared, now),
        "comparisons": comparisons,
        "series": [
            {"at": one.at.isoformat(), "verdict": one.verdict, "information": one.information, **_point(one, declared)} for one in series
        ],
    }


def _point(one: Analysis, declared: Declared) -> Mapping[str, Any]:
    decided = {each.metric for each in declared.primary}
    keys = ("metric", "arm", "difference", "low", "high")
    shown = [c for c in one.comparisons if c.role == "primary" and c.segment is None and c.metric in decided]
    return {"intervals": [{key: getattr(c, key) for key in keys} for c in shown]}


def _power(row: Experiment, declared: Declared, now: Analysis) -> dict[str, Any]:
    """The units that were planned, those that the end will have at this pace, and how likely they find what is looked for."""
    took, whole = now.at - row.started_at, row.enrols_until - row.started_at
    have, planned = sum(now.units.values()), planned_units(declared)
    pace = have / max(took / timedelta(days=1), 1e-9) if took > timedelta(0) else 0.0
    left = max(row.enrols_until - now.at, timedelta(0)) / timedelta(days=1)
    expected = have + pace * left
    return {
        "planned": planned if isfinite(planned) else None,
        "have": have,
        "expected_at_end": round(expected),
        "enrolled_share": min(1.0, took / whole) if whole > timedelta(0) else 1.0,
        "power_at_end": power_of(declared, expected) if expected > 0 else 0.0,
    }


def _moments(row: Experiment, at: datetime) -> list[datetime]:
    """When it was looked at, and now; where nobody looked, some moments between its start and now."""
    looks = sorted({datetime.fromisoformat(str(one["at"])) for one in row.details.get("looks", [])})
    before = [moment for moment in looks if moment < at]
    if not before and at > row.started_at:
        step = (at - row.started_at) / _MOST
        before = [row.started_at + step * place for place in range(1, _MOST)]
    return [*before, at]
