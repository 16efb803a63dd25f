"""Rules over a model's windows carried out: what changed is an event, a row of the alert, and a message to each channel, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session, col, select

from headrace import notify
from headrace.hooks import Message
from headrace.monitoring import drift as drifts
from headrace.monitoring import rules
from headrace.monitoring.values import Alert, Alerts, Windows
from headrace.spec import expression
from headrace.store import EventKind, Store, clock, events, tables
from headrace.store.kinds import AlertState

_SHOWN = 5


def judge(store: Store, windows: Windows, alerts: Sequence[Alert], *, actor: str) -> Alerts:
    """Fire and resolve what the windows say; asked twice it changes nothing the second time.

    A firing alert whose rule is gone is resolved. HeadraceError where a rule's condition cannot be read.
    """
    now = store.clock.now()
    with store.transaction(actor, "judge alerts", f"model/{windows.model}") as session:
        history = list(session.exec(select(tables.Window).where(tables.Window.model == windows.model).order_by(col(tables.Window.number))))
        fired, resolved = [], []
        for alert in alerts:
            for change in _changes(session, windows, alert, history):
                _announce(session, windows, alert, _numbered(history, change.window), change.to, now)
                (fired if change.to == "firing" else resolved).append(alert.id)
        resolved += _drop(session, windows, [alert.id for alert in alerts], now)
        rows = session.exec(select(tables.Alert).where(tables.Alert.model == windows.model, tables.Alert.state == AlertState.FIRING))
        firing = sorted(row.rule for row in rows)
    return Alerts(windows.model, windows.run, firing, fired, resolved)


def _changes(session: Session, windows: Windows, alert: Alert, history: Sequence[tables.Window]) -> list[rules.Transition]:
    condition = expression.parse(alert.when)
    held = [(window.number, condition.evaluate(_values(window))) for window in history]
    through = max((number for number, value in held if value is not None), default=0)
    row = session.get(tables.Alert, rules.fingerprint(windows.model, alert.id))
    if row is None:
        young = min([*windows.closed, *windows.labelled], default=through + 1)
        return rules.first(held, alert.windows, young - 1)
    firing = row.state is AlertState.FIRING
    asked = {"when": alert.when, "windows": alert.windows}
    if {key: row.details.get(key) for key in asked} == asked:
        found = rules.transitions(held, alert.windows, firing=firing, through=row.details["through"])
    else:
        # Another rule now: what it says today counts, not what it would have said of old windows.
        whole = rules.transitions(held, alert.windows)
        state = whole[-1].to if whole else "resolved"
        found = [] if (state == "firing") == firing else [rules.Transition(through, state)]
    row.details = {**row.details, **asked, "through": max(through, row.details["through"])}
    session.add(row)
    return found


def _values(window: tables.Window) -> dict[str, float | bool | None]:
    return rules.values(window.drift, window.estimate, window.performance, window.unseen_share)


def _numbered(history: Sequence[tables.Window], number: int) -> tables.Window:
    return next(window for window in history if window.number == number)


def _announce(
    session: Session, windows: Windows, alert: Alert, window: tables.Window, to: Literal["firing", "resolved"], now: datetime
) -> None:
    details = _details(alert, window)
    fingerprint = rules.fingerprint(windows.model, alert.id)
    through = {"through": window.number, "when": alert.when, "windows": alert.windows}
    row = session.get(tables.Alert, fingerprint)
    if row is None:
        row = tables.Alert(fingerprint=fingerprint, model=windows.model, rule=alert.id, state=AlertState(to), since=now, details={})
    row.state, row.since, row.window_number = AlertState(to), now, window.number
    row.details = {**row.details, **details, **through, "through": max(window.number, row.details.get("through", 0))}
    session.add(row)
    kind = EventKind.ALERT_FIRED if to == "firing" else EventKind.ALERT_RESOLVED
    payload = {"fingerprint": fingerprint, "alert": alert.id, "status": to, **details}
    event = events.append(session, model=windows.model, kind=kind, payload=payload, at=now)
    message = Message(
        fingerprint=fingerprint,
        model=windows.model,
        alert=alert.id,
        severity=alert.severity,
        status=to,
        title=f"model/{windows.model}: {alert.id} {'fires' if to == 'firing' else 'is resolved'}",
        text=_text(alert, details),
        details={**details, "event": event.id},
        at=now,
    )
    notify.put(session, message, alert.notify, clock.wall())


def _details(alert: Alert, window: tables.Window) -> dict[str, Any]:
    """All that a reader needs to judge the alert: the condition and its values, the window, and what drifted by how much."""
    names = sorted(expression.parse(alert.when).names())
    values = _values(window)
    drift = window.drift
    return {
        "rule": alert.id,
        "when": alert.when,
        "windows": alert.windows,
        "severity": alert.severity,
        "notify": list(alert.notify),
        "window": {
            "number": window.number,
            "start": window.start.isoformat(),
            "end": window.end.isoformat(),
            "n": window.n,
            "version": window.version,
        },
        "values": {name: values.get(name) for name in names},
        "drift": None if drift is None else {key: drift[key] for key in ("method", "warning", "critical_from", "share", "max")},
        "drifted": [] if drift is None else drifts.drifted(drift),
        "performance": window.performance,
        "estimate": window.estimate,
    }


def _text(alert: Alert, details: Mapping[str, Any]) -> str:
    """Three lines for a person: the rule and its values, the window, the features."""
    window, drift = details["window"], details["drift"]
    values = ", ".join(f"{name} = {'unknown' if value is None else format(value, '.4g')}" for name, value in details["values"].items())
    lines = [
        f"{alert.when} ({values})",
        f"window {window['number']}: {window['start'][:10]} to {window['end'][:10]}, {window['n']} predictions",
    ]
    if details["drifted"]:
        strongest = [f"{item['feature']} {item['effect']:.3g} (n {item['n']})" for item in details["drifted"][:_SHOWN]]
        more = len(details["drifted"]) - _SHOWN
        lines.append(f"drifted, by {drift['method']} from {drift['warning']:g}: {', '.join(strongest)}{f' and {more} more' if more > 0 else ''}")
    return "\n".join(lines)


def _drop(session: Session, windows: Windows, kept: Sequence[str], now: datetime) -> list[str]:
    """Resolve the firing alerts whose rule is gone, and tell those who were told that it fires."""
    rows = session.exec(select(tables.Alert).where(tables.Alert.model == windows.model, tables.Alert.state == AlertState.FIRING))
    gone = [row for row in rows if row.rule not in kept]
    for row in gone:
        row.state, row.since = AlertState.RESOLVED, now
        session.add(row)
        reason = "the rule is gone"
        payload = {"fingerprint": row.fingerprint, "alert": row.rule, "status": "resolved", "reason": reason}
        events.append(session, model=windows.model, kind=EventKind.ALERT_RESOLVED, payload=payload, at=now)
        message = Message(
            fingerprint=row.fingerprint,
            model=windows.model,
            alert=row.rule,
            severity=row.details["severity"],
            status="resolved",
            title=f"model/{windows.model}: {row.rule} is resolved",
            text=reason,
            details=payload,
            at=now,
        )
        notify.put(session, message, row.details["notify"], clock.wall())
    return [row.rule for row in gone]
