"""What is known when the triggers are asked, and what a decision leaves behind: an event, and when to ask again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from headrace import registry
from headrace.journal import reader
from headrace.retraining.decide import Decline, Facts, Reason, Request, decide
from headrace.retraining.triggers import Decision, OnAlert, OnSchedule, Trigger
from headrace.spec import cron
from headrace.store import EventKind, Store, clock, due, events
from headrace.store.kinds import AlertState, RunStatus
from headrace.store.tables import Alert, Due, Event, Run

REQUESTED = "headrace.retraining.requested"
DECLINED = "headrace.retraining.declined"
_ASKED = "retraining"  # the key under which a run's details say that its triggers were asked
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST = timedelta(hours=12)  # of wall time: a training that was killed leaves its run `running`, and must not block all that follow


def carry_out(store: Store, triggers: Sequence[Trigger], *, model: str, run_id: str, actor: str) -> Decision:
    """Ask the triggers, and write what they decided to the log; asked again by the same run, a request is the same.

    A request is retraining.requested, whose successor is the flow `train`; a trigger that asked in vain is retraining.declined, once for as
    long as its reason stays. Puts the next tick of a schedule where `monitor` is due, if that is sooner.
    """
    now = store.clock.now()
    with store.transaction(actor, "decide on retraining", f"model/{model}") as session:
        _schedule(session, model, triggers, now)
        said = events.log(session, model, (EventKind.RETRAINING_REQUESTED, EventKind.RETRAINING_DECLINED))
        asked = _Asked(session, model, run_id, now, {event.payload["trigger"]: event for event in said})
        for event in said:
            if event.kind is EventKind.RETRAINING_REQUESTED and event.payload["run_id"] == run_id:
                return _decision(model, event)
        facts = asked.facts()
        decided = decide(facts, triggers)
        if isinstance(decided, Request):
            return asked.mark(_decision(model, asked.request(decided, facts)))
        written = [asked.decline(item, facts) for item in decided]
        return asked.mark(_decision(model, next((last for last in reversed(written) if last is not None), None)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One time that the triggers are asked, within its transaction; `last` is what was said last of each trigger."""

    session: Session
    model: str
    run_id: str
    now: datetime
    last: dict[str, Event]

    def facts(self) -> Facts:
        aliases = registry.aliases(self.session, self.model)
        champion = registry.get(self.session, self.model, aliases[registry.CHAMPION]) if registry.CHAMPION in aliases else None
        unanswered = {event.kind for event in events.unanswered(self.session, self.model)}
        firing = self.session.exec(select(Alert).where(Alert.model == self.model, Alert.state == AlertState.FIRING))
        trained = next((run.started_at for run in self._runs("train")), None)
        return Facts(
            now=self.now,
            firing={alert.rule: alert.since for alert in firing},
            looked=self._looked() or (champion.created_at if champion is not None else None),
            trained=trained,
            new_labels=reader.new_labels(
                self.session, self.model, datetime.fromisoformat(champion.manifest["as_of"]) if champion is not None else _EPOCH, self.now
            ),
            requested=EventKind.RETRAINING_REQUESTED in unanswered,
            training=self._training(),
            candidate=registry.CANDIDATE in aliases or EventKind.CANDIDATE_PASSED in unanswered,
            waiting=frozenset(
                name
                for name, event in self.last.items()
                if event.payload.get("why") == Reason.CANDIDATE and (trained is None or trained <= event.at)
            ),
        )

    def request(self, request: Request, facts: Facts) -> Event:
        payload = self._told(request.trigger, facts) | {"reason": request.reason}
        return self._append(EventKind.RETRAINING_REQUESTED, payload, successor="train")

    def decline(self, item: Decline, facts: Facts) -> Event | None:
        """Written once for as long as the reason stays: the same alert, firing since the same moment, declined for the same reason."""
        payload = self._told(item.trigger, facts) | {"why": item.reason.value, "reason": item.text}
        before = self.last.get(item.trigger.id)
        if before is not None and all(before.payload.get(key) == payload[key] for key in ("why", "alert", "since")):
            return None
        return self._append(EventKind.RETRAINING_DECLINED, payload)

    def mark(self, decision: Decision) -> Decision:
        """Write down with the run that its triggers were asked."""
        row = self.session.get(Run, self.run_id)
        if row is not None:
            row.details = {**row.details, _ASKED: {"passed": decision.passed, "event": decision.event_id}}
            self.session.add(row)
        return decision

    def _append(self, kind: EventKind, payload: dict[str, Any], successor: str | None = None) -> Event:
        """Add the event; its cause is the alert's, where an alert asked."""
        fired = events.log(self.session, self.model, (EventKind.ALERT_FIRED,))
        cause = next((event.id for event in reversed(fired) if event.payload["alert"] == payload["alert"]), None)
        return events.append(self.session, model=self.model, kind=kind, payload=payload, at=self.now, cause=cause, successor=successor)

    def _told(self, trigger: Trigger, facts: Facts) -> dict[str, Any]:
        alert = trigger.alert if isinstance(trigger, OnAlert) else None
        since = facts.firing.get(alert) if alert is not None else None
        return {
            "trigger": trigger.id,
            "alert": alert,
            "since": since.isoformat() if since is not None else None,
            "schedule": trigger.cron if isinstance(trigger, OnSchedule) else None,
            "new_labels": facts.new_labels,
            "needed_labels": trigger.new_labels,
            "run_id": self.run_id,
        }

    def _runs(self, flow: str) -> Sequence[Run]:
        """The runs of a flow, the newest first, this one aside."""
        query = select(Run).where(Run.model == self.model, Run.flow == flow, Run.id != self.run_id)
        return self.session.exec(query.order_by(col(Run.started_at).desc())).all()

    def _looked(self) -> datetime | None:
        """When a run asked the triggers last; one that was killed before it did has left no mark."""
        return next((run.started_at for run in self._runs("monitor") if _ASKED in run.details), None)

    def _training(self) -> bool:
        running = {run.id for run in self._runs("train") if run.status is RunStatus.RUNNING}
        if not running:
            return False
        alive = clock.wall() - _LOST
        started = events.log(self.session, self.model, (EventKind.RUN_STARTED,))
        return any(event.payload["run_id"] in running and event.recorded_at > alive for event in started)


def _decision(model: str, event: Event | None) -> Decision:
    """An event as it is announced: its id as text, since Prefect hands templates on as text."""
    if event is None:
        return Decision(passed=False, event=DECLINED, event_id="", payload={"model": model})
    passed = event.kind is EventKind.RETRAINING_REQUESTED
    payload: dict[str, object] = {"id": event.id, "model": model, **event.payload}
    return Decision(passed=passed, event=REQUESTED if passed else DECLINED, event_id=event.id, payload=payload)


def _schedule(session: Session, model: str, triggers: Sequence[Trigger], now: datetime) -> None:
    ticks = [cron.parse(trigger.cron).next(now) for trigger in triggers if isinstance(trigger, OnSchedule)]
    tick = min((tick for tick in ticks if tick is not None), default=None)
    planned = session.get(Due, (model, "monitor"))
    if tick is not None and (planned is None or tick < planned.at):
        due.put(session, model, "monitor", tick, "a retraining is scheduled")
