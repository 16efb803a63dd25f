"""Predictions that are kept: exact, of one version, computed once, bounded, and each journalled as any other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from serving_project import ROW, SIGNATURE, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace.compiled import CacheConfig
from headrace.journal import ship
from headrace.serving.cache import Cache
from headrace.serving.routed import Routed
from headrace.serving.snapshot import Served
from headrace.store.tables import Prediction

Serve = Callable[[Project], TestClient]


class Counting:
    """A predictor that says the first input a hundredth, and how often it was asked."""

    def __init__(self, seconds: float = 0.0, *, fails: bool = False) -> None:
        self.rows = 0
        self._seconds = seconds
        self._fails = fails

    def predict(self, matrix: Any) -> Any:
        time.sleep(self._seconds)
        self.rows += len(matrix)
        if self._fails:
            raise RuntimeError("no")
        return np.asarray(matrix)[:, 0] / 100


def served(predictor: Counting, digest: str = "one") -> Served:
    return Served(1, SIGNATURE, predictor, predictor, digest=digest)


def row(age: float | None) -> dict[str, Any]:
    return {"age": age, "education": "21", "sex": "2"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def cached(most: int = 100, clock: Clock | None = None) -> Cache:
    return Cache(CacheConfig(predictions=most, seconds=60.0), Routed(CollectorRegistry(), "m"), clock or Clock())


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_equal_rows_at_once_are_one_computation() -> None:
    predictor, cache = Counting(0.05), cached()
    version = served(predictor)

    async def work() -> list[float | None]:
        singles = [cache.one(version, row(40.0)) for _ in range(20)]
        batch = cache.many(version, [row(40.0), row(41.0), row(40.0)])
        ones, many = await asyncio.gather(asyncio.gather(*singles), batch)
        return [one.output for one in (*ones, *many)]

    assert ([0.4] * 20 + [0.4, 0.41, 0.4], 2) == (run(work()), predictor.rows)


def test_whoever_asked_first_may_go_and_the_others_are_answered() -> None:
    predictor, cache = Counting(0.05), cached()
    version = served(predictor)

    async def work() -> float | None:
        first = asyncio.create_task(cache.one(version, row(40.0)))
        await asyncio.sleep(0)
        second = asyncio.create_task(cache.one(version, row(40.0)))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).output

    assert (0.4, 1) == (run(work()), predictor.rows)


@pytest.mark.parametrize(("one", "other"), [(0.0, -0.0), (1.0, 1), (1.0, True)])
def test_inputs_are_equal_where_their_bytes_are(one: float, other: float) -> None:
    predictor, cache = Counting(), cached()
    version = served(predictor)

    async def work() -> None:
        for age in (one, other, one, other):
            await cache.one(version, row(age))

    run(work())
    assert 2 == predictor.rows


def test_another_version_is_asked_anew() -> None:
    predictor, cache = Counting(), cached()

    async def work() -> None:
        for digest in ("one", "two", "one", "two"):
            await cache.one(served(predictor, digest), row(40.0))

    run(work())
    assert 2 == predictor.rows


def test_no_more_are_kept_than_may_be_and_none_longer() -> None:
    clock = Clock()
    predictor, cache = Counting(), cached(2, clock)
    version = served(predictor)

    async def work() -> list[int]:
        seen = []
        for age, at in ((1.0, 0), (2.0, 0), (1.0, 0), (3.0, 1), (1.0, 1), (2.0, 1), (2.0, 60), (2.0, 61)):
            clock.now = at
            await cache.one(version, row(age))
            seen.append(predictor.rows)
        return seen

    # The third row takes the place of the second, which was used longest ago; at 61 s what is of 1 s is too old.
    assert ([1, 2, 2, 3, 3, 4, 4, 5], 2) == (run(work()), len(cache))


def test_an_error_is_not_kept() -> None:
    predictor, cache = Counting(fails=True), cached()
    version = served(predictor)

    async def work() -> list[str | None]:
        return [(await cache.one(version, row(1.0))).error for _ in range(2)]

    assert (["RuntimeError: no"] * 2, 0) == (run(work()), len(cache))


def test_a_hit_is_journalled_and_counted(tmp_path: Path, serve: Serve) -> None:
    project = make_project(tmp_path, {"cache": {"predictions": 10, "seconds": 60.0}})
    project.alias("champion", project.register_flaky(0.5))
    client = serve(project)
    ids = [client.post("/predict", json=ROW).json()["id"] for _ in range(3)]
    ids += [item["id"] for item in client.post("/predict/batch", json={"rows": [ROW, ROW]}).json()["predictions"]]
    ship(project.store, project.spool)
    with project.store.read() as session:
        assert ids == list(session.exec(select(Prediction.id).order_by(Prediction.seq)))  # type: ignore[arg-type]
    text = client.get("/metrics").text
    counts = [
        f'headrace_cached_predictions_total{{model="employment",result="{name}"}} {n}.0' in text for name, n in (("hit", 4), ("miss", 1))
    ]
    assert ([True, True], 1) == (counts, client.get("/metadata").json()["cached"])


def test_no_stale_answer_is_given_through_swaps_under_load(tmp_path: Path, serve: Serve) -> None:
    project = make_project(tmp_path, {"cache": {"predictions": 100, "seconds": 60.0}})
    values = {project.register_flaky(value, delay=0.001): value for value in (0.1, 0.2, 0.3)}
    project.alias("champion", 1)
    client = serve(project)
    over = False

    def load(worker: int) -> list[tuple[int, float]]:
        found = []
        while not over:
            told = client.post("/predict", json=ROW | {"person_id": worker}).json()
            found.append((told["version"], told["prediction"]))
        return found

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load, worker) for worker in range(4)]
        try:
            for number in (2, 3, 1, 3, 2):
                project.alias("champion", number)
                limit = time.monotonic() + 60
                while client.post("/predict", json=ROW).json()["version"] != number:
                    assert time.monotonic() < limit
        finally:
            over = True
        seen = {pair for worker in running for pair in worker.result()}
    assert set(values.items()) == seen
