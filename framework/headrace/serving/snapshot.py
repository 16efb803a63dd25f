"""What answers right now: loaded versions and the share of each, as one value that is swapped whole."""

from __future__ import annotations

import math
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, assert_never

from headrace.hooks import Answers, Input, Predictor, Signature, Task
from headrace.hooks.answers import BINARY
from headrace.serving.breaker import Breaker, Pauses
from headrace.traffic.enrolment import OUTSIDE, Among

CHAMPION = "champion"
CANDIDATE = "candidate"
SETTLED = frozenset({CHAMPION, OUTSIDE})
"""The arms that the champion answers; any other is on trial."""

FAILING = Pauses(failures=10, first=1.0, longest=60.0)
"""When a version is not asked for a while: a rate of errors that a trial may end well with gives so many in a row in no year."""


_tuple: Any = tuple.__new__
"""How an answer is made where it is felt: a named tuple's own way takes four times as long."""


class Answered(NamedTuple):
    """What a version said to one row: a probability or a number, or why there is none; `answer` is what is more than one number."""

    output: float | None
    unseen: tuple[str, ...]
    error: str | None
    answer: dict[str, float] | None = None
    task: Task = "binary"


@dataclass(frozen=True, slots=True)
class Fast:
    """How a version answers one row without arrays: its way's name, a row's numbers, and their answer.

    `encode` raises KeyError, TypeError or ValueError of a row that is not all known. Where `predict` raises, `failed` is told, and the
    row is asked the plain way.
    """

    path: str
    encode: Callable[[Mapping[str, Any]], list[Any]]
    predict: Callable[[Sequence[Any]], float | Sequence[float]]
    failed: Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class Parity:
    """What a faster way to answer was held against the plain one on: rows that were drawn and rows that are stored; why it was left out."""

    drawn: int
    stored: int
    differs: str | None = None

    def told(self) -> dict[str, Any]:
        """As /metadata has it."""
        found: dict[str, Any] = {"drawn": self.drawn, "stored": self.stored}
        return found if self.differs is None else found | {"differs": self.differs}


@dataclass(frozen=True, slots=True)
class Served:
    """One loaded version.

    A predictor is asked by one thread at a time, so there are two of each: `single` belongs to the event loop, or to the one thread that
    `queue` asks it on, and `batch` to whoever holds the lock. A long batch never holds up a single row.
    """

    number: int
    signature: Signature
    single: Predictor
    batch: Predictor
    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: Answers = BINARY
    digest: str = ""
    """Of its manifest, which names the model's own: two versions of one number, in two stores, have two."""
    circuit: Breaker = field(default_factory=lambda: Breaker("a version", FAILING))
    """Open while the version fails again and again: minded of a candidate and of a shadow, never of a champion."""
    fast: Fast | None = None
    """The compiled form of `single`, where it has one that answers alike."""
    queue: Callable[[Mapping[str, Any]], Awaitable[Answered]] | None = None
    """One row among those that wait, where many at once cost little more than one: then nobody else asks `single`."""
    many: Predictor | None = None
    """The form of `batch` for many rows, where it has one that answers alike in less time."""

    parity: Parity | None = None
    """How its way was tried; None where it has none but the plain one."""

    @property
    def path(self) -> str:
        """The way in which it answers one row."""
        return self.fast.path if self.fast is not None else "plain" if self.queue is None else "batched"

    def answer(self, inputs: Mapping[str, Any]) -> Answered:
        """One row, in the event loop; a predictor that raises, or says what is no probability, is an error in the answer."""
        fast = self.fast
        if fast is None:
            return _ask(self.single, self.signature, inputs, self.answers)
        unseen: tuple[str, ...] = ()
        try:
            values = fast.encode(inputs)
        except (KeyError, TypeError, ValueError):
            try:
                values, unseen = self.signature.encode_row(inputs)
            except Exception:  # noqa: BLE001 - a version of another schema may not understand the request, however it is asked
                return _ask(self.single, self.signature, inputs, self.answers)
        try:
            given = fast.predict(values)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the plain way says what becomes of the row
            fast.failed(error)
            return _ask(self.single, self.signature, inputs, self.answers)
        return _said(given, unseen, self.answers)

    def answer_many(self, rows: Sequence[Mapping[str, Any]]) -> list[Answered]:
        """Many rows, in a worker thread; where they fail together, each is asked alone, so that only the bad ones err."""
        with self.lock:
            return ask_many(self.batch, self.signature, rows, self.answers)

    def warm_up(self) -> None:
        """Ask once, so that no request pays for what a first prediction loads."""
        matrix = self.signature.matrix([[_usual(item) for item in self.signature.inputs]])
        for predictor in (self.single, self.batch):
            predictor.predict(matrix)


def ask_many(predictor: Predictor, signature: Signature, rows: Sequence[Mapping[str, Any]], answers: Answers) -> list[Answered]:
    """Rows as one matrix; where they fail together, each is asked alone."""
    try:
        encoded = [signature.encode_row(row) for row in rows]
        outputs = predictor.predict(signature.matrix([values for values, _ in encoded]))
        if answers.fault(outputs, len(rows)) is None:
            return [_answered(output, unseen, answers) for output, (_, unseen) in zip(outputs, encoded, strict=True)]
    except Exception:  # noqa: BLE001, S110 - a plugin may raise anything; what it raises is told row by row
        pass
    return [_ask(predictor, signature, row, answers) for row in rows]


def _said(given: float | Sequence[float], unseen: tuple[str, ...], answers: Answers) -> Answered:
    """What a compiled form gave of one row, if it is an answer."""
    if isinstance(given, float):
        task = answers.task
        if (0.0 <= given <= 1.0) if task == "binary" else (not answers.keys and math.isfinite(given)):
            said: Answered = _tuple(Answered, (given, unseen, None, None, task))
            return said
    import numpy as np

    if isinstance(given, float):
        if answers.task == "binary":
            return Answered(None, unseen, f"the model answered {given}, which is no probability")
        return Answered(None, unseen, f"the model {answers.fault(np.array([given]), 1)}")
    why = answers.fault(np.array([given]), 1)
    if why is not None:
        return Answered(None, unseen, f"the model {why}")
    return Answered(answers.output(given), unseen, None, dict(zip(answers.keys, given, strict=True)), answers.task)


def _ask(predictor: Predictor, signature: Signature, inputs: Mapping[str, Any], answers: Answers) -> Answered:
    unseen: tuple[str, ...] = ()
    binary = answers.task == "binary"
    try:
        values, unseen = signature.encode_row(inputs)  # a version of another schema may not understand the request
        given = predictor.predict(signature.matrix((values,)))
        output = float(given[0]) if binary else 0.0
        why = None if binary else answers.fault(given, 1)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is journalled, and the champion answers
        return Answered(None, unseen, f"{type(error).__name__}: {error}".replace("\x00", "")[:500])
    if why is not None:
        return Answered(None, unseen, f"the model {why}")
    if not binary:
        return _answered(given[0], unseen, answers)
    if 0.0 <= output <= 1.0:  # false for NaN too
        return Answered(output, unseen, None)
    return Answered(None, unseen, f"the model answered {output}, which is no probability")


def _answered(given: Any, unseen: tuple[str, ...], answers: Answers) -> Answered:  # noqa: ANN401 - a number, or a row of them
    """One row's answer, which is known to be one."""
    if not answers.keys:
        return Answered(float(given), unseen, None, None, answers.task)
    values = given.tolist()
    return Answered(answers.output(values), unseen, None, dict(zip(answers.keys, values, strict=True)), answers.task)


def _usual(item: Input) -> float | str:
    """A value that a request may carry of an input, as a row has it."""
    match item.type:
        case "number":
            return _middle(item.low, item.high)
        case "category":
            return 0.0
        case "text":
            return ""
        case _:
            assert_never(item.type)


def _middle(low: float | None, high: float | None) -> float:
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    return math.fsum(ends) / len(ends) if ends else 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Who answers: an epoch of weights, each arm's share, each arm's loaded version.

    Epoch 0 means that no row of weights is in force as it stands: requests are then counted for nobody's judgement.
    """

    epoch: int = 0
    weights: tuple[tuple[str, float], ...] = ()
    arms: Mapping[str, Served] = field(default_factory=dict)
    trial: tuple[tuple[int, float], ...] = ()
    """The epochs of the rollout that this one is the newest of, oldest first, each with the candidate's share."""
    shadow: Served | None = None
    """The version that is asked what was answered."""
    among: Among | None = None
    """Whom the arms are dealt to; `arms` has the champion as `outside` too where that is not everyone."""
    prompt: bool = field(init=False)
    """Whether a champion is there, and all arms answer one row in microseconds."""

    def __post_init__(self) -> None:
        prompt = CHAMPION in self.arms and all(served.fast is not None for served in self.arms.values())
        object.__setattr__(self, "prompt", prompt)

    @property
    def champion(self) -> Served | None:
        """The version that answers unless the weights say otherwise."""
        return self.arms.get(CHAMPION)

    @property
    def versions(self) -> dict[str, int]:
        """The number of each arm's version."""
        return {name: served.number for name, served in self.arms.items()}

    @property
    def trials(self) -> list[Served]:
        """The versions that are on trial."""
        return [served for name, served in self.arms.items() if name not in SETTLED]

    def without_candidate(self) -> Snapshot:
        """The same, with everything to the champion: who else is on trial ends, or rests, with the candidate."""
        arms = {name: served for name, served in self.arms.items() if name == CHAMPION}
        return Snapshot(0, ((CHAMPION, 1.0),), arms, shadow=self.shadow)
