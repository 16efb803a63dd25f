"""How a large batch is answered by column: arms, predictions, the journal and the counts, each of all rows at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson

from headrace.hooks import Input, Predictor, Signature, Task
from headrace.journal import PredictionBlock, Spool
from headrace.serving.answer import Reply
from headrace.serving.apart import Apart
from headrace.serving.bodies.columns import Columns
from headrace.serving.ids import fresh_ids
from headrace.serving.measures import Measures
from headrace.serving.problem import Refused
from headrace.serving.snapshot import CANDIDATE, SETTLED, Served, Snapshot
from headrace.traffic import Counter, Rule, enrol_all

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Encoded = tuple[NDArray[np.float64], dict[int, tuple[str, ...]]]

LEAST = 16
"""A batch of fewer rows is answered row by row: there is nothing to gain."""
FEW = 128
"""So many rows are asked in the event loop, of versions whose form for many waits for nobody: a thread would take longer than they do."""
SHARE = 2000
"""Rows that a thread of its own is worth."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answers to n rows, by column; of a row that has none, `outputs` is NaN and `errors` says why."""

    task: Task
    ids: Sequence[str]
    entities: Sequence[str]
    outputs: NDArray[np.float64]
    """(n,): the one number of each answer, as the journal has it."""
    versions: Sequence[int]
    arms: Sequence[str]
    keys: tuple[str, ...] = ()
    answers: NDArray[np.float64] | None = None
    """(n, c) by `keys`, where an answer is more than one number."""
    unseen: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)
    ranks: Sequence[int | None] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labels(self) -> list[str | None]:
        """Of classes, the one that was answered in each row: the most probable, and of equals the first."""
        if self.answers is None:
            return [None] * len(self)
        import numpy as np

        best = np.nan_to_num(self.answers, nan=-1.0).argmax(axis=1).tolist()
        return [None if row in self.errors else self.keys[at] for row, at in enumerate(best)]

    @classmethod
    def of(cls, task: Task, entities: Sequence[str], replies: Sequence[Reply]) -> Told:
        """Answers that were given row by row; a class that one version does not know has NaN in its rows."""
        import numpy as np

        several = [_several(reply) for reply in replies]
        keys = tuple(dict.fromkeys(key for one in several for key in one))
        answers = np.array([[one.get(key, np.nan) for key in keys] for one in several]) if keys else None
        alone = [reply.prediction if isinstance(reply.prediction, float) else None for reply in replies]
        return cls(
            task=task,
            ids=[reply.id for reply in replies],
            entities=entities,
            outputs=np.array(alone, dtype=np.float64),
            versions=[reply.version for reply in replies],
            arms=[reply.arm for reply in replies],
            keys=keys,
            answers=answers,
            unseen={row: reply.unseen for row, reply in enumerate(replies) if reply.unseen},
            errors={row: reply.error for row, reply in enumerate(replies) if reply.error is not None},
            ranks=[reply.rank for reply in replies] if any(reply.ranks for reply in replies) else None,
        )

    def json(self, model: str) -> bytes:
        """The body of the answer, where none is an error: what JSON makes of `bodies`."""
        if self.keys:
            return orjson.dumps({"predictions": self.bodies(model)})
        numbers = orjson.dumps(self.outputs, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
        ends = {who: self._end(model, who, ()) for who in set(zip(self.versions, self.arms, strict=True))}
        told = [
            f'{{"id":"{id_}","prediction":{number}{ends[who]}'
            for id_, number, who in zip(self.ids, numbers, zip(self.versions, self.arms, strict=True), strict=True)
        ]
        for row, names in self.unseen.items():
            end = self._end(model, (self.versions[row], self.arms[row]), names)
            told[row] = f'{{"id":"{self.ids[row]}","prediction":{numbers[row]}{end}'
        return f'{{"predictions":[{",".join(told)}]}}'.encode()

    @staticmethod
    def _end(model: str, who: tuple[int, str], unseen: tuple[str, ...]) -> str:
        """An answer's JSON behind its prediction."""
        version, arm = who
        return "," + orjson.dumps({"model": model, "version": version, "arm": arm, "unseen": unseen}).decode()[1:]

    def bodies(self, model: str) -> list[dict[str, Any]]:
        """The JSON of each answer, where none is an error, as `Reply.body` has it."""
        told = self._predictions()
        found: list[dict[str, Any]] = [
            {"id": id_, "prediction": one, "model": model, "version": version, "arm": arm, "unseen": ()}
            for id_, one, version, arm in zip(self.ids, told, self.versions, self.arms, strict=True)
        ]
        for row, names in self.unseen.items():
            found[row]["unseen"] = names
        if self.task == "multiclass":
            for one, values in zip(found, self._mappings(), strict=True):
                one["probabilities"] = values
        return found

    def _predictions(self) -> Sequence[Any]:
        if self.task == "multiclass":
            return self.labels
        return self._mappings() if self.keys else self.outputs.tolist()

    def _mappings(self) -> list[dict[str, float]]:
        return [] if self.answers is None else [dict(zip(self.keys, row, strict=True)) for row in self.answers.tolist()]


def _several(reply: Reply) -> Mapping[str, float]:
    """By class or level what a reply says, where that is more than one number."""
    if reply.probabilities is not None:
        return reply.probabilities
    return reply.prediction if isinstance(reply.prediction, Mapping) else {}


@dataclass(frozen=True, slots=True)
class _Part:
    """One arm's share of a batch: which rows, what it said of them, and what training never saw in them."""

    arm: str
    served: Served
    rows: NDArray[np.int64]
    outputs: NDArray[np.float64]
    unseen: Mapping[int, tuple[str, ...]]


@dataclass(slots=True)
class _Work:
    """A batch, since when it is worked on, and whether nobody waits for it any more, so that it need not be journalled."""

    snapshot: Snapshot
    columns: Columns
    at: datetime
    started: float
    dropped: bool = False


class Bulk:
    """Answers columns from a snapshot; used by the event loop alone."""

    def __init__(
        self, model: str, *, spool: Spool, counter: Counter, rules: Sequence[Rule], measures: Measures, apart: Apart, by_row: bool
    ) -> None:
        """`by_row`: something that looks at rows one by one, such as a cache, must see each."""
        self._model = model
        self._by_row = by_row
        self._spool = spool
        self._counter = counter
        self._rules = tuple(rules)
        self._measures = measures
        self._apart = apart

    async def answer(self, snapshot: Snapshot, columns: Columns, at: datetime, started: float) -> Told | None:
        """All rows; None where anything about them is unusual: then nothing was journalled, and each row is to be answered by itself.

        Refused (503) where they cannot be journalled, for what is not journalled is not answered.
        """
        if len(columns) < LEAST or self._by_row or columns.groups is not None or len(columns.values) < len(columns.names):
            return None
        if snapshot.shadow is not None or not self._spool.plain:  # each row is mirrored, or veiled, by itself
            return None
        work = _Work(snapshot, columns, at, started)
        few = len(columns) <= FEW and all(_concurrent(served.many) for served in snapshot.arms.values())
        try:
            found = self._answered(work) if few else await self._apart(partial(self._answered, work))
        except OSError as error:
            self._measures.failed("spool")
            raise Refused(503, "journal-unwritable", f"the journal cannot be written, so nothing is answered: {error}") from error
        finally:
            work.dropped = True
        if found is None:
            return None
        parts, told = found
        self._count(snapshot, parts, (perf_counter() - started) / len(columns))
        return told

    def _answered(self, work: _Work) -> tuple[list[_Part], Told] | None:
        """Ask, and journal; OSError where that cannot be."""
        snapshot, columns = work.snapshot, work.columns
        parts = self._parts(snapshot, columns)
        if parts is None or work.dropped:
            return None
        seconds = (perf_counter() - work.started) / len(columns)
        block = _block(self._model, snapshot, columns, parts, at=work.at, seconds=seconds)
        self._spool.append_block(block)
        names = [name for name, _ in block.arms]
        numbers = [number for _, number in block.arms]
        return parts, Told(
            task=parts[0].served.answers.task,
            ids=block.ids,
            entities=block.entities,
            outputs=block.outputs,
            versions=[numbers[at] for at in block.answered],
            arms=[names[at] for at in block.answered],
            keys=block.keys,
            answers=block.answers,
            unseen=block.unseen,
        )

    def _parts(self, snapshot: Snapshot, columns: Columns) -> list[_Part] | None:
        weighed = [name for name, weight in snapshot.weights if weight > 0.0]
        # Whom one arm has all of, nobody need be told apart for.
        units = columns.units if len(weighed) > 1 or snapshot.among is not None else columns.entities
        found: list[_Part] = []
        encoded: tuple[Signature, _Encoded] | None = None
        for name, rows in enrol_all(self._model, units, snapshot.weights, snapshot.among).items():
            if not len(rows):
                continue
            served = snapshot.arms[name]
            if encoded is None or encoded[0] != served.signature:
                made = encode(served.signature, columns)
                if made is None:
                    return None
                encoded = (served.signature, made)
            part = _answered(name, served, encoded[1], rows)
            if part is None or (found and part.served.answers != found[0].served.answers):
                return None
            found.append(part)
        return found

    def _count(self, snapshot: Snapshot, parts: Sequence[_Part], seconds: float) -> None:
        trial = snapshot.arms.get(CANDIDATE)
        for part in parts:
            size = len(part.rows)
            if part.arm not in SETTLED:
                part.served.circuit.succeeded()
            self._measures.answered(part.arm, part.served.number, seconds, failed=False, rows=size)
            for names in part.unseen.values():
                self._measures.unseen(names)
            self._counter.record(
                snapshot.epoch, part.arm, False, seconds, self._rules, candidate=None if trial is None else trial.number, times=size
            )


def _answered(arm: str, served: Served, encoded: _Encoded, rows: NDArray[np.int64]) -> _Part | None:
    """What one version says to its rows; None where it errs."""
    matrix, strange = encoded
    mine = set(rows.tolist()) if strange else set[int]()
    try:
        outputs = predict(served, matrix if len(rows) == len(matrix) else matrix[rows])
    except Exception:  # noqa: BLE001 - a plugin may raise anything; what it raises is told row by row
        return None
    if served.answers.fault(outputs, len(rows)) is not None:
        return None
    return _Part(arm, served, rows, outputs, {row: names for row, names in strange.items() if row in mine})


def predict(served: Served, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The version's answers; by as many threads as there are cores to run them, where it may be asked by several at once."""
    import numpy as np

    model = served.batch if served.many is None else served.many
    if not _concurrent(model):
        with served.lock:
            return model.predict(matrix)
    threads = min(len(os.sched_getaffinity(0)), len(matrix) // SHARE)
    if threads <= 1:
        return model.predict(matrix)
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(model.predict, np.array_split(matrix, threads))))


def _concurrent(model: Predictor | None) -> bool:
    """Whether it may be asked by several threads at once, so that nobody waits for another."""
    return getattr(model, "concurrent", False)


def encode(signature: Signature, columns: Columns) -> _Encoded | None:
    """Rows as the signature encodes each, (n, k), and by row what training never saw; None where a column is of another kind."""
    import numpy as np

    given = [columns.values.get(item.name) for item in signature.inputs]
    numbers = [at for at, values in enumerate(given) if isinstance(values, np.ndarray)]
    sorts = dict.fromkeys(numbers, "number")
    for at, (item, values) in enumerate(zip(signature.inputs, given, strict=True)):
        if item.type == "text" or (values is not None and item.type != sorts.get(at, "category")):
            return None
    matrix = np.empty((len(columns), len(signature.inputs)))
    if numbers:
        matrix[:, numbers] = np.array([given[at] for at in numbers]).T
    strange: dict[int, NDArray[np.bool_]] = {}
    for at, (item, values) in enumerate(zip(signature.inputs, given, strict=True)):
        if values is None:
            matrix[:, at] = np.nan
            strange[at] = np.ones(len(columns), dtype=bool)
        elif not isinstance(values, np.ndarray):
            strange[at] = _coded(item, values, matrix[:, at])
        elif not item.missing:
            strange[at] = np.isnan(matrix[:, at])
    unseen: dict[int, tuple[str, ...]] = {}
    for at, found in strange.items():
        for row in np.flatnonzero(found).tolist():
            unseen[row] = (*unseen.get(row, ()), signature.inputs[at].name)
    return matrix, unseen


def _coded(item: Input, values: Sequence[str | None], into: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A category's column as numbers, and which of them training never saw."""
    import numpy as np

    codes: dict[str | None, float] = {name: float(code) for code, name in enumerate(item.categories)}
    into[:] = [codes.get(value, np.nan) for value in values]
    missed = np.isnan(into)
    if not missed.any():
        return missed
    known = {None} if item.missing else set[str | None]()
    return np.array([value not in known for value in values]) & missed


def _block(model: str, snapshot: Snapshot, columns: Columns, parts: Sequence[_Part], *, at: datetime, seconds: float) -> PredictionBlock:
    import numpy as np

    answers = parts[0].served.answers
    size = len(columns)
    given = np.empty(answers.shape(size))
    answered = np.zeros(size, dtype=np.int64)
    unseen: dict[int, tuple[str, ...]] = {}
    for position, part in enumerate(parts):
        given[part.rows] = part.outputs
        answered[part.rows] = position
        unseen |= part.unseen
    several = bool(answers.keys)
    one = given if not several else given.max(axis=1) if answers.task == "multiclass" else given[:, answers.middle]
    return PredictionBlock(
        model=model,
        epoch=snapshot.epoch,
        at=at,
        latency_us=int(seconds * 1e6),
        ids=fresh_ids(size),
        entities=columns.entities,
        arms=tuple((part.arm, part.served.number) for part in parts),
        answered=answered.tolist(),
        inputs=columns.values,
        outputs=one,
        keys=answers.keys,
        answers=given if several else None,
        unseen=unseen,
    )
