"""Large work beside the event loop: it lets others go first while they are answered, and hurries where nobody else asks."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headrace.compiled import LimitsConfig
from headrace.hooks import Input, Signature
from headrace.serving.apart import PAUSE, Apart
from headrace.serving.bulk import PIECE, predict
from headrace.serving.overload import Load
from headrace.serving.snapshot import Served


class Clock:
    """A quarter of the longest pause passes with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += PAUSE / 4
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(time, "perf_counter", found.perf_counter)
    return found


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[float]:
    """How long each pause would have been."""
    assert clock.now == 0.0
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def beside(load: Load, work: Callable[[Apart], object]) -> Any:
    apart = Apart(load)
    return asyncio.run(apart(lambda: work(apart)))


def test_large_work_pauses_for_as_long_as_it_worked_while_others_are_answered(slept: list[float]) -> None:
    load = Load(LimitsConfig())

    def work(apart: Apart) -> list[bool]:
        found = []
        for answered in (1, 0, 3):
            load.told += answered
            found.append(apart.breathe())
        return found

    assert [True, False, True] == beside(load, work)
    assert [PAUSE / 4, PAUSE / 4] == pytest.approx(slept)


def test_one_pause_has_a_bound(slept: list[float], clock: Clock) -> None:
    load = Load(LimitsConfig())

    def work(apart: Apart) -> None:
        for _ in range(9):
            clock.perf_counter()
        load.told += 1
        apart.breathe()

    beside(load, work)
    assert [PAUSE] == slept


def test_the_event_loop_itself_never_pauses(slept: list[float]) -> None:
    load = Load(LimitsConfig())
    apart = Apart(load)

    async def ask() -> bool:
        await apart(lambda: None)
        load.told += 1
        return apart.breathe()

    assert (False, []) == (asyncio.run(ask()), slept)


class Halves:
    """A model of which several may ask at once, and the rows that it was asked at a time."""

    concurrent = True

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict(self, matrix: Any) -> Any:
        self.asked.append(len(matrix))
        return matrix[:, 0] / 2


@pytest.mark.parametrize(("others", "pieces"), [(True, [PIECE, PIECE, 1]), (False, [2 * PIECE + 1])])
def test_rows_are_asked_in_pieces_while_others_are_answered_and_the_answers_are_the_same(others: bool, pieces: list[int]) -> None:  # noqa: FBT001
    model, breaths = Halves(), []
    served = Served(1, Signature((Input("x", "number"),)), model, model)
    matrix = np.arange(2 * PIECE + 1, dtype=float)[:, None]

    def breathe() -> bool:
        breaths.append(time.monotonic())
        return others

    told = predict(served, matrix, breathe)
    assert (pieces, (matrix[:, 0] / 2).tolist()) == (model.asked, told.tolist())
    assert (1 + len(pieces) if others else 1) == len(breaths)
