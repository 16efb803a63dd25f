"""What a replay tells: a timeline, windows, alerts natural or injected, and whether what was expected happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from headrace.spec.backtest import Backtest, Expectation
from headrace.store import EventKind
from headrace.store.tables import Event

TOLD = {
    EventKind.CANDIDATE_REGISTERED: "version {number} trained",
    EventKind.CANDIDATE_PASSED: "version {number} passed its gates",
    EventKind.CANDIDATE_REJECTED: "version {number} was rejected by its gates: {failed}",
    EventKind.ROLLOUT_STARTED: "canary of version {candidate} began",
    EventKind.ROLLOUT_RAISED: "canary of version {candidate} raised to {weight:.0%}",
    EventKind.ROLLOUT_ABORTED: "canary of version {candidate} aborted: {reason}",
    EventKind.ROLLOUT_PROMOTED: "version {candidate} promoted to champion",
    EventKind.ROLLOUT_ROLLED_BACK: "version {candidate} rolled back: {reason}",
    EventKind.ALERT_FIRED: "alert {rule} fired",
    EventKind.ALERT_RESOLVED: "alert {rule} resolved",
    EventKind.RETRAINING_REQUESTED: "retraining requested: {reason}",
    EventKind.RETRAINING_DECLINED: "retraining declined: {reason}",
}
"""The events that a timeline tells, and how."""


class _Said(dict[str, Any]):
    """Payload values by name; one that is not there is told as `?`."""

    def __missing__(self, key: str) -> str:
        return "?"


def _tell(event: Event) -> str:
    try:
        return TOLD[event.kind].format_map(_Said(event.payload))
    except (ValueError, TypeError):
        return str(event.kind)


def incident_of(start: datetime, end: datetime, incidents: Sequence[tuple[str, datetime, datetime | None]]) -> list[str]:
    """The incidents that a window overlaps; none of them makes what it shows natural."""
    return [name for name, first, last in incidents if end >= first and (last is None or start < last)]


def summarise(
    backtest: Backtest,
    events: Sequence[Event],
    windows: Sequence[Mapping[str, Any]],
    *,
    incidents: Sequence[tuple[str, datetime, datetime | None]],
    counts: Mapping[str, Any],
) -> dict[str, Any]:
    """One plain dict; `windows` have number, start, end, version, drift, estimate, performance, unseen_share."""
    alerts, shown = _alerts(events, windows, incidents), [_shown(window, incidents) for window in windows]
    happened = {
        "retrainings": sum(event.kind is EventKind.RETRAINING_REQUESTED for event in events),
        "trainings": sum(event.kind is EventKind.CANDIDATE_REGISTERED for event in events),
        "rejections": sum(event.kind is EventKind.CANDIDATE_REJECTED for event in events),
        "promotions": sum(event.kind is EventKind.ROLLOUT_PROMOTED for event in events),
        "rollbacks": sum(event.kind is EventKind.ROLLOUT_ROLLED_BACK for event in events),
        "alerts": len(alerts),
        "alerts_injected": sum(alert["cause"] == "injected" for alert in alerts),
        "windows": len(windows),
    }
    return {
        "backtest": backtest.name,
        "model": backtest.model.split("/", 1)[1],
        "happened": happened,
        "counts": dict(counts),
        "timeline": [
            {"at": event.at.isoformat(), "event": str(event.kind), "text": _tell(event)} for event in events if event.kind in TOLD
        ],
        "windows": shown,
        "alerts": alerts,
        "incidents": [
            {"id": name, "from": first.isoformat(), "to": last.isoformat() if last is not None else None} for name, first, last in incidents
        ],
        "expectations": expectations(backtest.expect, happened, shown),
    }


def _alerts(
    events: Sequence[Event], windows: Sequence[Mapping[str, Any]], incidents: Sequence[tuple[str, datetime, datetime | None]]
) -> list[dict[str, Any]]:
    """Each alert with its window, and whether an incident was injected there."""
    by_number = {window["number"]: window for window in windows}
    alerts = []
    for event in events:
        if event.kind is not EventKind.ALERT_FIRED:
            continue
        number = (event.payload.get("window") or {}).get("number")
        window = by_number.get(number)
        causes = incident_of(window["start"], window["end"], incidents) if window is not None else []
        alerts.append(
            {
                "rule": event.payload.get("rule"),
                "at": event.at.isoformat(),
                "window": number,
                "cause": "injected" if causes else "natural",
                "incidents": causes,
            }
        )
    return alerts


def _shown(window: Mapping[str, Any], incidents: Sequence[tuple[str, datetime, datetime | None]]) -> dict[str, Any]:
    """A window as the report shows it."""
    return {
        "number": window["number"],
        "start": window["start"].isoformat(),
        "end": window["end"].isoformat(),
        "version": window["version"],
        "drift_share": (window["drift"] or {}).get("share"),
        "drift_max": (window["drift"] or {}).get("max"),
        "estimate": (window["estimate"] or {}).get("value"),
        "performance": (window["performance"] or {}).get("value"),
        "incidents": incident_of(window["start"], window["end"], incidents),
    }


def expectations(expect: Expectation | None, happened: Mapping[str, int], windows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each expectation with what was found; one that cannot be judged is not met."""
    if expect is None:
        return []
    found: list[dict[str, Any]] = []
    for name, bounds in (("retrainings", expect.retrainings), ("promotions", expect.promotions)):
        if bounds is not None:
            low, high = bounds
            found.append({"expect": name, "wanted": f"{low} to {high}", "found": happened[name], "met": low <= happened[name] <= high})
    if expect.champion_min is not None:
        labelled = [window["performance"] for window in windows if window["performance"] is not None]
        last = labelled[-1] if labelled else None
        found.append(
            {
                "expect": "champion_min",
                "wanted": f"at least {expect.champion_min:g} in the last labelled window",
                "found": last,
                "met": last is not None and last >= expect.champion_min,
            }
        )
    return found


def text(summary: Mapping[str, Any]) -> str:
    """The summary as a person reads it in a terminal."""
    lines = [f"Timeline of {summary['backtest']}"]
    lines += [f"  {entry['at'][:10]}  {entry['text']}" for entry in summary["timeline"]]
    lines += ["", "Windows   from        to          version  drift  estimate  realised"]
    for window in summary["windows"]:
        cells = [
            f"{value:.3f}" if value is not None else "-" for value in (window["drift_share"], window["estimate"], window["performance"])
        ]
        told = f"   {', '.join(window['incidents'])}" if window["incidents"] else ""
        when = f"{window['start'][:10]}  {window['end'][:10]}"
        lines.append(f"{window['number']:>7}   {when}  {window['version']:>7}  {cells[0]:>5}  {cells[1]:>8}  {cells[2]:>8}{told}")
    if summary["alerts"]:
        lines += ["", "Alerts"]
        lines += [
            f"  {alert['at'][:10]}  {alert['rule']}: {alert['cause']}"
            + (f" ({', '.join(alert['incidents'])})" if alert["incidents"] else "")
            for alert in summary["alerts"]
        ]
    happened = summary["happened"]
    lines += [
        "",
        (
            f"{summary['counts'].get('requests', 0):,} requests, {happened['windows']} windows, {happened['alerts']} alerts "
            f"({happened['alerts_injected']} injected), {happened['retrainings']} retrainings, {happened['promotions']} promotions, "
            f"{happened['rollbacks']} rollbacks."
        ),
    ]
    lines += [
        f"  {'met ' if item['met'] else 'MISSED'} {item['expect']}: wanted {item['wanted']}, found {item['found']}"
        for item in summary["expectations"]
    ]
    return "\n".join(lines)
