"""Whether somebody lets a version through although a gate said no: whoever does is named, and it ends on a day."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date, datetime

from headrace.gates.values import Gate, Judged, Waiver
from headrace.registry.waived import holds, stands

__all__ = ["holds", "stands", "waived"]


def waived(gate: Gate, judged: Judged, at: datetime) -> Judged:
    """The same, with its waiver where the gate failed and one holds; a waiver that has ended, or cannot be read, lets nothing through.

    The verdict stays what it is: a gate that is waived has failed. One that only warns has nothing to be waived.
    """
    waiver = gate.waive
    if judged.passed or judged.mode != "block" or waiver is None:
        return judged
    if (why := _void(waiver, at)) is not None:
        return replace(judged, reason=f"{judged.reason}; {why}")
    return replace(judged, waived=asdict(waiver))


def _void(waiver: Waiver, at: datetime) -> str | None:
    """Why a waiver is none; None where it holds."""
    if not waiver.by.strip():
        return "its waiver names nobody"
    try:
        ends = date.fromisoformat(waiver.until)
    except ValueError:
        return f"its waiver ends on no day: `{waiver.until}`"
    return None if at.date() <= ends else f"its waiver by {waiver.by} ended on {waiver.until}"
