"""What is known when the triggers are asked, and what a decision leaves behind: an event, and when to ask again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from headrace import registry
from headrace.journal import reader
from headrace.retraining import cron
from headrace.retraining.decide import WAITS, Decline, Facts, Request, decide
from headrace.retraining.triggers import Decision, OnAlert, OnSchedule, Trigger
from headrace.store import EventKind, Store, clock, due, events
from headrace.store.kinds import AlertState, RunStatus
from headrace.store.tables import Alert, Due, Event, Run

REQUESTED = "headrace.retraining.requested"
DECLINED = "headrace.retraining.declined"
_LOST = timedelta(hours=12)  # of wall time: a training that was killed leaves its run `running`, and must not block all that follow


def carry_out(store: Store, triggers: Sequence[Trigger], *, model: str, run: str, actor: str) -> Decision:
    """Ask the triggers, and write what they decided to the log; asked again by the same run, the answer is the same.

    A request is retraining.requested, whose successor is the flow `train`; a trigger that asked in vain is retraining.declined, once for as
    long as its reason stays. Puts the next tick of a schedule where `monitor` is due, if that is sooner.
    """
    now = store.clock.now()
    with store.transaction(actor, "decide on retraining", f"model/{model}") as session:
        _schedule(session, model, triggers, now)
        said = events.log(session, model, (EventKind.RETRAINING_REQUESTED, EventKind.RETRAINING_DECLINED))
        answered = next((event for event in said if event.kind is EventKind.RETRAINING_REQUESTED and event.payload["run"] == run), None)
        if answered is not None:
            return Decision(passed=True, event=REQUESTED, event_id=answered.id, payload=_payload(answered))
        facts = _facts(session, model, run, now, said)
        decided = decide(facts, triggers)
        if isinstance(decided, Request):
            payload = _told(decided.trigger, facts, run) | {"reason": decided.reason}
            event = events.append(
                session, model=model, kind=EventKind.RETRAINING_REQUESTED, payload=payload, at=now, cause=_cause(session, run), successor="train"
            )
            return Decision(passed=True, event=REQUESTED, event_id=event.id, payload=_payload(event))
        written = [_decline(session, model, item, facts, run, said) for item in decided]
        last = next((event for event in reversed(written) if event is not None), None)
    if last is None:
        return Decision(passed=False, event=DECLINED, event_id="", payload={"model": model})
    return Decision(passed=False, event=DECLINED, event_id=last.id, payload=_payload(last))


def _facts(session: Session, model: str, run: str, now: datetime, said: Sequence[Event]) -> Facts:
    aliases = registry.aliases(session, model)
    champion = registry.get(session, model, aliases[registry.CHAMPION]) if registry.CHAMPION in aliases else None
    known = datetime.fromisoformat(champion.manifest["as_of"]) if champion is not None else datetime.min.replace(tzinfo=now.tzinfo)
    open_events = events.unanswered(session, model)
    firing = session.exec(select(Alert).where(Alert.model == model, Alert.state == AlertState.FIRING))
    looked = _started(session, model, "monitor", run)
    if looked is None and champion is not None:
        looked = champion.created_at
    return Facts(
        now=now,
        firing={alert.rule: alert.since for alert in firing},
        looked=looked,
        trained=_started(session, model, "train", run),
        new_labels=reader.new_labels(session, model, known, now),
        requested=any(event.kind is EventKind.RETRAINING_REQUESTED for event in open_events),
        training=_training(session, model),
        candidate=registry.CANDIDATE in aliases or any(event.kind is EventKind.CANDIDATE_PASSED for event in open_events),
        waiting=frozenset(name for name, event in _latest(said).items() if event.payload.get("why") in WAITS),
    )


def _started(session: Session, model: str, flow: str, run: str) -> datetime | None:
    """When the last run of a flow started, this one aside."""
    query = select(Run.started_at).where(Run.model == model, Run.flow == flow, Run.id != run)
    return session.exec(query.order_by(col(Run.started_at).desc()).limit(1)).first()


def _training(session: Session, model: str) -> bool:
    running = set(session.exec(select(Run.id).where(Run.model == model, Run.flow == "train", Run.status == RunStatus.RUNNING)))
    if not running:
        return False
    alive = clock.wall() - _LOST
    return any(
        event.payload.get("run") in running and event.recorded_at > alive for event in events.log(session, model, (EventKind.RUN_STARTED,))
    )


def _latest(said: Sequence[Event]) -> dict[str, Event]:
    """The last thing said of each trigger."""
    return {event.payload["trigger"]: event for event in said}


def _decline(session: Session, model: str, item: Decline, facts: Facts, run: str, said: Sequence[Event]) -> Event | None:
    """Written once for as long as the reason stays: the same alert, firing since the same moment, declined for the same reason."""
    payload = _told(item.trigger, facts, run) | {"why": item.reason.value, "reason": item.text}
    before = _latest(said).get(item.trigger.id)
    if before is not None and all(before.payload.get(key) == payload[key] for key in ("why", "alert", "since")):
        return None
    return events.append(session, model=model, kind=EventKind.RETRAINING_DECLINED, payload=payload, at=facts.now, cause=_cause(session, run))


def _told(trigger: Trigger, facts: Facts, run: str) -> dict[str, Any]:
    alert = trigger.alert if isinstance(trigger, OnAlert) else None
    since = facts.firing.get(alert) if alert is not None else None
    return {
        "trigger": trigger.id,
        "alert": alert,
        "since": since.isoformat() if since is not None else None,
        "schedule": trigger.cron if isinstance(trigger, OnSchedule) else None,
        "new_labels": facts.new_labels,
        "needed_labels": trigger.new_labels,
        "run": run,
    }


def _payload(event: Event) -> dict[str, object]:
    """An event as it is announced: its id as text, since Prefect hands templates on as text."""
    return {"id": event.id, "model": event.model, **event.payload}


def _cause(session: Session, run: str) -> str | None:
    found = session.get(Run, run)
    return None if found is None else found.cause


def _schedule(session: Session, model: str, triggers: Sequence[Trigger], now: datetime) -> None:
    ticks = [cron.parse(trigger.cron).next(now) for trigger in triggers if isinstance(trigger, OnSchedule)]
    tick = min((tick for tick in ticks if tick is not None), default=None)
    planned = session.get(Due, (model, "monitor"))
    if tick is not None and (planned is None or tick < planned.at):
        due.put(session, model, "monitor", tick, "a retraining is scheduled")
