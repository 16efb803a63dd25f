"""Rules over a model's windows carried out: what changed is an event, a row of the alert, and a message to each channel, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session, col, select

from headrace import notify
from headrace.diagnostics import Diagnostic, HeadraceError
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

    A firing alert whose rule is gone is resolved. HeadraceError `bad-condition` where a rule's condition cannot be read.
    """
    now = store.clock.now()
    fired: list[str] = []
    resolved: list[str] = []
    with store.transaction(actor, "judge alerts", f"model/{windows.model}") as session:
        query = select(tables.Window).where(tables.Window.model == windows.model).order_by(col(tables.Window.number))
        look = _Look(session, windows, now, {window.number: window for window in session.exec(query)})
        for alert in alerts:
            for change in look.changes(alert):
                look.announce(alert, change)
                (fired if change.to == "firing" else resolved).append(alert.id)
        for row in look.firing():
            if row.rule not in {alert.id for alert in alerts}:
                look.drop(row)
                resolved.append(row.rule)
        return Alerts(windows.model, windows.run_id, [row.rule for row in look.firing()], fired, resolved)


@dataclass(frozen=True, slots=True)
class _Look:
    """One time that the rules are judged, within its transaction; `history` is every window by its number, in order."""

    session: Session
    windows: Windows
    now: datetime
    history: Mapping[int, tables.Window]

    @property
    def model(self) -> str:
        return self.windows.model

    def firing(self) -> Sequence[tables.Alert]:
        return self.session.exec(
            select(tables.Alert).where(tables.Alert.model == self.model, tables.Alert.state == AlertState.FIRING)
        ).all()

    def changes(self, alert: Alert) -> list[rules.Transition]:
        condition = _condition(alert)
        held = [(number, condition.evaluate(_values(window))) for number, window in self.history.items()]
        through = max((number for number, value in held if value is not None), default=0)
        row = self.session.get(tables.Alert, rules.fingerprint(self.model, alert.id))
        if row is None:
            young = min([*self.windows.closed, *self.windows.labelled], default=through + 1)
            return rules.first(held, alert.windows, young - 1)
        firing = row.state is AlertState.FIRING
        asked = {"when": alert.when, "windows": alert.windows}
        if {key: row.details.get(key) for key in asked} == asked:
            found = rules.transitions(held, alert.windows, firing=firing, through=row.details["through"])
        else:
            # Another rule now: what it says today counts, not what it would have said of old windows.
            whole = rules.transitions(held, alert.windows)
            state = whole[-1].to if whole else "resolved"
            found = [rules.Transition(through, state)] if through and (state == "firing") != firing else []
        row.details = {**row.details, **asked, "through": max(through, row.details["through"])}
        self.session.add(row)
        return found

    def announce(self, alert: Alert, change: rules.Transition) -> None:
        """The alert's row, the event and the messages of one change."""
        window = self.history[change.window]
        details = _details(alert, window)
        fingerprint = rules.fingerprint(self.model, alert.id)
        row = self.session.get(tables.Alert, fingerprint)
        if row is None:
            state = AlertState(change.to)
            row = tables.Alert(fingerprint=fingerprint, model=self.model, rule=alert.id, state=state, since=self.now, details={})
        row.state, row.since, row.window_number = AlertState(change.to), self.now, window.number
        row.details = {**row.details, **details, "through": max(window.number, row.details.get("through", 0))}
        self.session.add(row)
        self._tell(row, alert.severity, change.to, _text(details), details)

    def drop(self, row: tables.Alert) -> None:
        """Resolve an alert whose rule is gone, and tell those who were told that it fires."""
        row.state, row.since = AlertState.RESOLVED, self.now
        self.session.add(row)
        text = "the rule is gone"
        self._tell(row, row.details["severity"], "resolved", text, {"reason": text, "notify": row.details["notify"]})

    def _tell(
        self,
        row: tables.Alert,
        severity: Literal["info", "warning", "critical"],
        to: Literal["firing", "resolved"],
        text: str,
        details: dict[str, Any],
    ) -> None:
        payload = {"fingerprint": row.fingerprint, "alert": row.rule, "status": to, **details}
        kind = EventKind.ALERT_FIRED if to == "firing" else EventKind.ALERT_RESOLVED
        event = events.append(self.session, model=self.model, kind=kind, payload=payload, at=self.now)
        message = Message(
            fingerprint=row.fingerprint,
            model=self.model,
            alert=row.rule,
            severity=severity,
            status=to,
            title=f"model/{self.model}: {row.rule} {'fires' if to == 'firing' else 'is resolved'}",
            text=text,
            details={**details, "event": event.id},
            at=self.now,
        )
        notify.put(self.session, message, details["notify"], clock.wall())


def _condition(alert: Alert) -> expression.Condition:
    try:
        return expression.parse(alert.when)
    except expression.ExpressionError as error:
        message = f"the alert `{alert.id}` cannot be judged: {error}"
        raise HeadraceError(Diagnostic("bad-condition", message, help="type `headrace validate`")) from error


def _values(window: tables.Window) -> dict[str, float | bool | None]:
    return rules.values(window.drift, window.estimate, window.performance, window.unseen_share)


def _details(alert: Alert, window: tables.Window) -> dict[str, Any]:
    """All that a reader needs to judge the alert: the condition and its values, the window, and what drifted by how much."""
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
        "values": {name: values.get(name) for name in sorted(_condition(alert).names())},
        "drift": None if drift is None else {key: drift[key] for key in ("method", "warning", "critical_from", "share", "max")},
        "drifted": [] if drift is None else drifts.drifted(drift),
        "failed": {} if drift is None else drifts.failed(drift),
        "performance": window.performance,
        "estimate": window.estimate,
    }


def _text(details: Mapping[str, Any]) -> str:
    """Lines for a person: the rule with its values, the window, the features."""
    window, drift, drifted = details["window"], details["drift"], details["drifted"]
    values = ", ".join(f"{name} = {'unknown' if value is None else format(value, '.4g')}" for name, value in details["values"].items())
    lines = [
        f"{details['when']} ({values})",
        f"window {window['number']}: {window['start'][:10]} to {window['end'][:10]}, {window['n']} predictions",
    ]
    if drifted:
        strongest = ", ".join(f"{item['feature']} {item['effect']:.3g} (n {item['n']})" for item in drifted[:_SHOWN])
        more = f" and {len(drifted) - _SHOWN} more" if len(drifted) > _SHOWN else ""
        lines.append(f"drifted, by {drift['method']} from {drift['warning']:g}: {strongest}{more}")
    lines += [f"{feature} could not be judged: {why}" for feature, why in list(details["failed"].items())[:_SHOWN]]
    return "\n".join(lines)
