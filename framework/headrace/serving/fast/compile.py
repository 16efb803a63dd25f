"""Which way a version answers one row: its compiled form where it has one, a queue where many cost as much as one, and plain otherwise."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from headrace.hooks import Algorithm
from headrace.serving.fast.batched import Batched
from headrace.serving.fast.composed import compiled
from headrace.serving.fast.gate import difference, samples
from headrace.serving.fast.rows import encoder
from headrace.serving.snapshot import Answered, Fast, Parity, Served, ask_many

LOG = logging.getLogger("headrace.serving")

TOGETHER = 16
"""So many rows are tried together."""
WORTH = 4.0
"""A queue is worth its while where those cost less than so many of one each…"""
LEAST = 200e-6
"""…and one costs more than this, in CPU seconds."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a way is tried on."""

    drawn: list[dict[str, Any]]
    stored: list[dict[str, Any]]

    @property
    def all(self) -> list[dict[str, Any]]:
        return self.drawn + self.stored

    def parity(self, why: str | None) -> Parity:
        return Parity(len(self.drawn), len(self.stored), why)


def fastest(served: Served, algorithm: Algorithm, failed: Callable[[], None], stored: Callable[[], list[dict[str, Any]]]) -> Served:
    """The version with the fastest way that it has to answer one row as it would answer plainly; `stored` are rows that it was judged by.

    A way that differs, or fails, is left out: that is logged and `failed` is called, as it is for each row that a way fails on later.
    """
    if algorithm.compile is None:
        return _queued(served, failed, stored)
    try:
        form = compiled(algorithm, served.single, served.signature)
        if form is None:
            return _queued(served, failed, stored)
        fast = Fast(form.path, encoder(served.signature), form.predict_row, _raised)
        tried = replace(served, fast=fast)
        # The plain way is asked of the other predictor: this one may be changed by what is tried.
        plain = partial(ask_many, served.batch, served.signature, answers=served.answers)
        rows = _rows(served, failed, stored)
        why = difference(rows.all, plain, lambda each: [_tried(tried, row) for row in each], exact=form.exact)
        parity = rows.parity(why)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        why = f"{type(error).__name__}: {error}"
        parity = Parity(0, 0, why)
    if why is None:
        return replace(served, fast=replace(fast, failed=_Failed(served.number, failed)), parity=parity)
    failed()
    LOG.warning("v%d answers plainly: its compiled form does not answer alike: %s", served.number, why)
    return replace(served, parity=parity)


def _rows(served: Served, failed: Callable[[], None], stored: Callable[[], list[dict[str, Any]]]) -> _Rows:
    drawn = samples(served.signature)
    try:
        return _Rows(drawn, stored())
    except Exception as error:  # noqa: BLE001 - rows that cannot be read keep no model from answering
        failed()
        LOG.warning("v%d: its held-out rows cannot be read, its way is tried on drawn ones alone: %s", served.number, error)
        return _Rows(drawn, [])


def _raised(error: Exception) -> None:
    raise error


def _tried(served: Served, row: Mapping[str, Any]) -> Answered:
    """What the compiled form alone says to a row."""
    try:
        return served.answer(row)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        return Answered(None, (), f"{type(error).__name__}: {error}")


class _Failed:
    """Logs the first row of a version that its compiled form fails on, and counts all."""

    def __init__(self, number: int, count: Callable[[], None]) -> None:
        self._number, self._count, self._logged = number, count, False

    def __call__(self, error: Exception) -> None:
        self._count()
        if not self._logged:
            self._logged = True
            LOG.warning("v%d: a row was asked plainly, for its compiled form failed: %s: %s", self._number, type(error).__name__, error)


def _queued(served: Served, failed: Callable[[], None], stored: Callable[[], list[dict[str, Any]]]) -> Served:
    """The version with a queue, where that is worth its while and answers alike."""
    few = samples(served.signature)[:TOGETHER]
    together = partial(ask_many, served.single, served.signature, answers=served.answers)
    one = _seconds(lambda: together(few[:1]))
    if one < LEAST or _seconds(lambda: together(few)) > WORTH * one:
        return served
    rows = replace(_rows(served, failed, stored), drawn=few)
    why = difference(rows.all, lambda each: [told for row in each for told in together([row])], together, exact=False)
    if why is None:
        return replace(served, queue=Batched(together), parity=rows.parity(None))
    failed()
    LOG.warning("v%d answers plainly: rows together are not answered as each alone: %s", served.number, why)
    return replace(served, parity=rows.parity(why))


def _seconds(work: Callable[[], object]) -> float:
    """The CPU time of this thread that it takes, the least of three."""
    taken = []
    for _ in range(3):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return min(taken)
