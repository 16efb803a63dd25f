"""The driver of the clock: sends each request at its time, lets answers arrive, starts what is due, and waits for all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import func, select

from headrace import journal, registry, traffic
from headrace.apply.outstanding import end_dead, send_again
from headrace.apply.prefect import OPEN, TERMINAL, Door
from headrace.backtest.client import Client
from headrace.backtest.history import AT, KNOWN_AT, TARGET, History
from headrace.backtest.votes import Votes
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store import Store, clock, due, events
from headrace.store.kinds import RunStatus
from headrace.store.tables import Due, Prediction, Run

PATIENCE = 600.0
"""Seconds of wall time that one flow run may take before the replay gives up on it."""
PEOPLE = 3600.0
"""Seconds of wall time that people have to vote on a version before the replay gives up on them."""
CHECK_EVERY = 100
"""Requests between two looks at what became due meanwhile (an abort inside the server)."""
BATCH = 500
"""Answers a request to `/outcomes`."""


@dataclass(slots=True)
class Driver:
    """One replay: it holds the driven clock, and never passes a pending run, an undelivered event or an unshipped record."""

    store: Store
    door: Door
    client: Client
    spool: Path
    model: str
    history: History
    say: Callable[[str], None]
    votes: Votes = field(default_factory=Votes)
    holder: str = "replay"
    now: datetime | None = None
    sent: int = 0
    answered: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)
    _labels: int = 0

    def replay(self, start: datetime, end: datetime, first_monitor: datetime | None) -> None:
        """Send all of the history; HeadraceError where a run, an event or a record is lost for good."""
        self.refuse_other_history(start)
        clock.drive(self.store, self.holder, start)
        self.now = start
        try:
            self.door.pause_schedules()
            with self.store.transaction("service:replay", "replay", self.model) as session:
                for item in due.list(session):
                    if item.model == self.model:
                        due.drop(session, self.model, item.flow)
                if first_monitor is not None:
                    due.put(session, self.model, "monitor", first_monitor, "the replay's first look")
            self.train_first()
            self.serve_all(end)
        finally:
            clock.release(self.store, self.holder)
            self.door.resume_schedules()

    def train_first(self) -> None:
        """Train the first champion as of the replay's first moment, so that it knows nothing of what is to come."""
        with self.store.read() as session:
            trained = registry.CHAMPION in registry.aliases(session, self.model)
        if not trained:
            self.run("train")
            self.settle()
            with self.store.read() as session:
                trained = registry.CHAMPION in registry.aliases(session, self.model)
        if not trained:
            raise HeadraceError(
                Diagnostic("no-champion", f"the first version of model/{self.model} was not promoted", help="`headrace models` says why")
            )

    def serve_all(self, end: datetime) -> None:
        """Every request in its order, and what becomes due before each."""
        from pandas import isna

        frame = self.history.frame
        total = len(frame)
        asked = frame[[self.history.entity, *self.history.inputs]].to_dict("records")
        rows = [{name: None if isna(value) else value for name, value in row.items()} for row in asked]
        moments = [moment.to_pydatetime() for moment in frame[AT]]
        began = time.monotonic()
        next_due = self.next_due()
        for position, (row, at) in enumerate(zip(rows, moments, strict=True)):
            while next_due is not None and next_due.at <= at:
                self.meet(next_due)
                next_due = self.next_due()
            self.client.post("/predict", row, {"Headrace-Time": at.isoformat()})
            self.sent += 1
            if (position + 1) % CHECK_EVERY == 0:
                self.advance(at)
                next_due = self.next_due()
            if (position + 1) % 1000 == 0:
                rate = (position + 1) / (time.monotonic() - began)
                self.say(f"{at:%Y-%m-%d}  {position + 1:,} of {total:,} requests ({rate:,.0f}/s with all that happened)")
        while (item := self.next_due()) is not None and item.at <= end:
            self.meet(item)
        self.advance(end)
        self.deliver_labels(end)
        self.barrier()

    def next_due(self) -> Due | None:
        """What this model's flows have due first."""
        with self.store.read() as session:
            items = [item for item in due.list(session) if item.model == self.model]
        return min(items, key=lambda item: (item.at, item.flow), default=None)

    def advance(self, moment: datetime) -> None:
        """Move the clock; never backwards."""
        if self.now is None or moment > self.now:
            self.now = moment
        clock.advance(self.store, self.holder, self.now)

    def meet(self, item: Due) -> None:
        """Reach the moment at which something is due, run it, and wait for all that it caused."""
        self.advance(item.at)
        self.deliver_labels(item.at)
        self.barrier()
        self.run(item.flow)
        self.settle()
        with self.store.transaction("service:replay", "met", self.model) as session:
            again = [
                other for other in due.list(session, item.at) if (other.model, other.flow, other.at) == (item.model, item.flow, item.at)
            ]
            if again:  # the flow left its due row: it would be met for ever
                due.drop(session, item.model, item.flow)

    def deliver_labels(self, by: datetime) -> None:
        """Send the answers that are known by a moment, of requests that were sent."""
        frame = self.history.frame
        stop = self._labels
        known = frame[KNOWN_AT]
        while stop < self.sent and known.iloc[stop] <= by:
            stop += 1
        while self._labels < stop:
            part = frame.iloc[self._labels : min(stop, self._labels + BATCH)]
            outcomes = [
                {self.history.entity: entity, self.history.target: plain(target), "known_at": moment.isoformat()}
                for entity, target, moment in zip(
                    part[self.history.entity].tolist(), part[TARGET].tolist(), part[KNOWN_AT].tolist(), strict=True
                )
            ]
            self.client.post("/outcomes", {"outcomes": outcomes})
            self._labels += len(part)
            self.answered += len(part)

    def barrier(self) -> None:
        """Wait until every record is in the store and every count has been written down."""
        with self.waiting("records are not shipped") as more:
            while more():
                told = self.client.get("/metadata")
                if not told["unflushed"] and not journal.unshipped(self.store, self.spool):
                    return

    def run(self, flow: str) -> None:
        """Start one flow and wait for its end."""
        began = time.monotonic()
        run_id = self.door.run(f"{self.model}/{flow}")
        with self.waiting(f"{flow} has not ended") as more:
            while more():
                state, _, message = self.door.run_state(run_id)
                if state == "COMPLETED":
                    break
                if state in TERMINAL:
                    raise HeadraceError(
                        Diagnostic("run-failed", f"{self.model}/{flow} ended {state}: {message}", help="the worker's log tells more")
                    )
        self.runs.append({"flow": flow, "at": self.now, "seconds": round(time.monotonic() - began, 2)})
        self.say(f"{self.now:%Y-%m-%d}  {flow} ran in {time.monotonic() - began:.1f} s")

    def settle(self) -> None:
        """Wait until all that was caused has happened, and until people have voted where they are asked: the clock waits for them."""
        self.settle_runs()
        while awaited := self.awaited():
            self.have_voted(awaited)
            self.settle_runs()

    def awaited(self) -> dict[int, str]:
        """The versions that votes alone are missing for."""
        with self.store.read() as session:
            return self.votes.awaited(session, self.model)

    def have_voted(self, awaited: Mapping[int, str]) -> None:
        """Wait until none of these versions waits for votes any more; HeadraceError where nobody votes."""
        for number, why in awaited.items():
            self.say(f"{self.now:%Y-%m-%d}  version {number} awaits approval: {why} (`headrace approvals` says who may vote)")
        with self.waiting("people have not voted", PEOPLE) as more:
            while more():
                if not awaited.keys() & self.awaited().keys():
                    return

    def settle_runs(self) -> None:
        """Wait until no event is without its successor, no run is open, and the server has the weights of the store."""
        with self.waiting("an event's successor never ran") as more:
            while more():
                with self.store.read() as session:
                    unanswered = events.unanswered(session, self.model)
                    running = session.exec(select(Run.id).where(Run.model == self.model, Run.status == RunStatus.RUNNING)).all()
                    weights = traffic.current(session, self.model)
                if running:
                    for said in end_dead(self.store, self.door, self.model, "service:replay"):
                        self.say(f"{self.now:%Y-%m-%d}  {said}")
                if unanswered:
                    for said in send_again(self.store, self.door, self.model):
                        self.say(f"{self.now:%Y-%m-%d}  {said}")
                if unanswered or running or any(not run.scheduled for run in self.door.runs(*OPEN)):
                    continue
                told = self.client.get("/metadata")
                if weights is None or told["epoch"] == weights.epoch:
                    return

    @contextmanager
    def waiting(self, what: str, patience: float | None = None) -> Iterator[Callable[[], bool]]:
        """Patience: `more()` sleeps a little, renews the lease, and raises when too much time has passed."""
        seconds = PATIENCE if patience is None else patience
        until = time.monotonic() + seconds
        naps = iter([0.0, 0.02, 0.05, 0.1])
        renewed = time.monotonic()

        def more() -> bool:
            nonlocal renewed
            time.sleep(next(naps, 0.2))
            if time.monotonic() - renewed > 30 and self.now is not None:  # noqa: PLR2004 - well within the lease
                clock.advance(self.store, self.holder, self.now)
                renewed = time.monotonic()
            if time.monotonic() > until:
                raise HeadraceError(
                    Diagnostic("replay-stuck", f"{what}, {seconds:.0f} s after it should have; the clock stands at {self.now}")
                )
            return True

        yield more

    def refuse_other_history(self, start: datetime) -> None:
        """HeadraceError where this model has lived already: its windows would mix two histories, or its champion knows the future."""
        with self.store.read() as session:
            held = session.exec(select(func.count()).select_from(Prediction).where(Prediction.model == self.model)).one()
            versions = registry.versions(session, self.model)
        later = [version.number for version in versions if datetime.fromisoformat(version.manifest["as_of"]) > start]
        why = ""
        if held:
            why = f"has {held:,} requests in its journal already; a replay would mix two histories"
        elif later:
            why = f"has a version {later[0]} that knows more than was known on {start:%Y-%m-%d}, where the replay begins"
        if why:
            raise HeadraceError(
                Diagnostic(
                    "history-exists",
                    f"model/{self.model} {why}",
                    help="in a copy of `specs/` and `flows/`: `headrace up`, `headrace apply --no-train`, then replay: it trains first",
                ),
                Exit.REFUSED,
            )


def plain(answer: float | str) -> float | int | str:
    """An answer as a client would send it: a whole number without its point."""
    return int(answer) if isinstance(answer, float) and answer.is_integer() else answer
