"""What the gates said of one version, as a report: every number in it is one of the verdicts', or counted from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from headrace.gates.recommended import recommended
from headrace.gates.waivers import holds, stands
from headrace.registry import Version
from headrace.store.tables import Verdict


def report(version: Version, rows: Sequence[Verdict], at: datetime) -> dict[str, Any]:
    """A version, how many of its gates passed, each with its evidence, and what is recommended; as plain JSON.

    `rows` are what the gates said when the version was last judged, `at` is now: whether it may be used is told as of then.
    """
    gates = [_gate(row, at) for row in rows]
    counted = [gate["outcome"] for gate in gates]
    return {
        "model": version.model,
        "version": version.number,
        "algorithm": version.algorithm,
        "manifest": version.manifest_digest,
        "run": rows[0].run_id,
        "judged_at": rows[0].at.isoformat(),
        "reported_at": at.isoformat(),
        "verdict": "passed" if all(stands(row, at) for row in rows) else "rejected",
        "totals": {
            "gates": len(gates),
            **{outcome: counted.count(outcome) for outcome in ("passed", "failed", "warned", "waived")},
        },
        "gates": gates,
        "metrics": {name: value for name, value in version.manifest.get("metrics", {}).items() if value is not None},
        "recommendations": list(recommended(gates, version.manifest.get("metrics", {}))),
    }


def _gate(row: Verdict, at: datetime) -> dict[str, Any]:
    waived = None
    if row.waived is not None:
        left = date.fromisoformat(str(row.waived["until"])) - at.date()
        waived = {**row.waived, "holds": holds(row.waived, at), "days_left": max(left.days, 0)}
    return {
        "gate": row.gate,
        "metric": row.metric,
        "outcome": _outcome(row, at),
        "passed": row.passed,
        "mode": row.mode,
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "threshold": row.threshold,
        "wanted": _wanted(row),
        "n": row.n,
        "reason": row.reason,
        "data": row.data_digest,
        "judged_at": row.at.isoformat(),
        "evidence": row.evidence,
        "waived": waived,
    }


def _wanted(row: Verdict) -> str | None:
    """The threshold in words where its sign would mislead: how much worse or better than another model, whichever way the metric goes."""
    if row.threshold is None or "versus" not in (row.evidence or {}):
        return None
    return f"{abs(row.threshold):.4g} better" if row.threshold < 0 else f"{row.threshold:.4g} worse" if row.threshold else "no worse"


def _outcome(row: Verdict, at: datetime) -> str:
    """One word for a gate: whoever is waived has failed, and is let through as long as the waiver holds."""
    if row.passed:
        return "passed"
    if row.mode != "block":
        return "warned"
    return "waived" if row.waived is not None and holds(row.waived, at) else "failed"
