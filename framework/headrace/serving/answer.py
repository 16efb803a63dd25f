"""How one request is answered: an arm, a prediction, the champion where the candidate errs, and the journal before the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from time import perf_counter
from typing import Any, NamedTuple

import orjson

from headrace.hooks.answers import label
from headrace.journal import MeasureRecord, OutcomeRecord, PredictionRecord, Spool, microseconds
from headrace.serving.business import Told
from headrace.serving.cache import Cache, ask_many
from headrace.serving.ids import Ids
from headrace.serving.measures import Measures
from headrace.serving.problem import Refused
from headrace.serving.ranked import places, whole
from headrace.serving.schema import Answer, Row
from headrace.serving.shadow import Shadow
from headrace.serving.snapshot import CANDIDATE, CHAMPION, SETTLED, Answered, Served, Snapshot
from headrace.store.now import wall, wall_microseconds
from headrace.traffic import Counter, Rule, enrolling

SPOOLED_AT_ONCE = 100
"""After so many records of a batch the event loop turns to others."""


BESIDE = "the model failed on another row of the group"
"""Why a row has no answer of its own, though the model did not fail on it."""


_tuple: Any = tuple.__new__
"""How an answer is made where it is felt: a named tuple's own way takes four times as long."""


class Reply(NamedTuple):
    """One row's answer, as the caller gets it; `error` says that nobody could answer."""

    id: str
    prediction: float | str | Mapping[str, float] | None
    version: int
    arm: str
    unseen: tuple[str, ...]
    error: str | None = None
    probabilities: Mapping[str, float] | None = None
    """By class, where there are several."""
    rank: int | None = None
    """Of a ranking, in a batch."""
    ranks: bool = False

    def refusal(self) -> Refused:
        """What is told where nobody could answer."""
        why = (self.error or "").removeprefix("the model ")
        return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "prediction-failed", f"v{self.version} {why}")

    def json(self, model: str) -> bytes:
        """One answer as its bytes."""
        return orjson.dumps(self.body(model))

    def body(self, model: str) -> dict[str, object]:
        """The JSON of one answer."""
        told: dict[str, object] = {
            "id": self.id,
            "prediction": self.prediction,
            "model": model,
            "version": self.version,
            "arm": self.arm,
            "unseen": self.unseen,
        }
        if self.probabilities is not None:
            told["probabilities"] = self.probabilities
        if self.ranks:
            told["rank"] = self.rank
        return told if self.error is None else told | {"error": self.error}


class _Try(NamedTuple):
    """One arm's try at one row, and how long the row had taken by then."""

    arm: str
    served: Served
    answered: Answered
    seconds: float


class Prepared(NamedTuple):
    """One version's answer that is not journalled yet: its record's frame, its body, since when it is worked on, how long it took."""

    frame: bytes
    body: bytes
    started: float
    arm: str
    seconds: float


Prepare = Callable[[Row, datetime | None, float], Prepared | Reply]
"""Answers a row, at a driven clock's moment or now, that is worked on since then; what is unusual is journalled already."""


class Answering:
    """Answers rows from a snapshot; used by the event loop alone."""

    def __init__(
        self,
        model: str,
        *,
        fallback: bool,
        spool: Spool,
        counter: Counter,
        rules: Sequence[Rule],
        measures: Measures,
        cache: Cache | None = None,
        shadow: Shadow | None = None,
        rest: Callable[[Served], None] | None = None,
    ) -> None:
        self._model = model
        self._fallback = fallback
        self._spool = spool
        self._counter = counter
        self._rules = tuple(rules)
        self._measures = measures
        self._ids = Ids()
        self._cache = cache
        self._shadow = shadow
        self._rest = rest

    def prompt(self, snapshot: Snapshot) -> Prepare:
        """What answers one row of a prompt snapshot, as `one` without a cache; Refused as there."""
        assigned = enrolling(self._model, snapshot.weights, snapshot.among)
        epoch, model = snapshot.epoch, self._model
        arms = {arm: (served.answer, served.number, _tail(model, served.number, arm)) for arm, served in snapshot.arms.items()}
        usual, framed, id_at = self._spool.plain and self._shadow is None, self._spool.framed, self._ids.at

        def prepare(row: Row, driven: datetime | None, started: float) -> Prepared | Reply:
            entity, unit, inputs, missing, _ = row
            arm = assigned(unit)
            answer, number, tail = arms[arm]
            answered = answer(inputs)
            seconds = perf_counter() - started
            output, unseen, error, more, _ = answered
            if error is None and not unseen and not missing and more is None and usual:
                recorded = wall_microseconds()
                id_ = id_at(recorded // 1000)
                at = recorded if driven is None else microseconds(driven)
                fields = (recorded, id_, model, number, arm, epoch, entity, at, int(seconds * 1e6), output, None, ())
                with suppress(OSError):  # it is too long: `_now` says so
                    frame = framed(fields, inputs, None)
                    body = b'{"id":"%b","prediction":%b%b' % (id_.encode(), orjson.dumps(output), tail)
                    made: Prepared = _tuple(Prepared, (frame, body, started, arm, seconds))
                    return made
            return self._now(snapshot, row, wall() if driven is None else driven, _Try(arm, snapshot.arms[arm], answered, seconds), started)

        return prepare

    def journalled(self, snapshot: Snapshot, prepared: Sequence[Prepared]) -> dict[int, Refused]:
        """Journal answers by one write, and count them; by position those that may not be told."""
        faults = {
            at: self._unwritable(error)
            for at, error in enumerate(self._spool.append_together([one.frame for one in prepared]))
            if error is not None
        }
        taken: dict[str, list[float]] = {arm: [] for arm in snapshot.arms}
        for at, one in enumerate(prepared):
            if at not in faults:
                taken[one.arm].append(one.seconds)
        trial = snapshot.arms.get(CANDIDATE)
        number = None if trial is None else trial.number
        for arm, seconds in taken.items():
            if seconds:
                self._measures.answered_each(arm, snapshot.arms[arm].number, seconds)
                self._counter.record_each(snapshot.epoch, arm, seconds, self._rules, candidate=number)
        if trial is not None and self._fallback:
            for arm, seconds in taken.items():
                if seconds and arm not in SETTLED:
                    snapshot.arms[arm].circuit.succeeded()
        return faults

    def _now(self, snapshot: Snapshot, row: Row, at: datetime, first: _Try, started: float) -> Reply:
        if first.answered.error is None or first.arm in SETTLED or not self._fallback:
            return self._journal(snapshot, row, at, (first,))
        served = snapshot.arms[CHAMPION]
        return self._journal(snapshot, row, at, (first, _Try(CHAMPION, served, served.answer(row.inputs), perf_counter() - started)))

    def waits(self, snapshot: Snapshot) -> bool:
        """Whether one row may wait: for a cache, or for the queue of a version."""
        for served in snapshot.arms.values():
            if served.queue is not None:
                return True
        return self._cache is not None

    async def one(self, snapshot: Snapshot, row: Row, at: datetime, started: float) -> Reply:
        """One row; Refused (503) where it cannot be journalled, for what is not journalled is not answered."""
        arm = enrolling(self._model, snapshot.weights, snapshot.among)(row.unit)
        first = await self._asked(arm, snapshot.arms[arm], row, started)
        if first.answered.error is None or arm in SETTLED or not self._fallback:
            return self._journal(snapshot, row, at, (first,))
        return self._journal(snapshot, row, at, (first, await self._asked(CHAMPION, snapshot.arms[CHAMPION], row, started)))

    async def many(self, snapshot: Snapshot, rows: Sequence[Row], at: datetime, started: float) -> list[Reply]:
        """Many rows: each arm's share in a worker thread; a row's time is its share of the batch's."""
        assigned = enrolling(self._model, snapshot.weights, snapshot.among)
        arms = [assigned(row.unit) for row in rows]
        tries: list[list[_Try]] = [[] for _ in rows]
        for arm, served in snapshot.arms.items():
            await self._try(arm, served, rows, picked=[i for i, name in enumerate(arms) if name == arm], tries=tries, started=started)
        if self._fallback and CANDIDATE in snapshot.arms:
            failed = [i for i, name in enumerate(arms) if name not in SETTLED and tries[i][0].answered.error is not None]
            for i in whole(rows, failed) - set(failed):
                tries[i][0] = tries[i][0]._replace(answered=_beside(tries[i][0].answered))
                failed.append(i)
            await self._try(CHAMPION, snapshot.arms[CHAMPION], rows, picked=failed, tries=tries, started=started)
        replies = []
        for i, row in enumerate(rows):
            replies.append(self._journal(snapshot, row, at, tries[i]))
            if i % SPOOLED_AT_ONCE == SPOOLED_AT_ONCE - 1:
                await asyncio.sleep(0)
        return _placed(rows, replies) if any(row.group is not None for row in rows) else replies

    def outcomes(self, answers: Sequence[Answer], at: datetime) -> None:
        """What turned out to be true; Refused (503) where it cannot be journalled."""
        for answer in answers:
            known_at, value = answer.known_at or at, answer.value
            if isinstance(value, str):
                self._append(OutcomeRecord(self._model, answer.entity, 1.0, known_at, label=value))
            else:
                self._append(OutcomeRecord(self._model, answer.entity, value, known_at))

    def measures(self, told: Sequence[Told], column: str, at: datetime) -> None:
        """Values of business metrics, known since now; Refused (503) where they cannot be journalled."""
        for one in told:
            self._append(MeasureRecord(self._model, one.id, one.unit, one.metric, one.value, one.at, at, column))

    async def _asked(self, arm: str, served: Served, row: Row, started: float) -> _Try:
        """One version's try at one row."""
        if self._cache is not None:
            answered = await self._cache.one(served, row.inputs)
        elif served.queue is not None:
            answered = await served.queue(row.inputs)
        else:
            answered = served.answer(row.inputs)
        return _Try(arm, served, answered, perf_counter() - started)

    async def _try(
        self, arm: str, served: Served, rows: Sequence[Row], *, picked: Sequence[int], tries: list[list[_Try]], started: float
    ) -> None:
        if not picked:
            return
        inputs = [rows[i].inputs for i in picked]
        answers = await (ask_many(served, inputs) if self._cache is None else self._cache.many(served, inputs))
        seconds = (perf_counter() - started) / len(rows)
        for i, answered in zip(picked, answers, strict=True):
            tries[i].append(_Try(arm, served, answered, seconds))

    def _journal(self, snapshot: Snapshot, row: Row, at: datetime, tries: Sequence[_Try]) -> Reply:
        model, epoch, entity, inputs = self._model, snapshot.epoch, row.entity, row.inputs
        for arm, served, (output, unseen, error, answer, _), seconds in tries:
            id_, version = self._ids.new(), served.number
            told = unseen + row.unseen if row.unseen else unseen
            # In the order of its fields, which costs half as much as their names.
            record = PredictionRecord(
                id_, model, version, arm, epoch, entity, at, int(seconds * 1e6), inputs, output, error, told, answer
            )  # fmt: skip
            self._append(record)
            self._measures.answered(arm, version, seconds, failed=error is not None)
        if told:
            self._measures.unseen(told)
        self._count(snapshot, tries[0])
        if self._shadow is not None:
            self._shadow.mirror(snapshot, record, asyncio.get_running_loop())
        failed = None if error is None else "the model failed on this row"
        if answer is None:
            reply: Reply = _tuple(Reply, (id_, output, version, arm, told, failed, None, None, False))
            return reply
        several = tries[-1].answered.task == "multiclass"
        return Reply(id_, label(answer) if several else answer, version, arm, told, failed, answer if several else None)

    def _count(self, snapshot: Snapshot, first: _Try) -> None:
        """Counted once, for the arm that was assigned: a champion that steps in answers what is none of its share."""
        trial = snapshot.arms.get(CANDIDATE)
        number, error = None if trial is None else trial.number, first.answered.error
        self._counter.record(snapshot.epoch, first.arm, error is not None, first.seconds, self._rules, candidate=number)
        if first.arm not in SETTLED and self._fallback and error != BESIDE:
            self._mind(first)

    def _mind(self, tried: _Try) -> None:
        """Let a version on trial rest that fails again and again: all are the champion's then, and count for nobody's judgement."""
        if tried.answered.error is None:
            tried.served.circuit.succeeded()
        elif tried.served.circuit.failed(tried.answered.error) and self._rest is not None:
            self._rest(tried.served)

    def _append(self, record: PredictionRecord | OutcomeRecord | MeasureRecord) -> None:
        try:
            self._spool.append(record)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> Refused:
        self._measures.failed("spool")
        return Refused(503, "journal-unwritable", f"the journal cannot be written, so nothing is answered: {error}")


def _tail(model: str, version: int, arm: str) -> bytes:
    """What stands behind the prediction in the usual answer's JSON."""
    return b"," + orjson.dumps({"model": model, "version": version, "arm": arm, "unseen": ()})[1:]


def _beside(answered: Answered) -> Answered:
    """An answer that stands for nothing, since another row of its group has none."""
    return answered._replace(output=None, error=BESIDE)


def _placed(rows: Sequence[Row], replies: Sequence[Reply]) -> list[Reply]:
    """The same with each row's place in its group."""
    scores = [reply.prediction if isinstance(reply.prediction, float) else None for reply in replies]
    found = places(rows, scores, [reply.version for reply in replies])
    return [reply._replace(rank=place, ranks=True) for reply, place in zip(replies, found, strict=True)]
