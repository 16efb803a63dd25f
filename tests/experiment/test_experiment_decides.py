"""From real exposures and outcomes to a promotion, or to none: nothing is made up but the people."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from lived import DAY, T0, Life
from observed_world import RETAINED, declared
from sqlmodel import insert

from headrace import experiment
from headrace.experiment import Declared
from headrace.hooks import Plugins
from headrace.rollout import Progress
from headrace.store import Store
from headrace.store.measured import Measure
from headrace.store.tables import Prediction
from headrace.traffic import OUTSIDE, enrolling

ABOUT = replace(declared(RETAINED, unit="customer"), lasts=12 * DAY, delay=2 * DAY, looks=2 * DAY, coverage=0.5, holdout=0.1)


def days(life: Life, plugins: Plugins, retained: dict[str, float], per_day: int = 400) -> Progress:
    """People come, are answered by their arm, and some return; the flow looks each day until something is decided."""
    random, looking = Random(7), experiment.looking(plugins)
    for day in range(13):
        weights = life.weights()
        assert weights is not None
        arm_of = enrolling(life.model, weights.pairs, weights.among)
        requests, returns = [], []
        for n in range(per_day):
            unit = f"{day}-{n}"
            arm = arm_of(unit)
            version = 2 if arm == "candidate" else 1
            same = {"model": life.model, "id": unit, "at": life.now}
            told = {"arm": arm, "version": version, "epoch": weights.epoch, "entity": unit, "recorded_at": life.now}
            requests.append(same | told | {"latency_us": 900, "inputs": {}, "output": 0.5, "unseen": []})
            if random.random() < retained[arm]:
                at = life.now + DAY
                returns.append(same | {"unit": unit, "metric": "order", "value": 1.0, "at": at, "known_at": at})
        with life.store.transaction("test", "journal", f"model/{life.model}", often=True) as session:
            session.execute(insert(Prediction), requests)
            session.execute(insert(Measure), returns)
        life.wait(DAY)
        progress = experiment.advance(life.store, ABOUT, model=life.model, actor="test", cause=None, looking=looking)
        if progress.event == "headrace.experiment.decided":
            return progress
    return progress


@pytest.fixture
def life(store: Store) -> Life:
    found = Life(store)
    found.begun(ABOUT)
    return found


def test_a_better_candidate_wins_and_is_promoted_before_the_end(life: Life, plugins: Plugins) -> None:
    progress = days(life, plugins, {"champion": 0.3, "candidate": 0.5, OUTSIDE: 0.3})
    assert (progress.payload["verdict"], life.aliases(), life.shares()) == ("win", {"champion": 2, "previous": 1}, {"champion": (2, 1.0)})
    assert life.now < T0 + ABOUT.lasts
    analysis = progress.payload["analysis"]
    assert analysis["units"]["champion"] + analysis["units"]["candidate"] == pytest.approx(400 * (life.now - T0).days * 0.45, rel=0.1)


def test_a_worse_candidate_is_rolled_back(life: Life, plugins: Plugins) -> None:
    progress = days(life, plugins, {"champion": 0.5, "candidate": 0.3, OUTSIDE: 0.5})
    assert (progress.payload["verdict"], life.aliases(), life.shares()) == ("lose", {"champion": 1}, {"champion": (1, 1.0)})


def test_an_equal_candidate_is_not_promoted(life: Life, plugins: Plugins) -> None:
    progress = days(life, plugins, {"champion": 0.4, "candidate": 0.4, OUTSIDE: 0.4})
    assert (progress.payload["verdict"], life.aliases()) == ("at_end", {"champion": 1})


def test_those_outside_decide_nothing(life: Life, plugins: Plugins) -> None:
    progress = days(life, plugins, {"champion": 0.4, "candidate": 0.4, OUTSIDE: 0.0})
    assert progress.payload["verdict"] == "at_end"


def test_a_declaration_is_read_back_from_the_store(life: Life) -> None:
    kept: Declared = experiment.parsed(life.row().declared)
    assert kept == ABOUT
