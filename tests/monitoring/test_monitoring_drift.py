from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlmodel import select

from headrace.hooks import Comparison, Detector
from headrace.monitoring import Alert, Drift
from headrace.monitoring.drift import drifted, failed, judge
from headrace.store import EventKind
from headrace.store.tables import Prediction

BIG = np.full(20, 500)


def moved(by: int) -> Any:
    """2,000 rows in 20 bins, with `by` rows of the first half moved to the second."""
    return np.concatenate([np.full(10, 100 - by), np.full(10, 100 + by)])


def psi(reference: Any, current: Any) -> Comparison:
    from headrace.builtin.detectors.psi import compare

    return compare(reference, current)


def status(current: Any, reference: Any = BIG, **settings: Any) -> str:
    return judge(psi, {"age": reference}, {"age": current}, Drift(**settings))["features"]["age"]["status"]


@pytest.mark.parametrize(
    ("current", "expected"), [(moved(0), "ok"), (moved(12), "ok"), (moved(35), "warning"), (moved(50), "critical"), (moved(90), "critical")]
)
def test_a_feature_is_judged_by_its_effect(current: Any, expected: str) -> None:
    assert expected == status(current)


def test_significance_alone_is_no_drift() -> None:
    found = judge(psi, {"age": BIG * 1000}, {"age": moved(10) * 1000}, Drift())["features"]["age"]
    assert (True, "ok") == (found["q"] < 1e-9, found["status"])


def test_an_effect_that_chance_may_have_made_is_no_drift() -> None:
    current = np.array([3, 7] * 10)
    found = judge(psi, {"age": BIG}, {"age": current}, Drift())["features"]["age"]
    assert (True, "ok") == (found["effect"] > 0.1, found["status"])


def test_a_window_that_is_too_small_is_never_ok() -> None:
    assert ["insufficient_data", "ok"] == [status(np.full(20, 5) - np.eye(20, dtype=int)[0]), status(np.full(20, 5))]


def test_a_reference_that_is_too_small_judges_nothing() -> None:
    assert status(moved(90), reference=np.full(20, 4)) == "insufficient_data"


def test_no_rows_are_insufficient() -> None:
    assert status(np.zeros(20, dtype=int)) == "insufficient_data"


def test_share_max_and_critical_sum_a_window_up() -> None:
    reference = {"a": BIG, "b": BIG, "c": BIG, "prediction": BIG}
    current = {"a": moved(0), "b": moved(35), "c": moved(60), "prediction": np.zeros(20, dtype=int)}
    found = judge(psi, reference, current, Drift())
    assert (3, 2 / 3, 1, found["features"]["c"]["effect"]) == (found["judged"], found["share"], found["critical"], found["max"])


def test_what_drifted_comes_strongest_first() -> None:
    found = judge(psi, dict.fromkeys("abc", BIG), {"a": moved(0), "b": moved(35), "c": moved(60)}, Drift())
    assert ["c", "b"] == [item["feature"] for item in drifted(found)]


def test_where_nothing_can_be_judged_nothing_is_known() -> None:
    found = judge(psi, {"a": BIG}, {"a": np.zeros(20, dtype=int)}, Drift())
    assert (None, None, None) == (found["share"], found["max"], found["critical"])


def test_only_the_features_that_were_asked_for_are_watched_and_the_predictions_always() -> None:
    names = dict.fromkeys(("age", "grade", "prediction"), BIG)
    assert {"grade", "prediction"} == set(judge(psi, names, names, Drift(features=["grade"]))["features"])


def test_many_features_are_judged_together() -> None:
    # One p-value of 0.005 among 20 features is what chance gives in a tenth of all windows.
    def compare(reference: Any, current: Any) -> Comparison:
        return Comparison(0.5, 0.005 if current[0] == 101 else 0.9)

    names = {f"f{n}": BIG for n in range(20)}
    current = {name: np.full(20, 101 if name == "f0" else 100) for name in names}
    assert ["ok", "critical"] == [
        judge(compare, names, current, Drift())["features"]["f0"]["status"],
        judge(compare, {"f0": BIG}, {"f0": current["f0"]}, Drift())["features"]["f0"]["status"],
    ]


def test_a_detector_that_raises_is_named_at_its_feature() -> None:
    def broken(reference: Any, current: Any) -> Comparison:
        raise RuntimeError("out of order")

    found = judge(broken, {"age": BIG}, {"age": moved(0)}, Drift())
    assert ("failed", "RuntimeError: out of order", None) == (
        found["features"]["age"]["status"],
        found["features"]["age"]["reason"],
        found["share"],
    )


def test_a_detector_that_finds_no_number_judges_nothing() -> None:
    found = judge(lambda *_: Comparison(float("nan"), 0.5), {"age": BIG}, {"age": moved(0)}, Drift())
    assert found["features"]["age"]["status"] == "insufficient_data"


def test_a_clear_shift_of_one_input_is_found_in_the_predictions_of_a_model(world: Any) -> None:
    world.champion(20000)
    world.serve(world.rows(2000))
    world.serve(world.rows(2000, shift=10))
    world.measure(rows=2000, drift=Drift())
    assert [set(), {"age", "prediction"}] == [{item["feature"] for item in drifted(window.drift)} for window in world.windows()]


def hang(*_: Any) -> Any:
    while True:
        time.sleep(0.01)


def test_a_detector_that_hangs_is_stopped_and_its_features_have_failed(world: Any) -> None:
    world.champion(20000)
    world.serve(world.rows(2000))
    world.plugins = replace(world.plugins, detectors={"psi": Detector("psi", f"{__name__}:hang", seconds=0.05)})
    world.measure(rows=2000, drift=Drift())
    assert "OutOfTime: it did not end within 0.05 s" in failed(world.windows()[0].drift)["age"]


def test_another_versions_answers_are_not_taken_for_drift(world: Any) -> None:
    world.champion(20000)
    frame = world.rows(2000)
    world.serve(frame[:1000])
    world.serve(frame[1000:].assign(prediction=0.01), version=2)
    world.measure(rows=2000, drift=Drift())
    found = world.windows()[0].drift["features"]
    assert (1000, "ok", 2000) == (found["prediction"]["n"], found["prediction"]["status"], found["age"]["n"])


def test_a_version_without_a_profile_says_why_nothing_is_known(world: Any) -> None:
    world.champion(profile=False)
    world.serve(world.rows(500))
    world.measure(drift=Drift())
    found = world.windows()[0].drift
    assert (None, "v1 has no profile of its training rows") == (found["share"], found["reason"])


def test_jensen_shannon_lies_between_nothing_and_one() -> None:
    from headrace.builtin.detectors.jensen_shannon import compare

    same, apart = compare(np.array([5, 5]), np.array([50, 50])), compare(np.array([9, 0]), np.array([0, 9]))
    assert (0.0, 1.0, True) == (same.effect, apart.effect, np.isnan(compare(np.array([1]), np.array([0])).effect))


@pytest.mark.slow
def test_windows_without_drift_alarm_no_more_often_than_the_rate_allows() -> None:
    # 400 windows of 17 features from the reference's own distribution: no effect reaches the warning and the rate at once.
    rng = np.random.default_rng(11)
    reference = {f"f{n}": rng.multinomial(40_000, np.full(20, 0.05)) for n in range(17)}
    windows = ({name: rng.multinomial(500, np.full(20, 0.05)) for name in reference} for _ in range(400))
    assert sum(judge(psi, reference, window, Drift())["share"] > 0 for window in windows) <= 4


def test_a_feature_that_could_not_be_counted_says_why_and_the_others_are_judged() -> None:
    found = judge(psi, {"age": BIG, "size": BIG}, {"age": "it was a number", "size": moved(50)}, Drift())
    assert ({"age": "it was a number"}, 1, 1.0, "critical") == (
        failed(found),
        found["judged"],
        found["share"],
        found["features"]["size"]["status"],
    )


def test_an_input_that_changed_its_type_is_told_and_holds_nothing_up(world: Any) -> None:
    world.champion(5000)
    frame = world.rows(500)
    world.serve(frame)
    with world.store.transaction("test", "change a type", "employment") as session:
        row = session.exec(select(Prediction).where(Prediction.seq == 250)).one()
        row.inputs = {**row.inputs, "age": "young"}
        session.add(row)
    world.serve(world.rows(500))
    assert [1, 2] == world.measure(drift=Drift()).closed
    first, second = world.windows()
    told = world.log(EventKind.WINDOW_CLOSED)[0].payload["failed"]
    assert ({"age": "failed", "grade": "ok", "prediction": "ok"}, "ok") == (
        {name: item["status"] for name, item in first.drift["features"].items()},
        second.drift["features"]["age"]["status"],
    )
    assert told["age"].startswith("it was a number when v1 was trained, and is none in this window")


def test_an_alert_names_what_could_not_be_judged(world: Any) -> None:
    world.champion(5000)
    world.serve(world.rows(500, shift=20).assign(grade=[["a"]] * 500))
    windows = world.measure(drift=Drift())
    world.judge(windows, Alert("drifting", when="drift.share > 0.05"))
    (event,) = world.log(EventKind.ALERT_FIRED)
    assert ["grade"] == list(event.payload["failed"])
