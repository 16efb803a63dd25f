import time
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from serving_project import CONFIG, MODEL, ROW, SIGNATURE, Project

from headrace import traffic
from headrace.compiled import ServingConfig
from headrace.serving.follow import Current
from headrace.serving.judge import Evidence, Judge, counts, watch
from headrace.serving.snapshot import Served, Snapshot
from headrace.stats.eprocess import Stratum
from headrace.store import EventKind, due, events
from headrace.traffic.units import digest

Serve = Callable[[Project], TestClient]
SPLIT = Snapshot(
    4,
    (("champion", 0.8), ("candidate", 0.2)),
    {number: Served(i + 1, SIGNATURE, None, None) for i, number in enumerate(("champion", "candidate"))},  # type: ignore[arg-type]
    ((3, 0.1), (4, 0.2)),
)


def until(true: Callable[[], bool], seconds: float = 60.0) -> float:
    started = time.monotonic()
    while not true():
        assert time.monotonic() < started + seconds
        time.sleep(0.01)
    return time.monotonic() - started


def canary(project: Project, share: float = 0.5, fail: int = 10) -> tuple[int, int]:
    """A champion that never fails, and a candidate that fails where the age divides by `fail`."""
    champion, candidate = project.register_flaky(0.25), project.register_flaky(0.75, fail=fail)
    project.alias("champion", champion)
    project.alias("candidate", candidate)
    project.weigh(champion, candidate, share)
    return champion, candidate


def test_the_counts_are_what_all_had_and_what_this_one_has_counted_since() -> None:
    evidence = Evidence(
        {(3, "error_rate"): Stratum(0.1, 10, 1, 90, 2), (4, "error_rate"): Stratum(0.2, 20, 2, 80, 3)},
        {(4, "candidate", "error_rate"): (5, 1), (4, "champion", "error_rate"): (20, 1)},
    )
    own = {(4, "candidate", "error_rate"): (8, 3), (4, "champion", "error_rate"): (21, 1), (2, "champion", "error_rate"): (99, 99)}
    expected = [Stratum(0.1, 10, 1, 90, 2), Stratum(0.2, 23, 4, 81, 3)]
    assert expected == counts(evidence, own, SPLIT, "error_rate")


def test_an_epoch_that_the_store_has_not_counted_yet_counts_what_is_known_here() -> None:
    own = {(4, "candidate", "error_rate"): (8, 3), (4, "champion", "error_rate"): (21, 1)}
    assert [Stratum(0.1, 0, 0, 0, 0), Stratum(0.2, 8, 3, 21, 1)] == counts(Evidence(), own, SPLIT, "error_rate")


def test_the_counts_of_another_rollout_are_no_evidence() -> None:
    evidence = Evidence({(1, "error_rate"): Stratum(0.5, 100, 90, 100, 0)}, {(1, "candidate", "error_rate"): (100, 90)})
    assert [Stratum(0.1, 0, 0, 0, 0), Stratum(0.2, 0, 0, 0, 0)] == counts(evidence, evidence.own, SPLIT, "error_rate")


def judged(failing: int, of: int) -> tuple[Judge, Current]:
    rules = watch(ServingConfig.model_validate(CONFIG))
    assert rules is not None
    counter = traffic.Counter("w", model=MODEL)
    current = Current()
    current.swap(SPLIT)
    for i in range(of):
        counter.record(4, "candidate", i < failing, 0.001, rules.rules, candidate=2)
        counter.record(4, "champion", False, 0.001, rules.rules, candidate=2)
    judge = Judge(rules, counter, current, MODEL)
    judge.look()
    return judge, current


def test_a_candidate_is_barred_from_memory_alone() -> None:
    judge, current = judged(12, 60)
    assert judge.aborted is not None
    assert (2, {"champion": 1}, "error_rate") == (current.barred, current.snapshot.versions, judge.aborted.verdict.metric)


def test_a_candidate_like_the_champion_is_left_alone() -> None:
    judge, current = judged(0, 500)
    assert (None, None, {"champion": 1, "candidate": 2}) == (judge.aborted, current.barred, current.snapshot.versions)


def test_a_config_without_a_rollout_has_nothing_to_judge() -> None:
    config = ServingConfig.model_validate({**CONFIG, "rollout": None})
    current = Current()
    current.swap(SPLIT)
    assert watch(config) is None
    Judge(None, traffic.Counter("w", model=MODEL), current, MODEL).look()
    assert {"champion": 1, "candidate": 2} == current.snapshot.versions


def test_a_failing_candidate_is_answered_by_the_champion_and_aborted(project: Project, serve: Serve) -> None:
    champion, candidate = canary(project)
    client = serve(project)
    told = [client.post("/predict", json={**ROW, "person_id": i, "age": i % 100}).json() for i in range(400)]
    assert {0.25, 0.75} == {one["prediction"] for one in told}
    assert [] == [one for one in told if "error" in one]
    until(lambda: client.get("/metadata").json()["versions"] == {"champion": champion})
    assert {0.25} == {client.post("/predict", json={**ROW, "person_id": i}).json()["prediction"] for i in range(40)}

    def aborted() -> list[tuple[int, str | None]]:
        with project.store.read() as session:
            return [(event.payload["candidate"], event.successor) for event in events.log(session, MODEL, {EventKind.ROLLOUT_ABORTED})]

    until(lambda: aborted() == [(candidate, "roll_out")])
    with project.store.read() as session:
        weights = traffic.current(session, MODEL)
        assert weights is not None
        assert (0.0, ["roll_out"]) == (weights.share, [row.flow for row in due.list(session)])
    # The bar is lifted with the weights, so that a later rollout of the same version may begin.
    until(lambda: client.get("/metadata").json()["barred"] is None)
    project.weigh(champion, candidate, 0.5)
    until(lambda: client.get("/metadata").json()["versions"] == {"champion": champion, "candidate": candidate})
    time.sleep(0.5)
    assert {"champion": champion, "candidate": candidate} == client.get("/metadata").json()["versions"]


@pytest.mark.parametrize("share", [0.5, 0.95], ids=["step", "bake"])
def test_an_abort_acts_at_once_while_the_store_takes_no_writes_and_is_told_later(project: Project, serve: Serve, share: float) -> None:
    champion, _ = canary(project, share)
    client = serve(project)
    with project.store.transaction("user:test", "hold", "everything"):  # every other writer waits
        for i in range(200):
            client.post("/predict", json={**ROW, "person_id": i, "age": i % 100 // 10 * 10})
        took = until(lambda: client.get("/metadata").json()["barred"] is not None)
        told = client.get("/metadata").json()
        with project.store.read() as session:
            standing = traffic.current(session, MODEL)
    assert took < 2.0
    assert standing is not None
    assert ({"champion": champion}, 0, share) == (told["versions"], told["counted_epoch"], standing.share)

    def share_now() -> float:
        with project.store.read() as session:
            weights = traffic.current(session, MODEL)
        return weights.share if weights else 1.0

    until(lambda: share_now() == 0.0)
    assert 0.0 == share_now()


def test_the_counts_of_other_workers_decide_too(project: Project, serve: Serve) -> None:
    champion, candidate = canary(project, fail=1000)
    client = serve(project)
    rules = watch(ServingConfig.model_validate(CONFIG))
    assert rules is not None
    with project.store.read() as session:
        weights = traffic.current(session, MODEL)
    assert weights is not None
    other = traffic.Counter("another", model=MODEL)
    for i in range(100):
        other.record(weights.epoch, "candidate", i < 30, 0.001, rules.rules, candidate=candidate)
        other.record(weights.epoch, "champion", False, 0.001, rules.rules, candidate=candidate)
    other.flush(project.store)
    assert until(lambda: client.get("/metadata").json()["versions"] == {"champion": champion}) < 2.0


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_without_a_fallback_the_caller_gets_the_error(project: Project, serve: Serve, path: str) -> None:
    champion = project.register_flaky(0.25, fail=10)
    project.alias("champion", champion)
    client = serve(project)
    rows = [{**ROW, "age": age} for age in (10, 11)]
    if path == "/predict":
        told = [client.post(path, json=row) for row in rows]
        assert [(503, "urn:headrace:prediction-failed"), (200, None)] == [(t.status_code, t.json().get("type")) for t in told]
        assert "this row breaks" not in told[0].text
    else:
        told = client.post(path, json={"rows": rows}).json()["predictions"]
        assert [(None, "the model failed on this row"), (0.25, None)] == [(one["prediction"], one.get("error")) for one in told]


def test_what_is_no_probability_is_an_error(project: Project, serve: Serve) -> None:
    champion, candidate = project.register_flaky(0.25), project.register_flaky(1.5)
    project.alias("champion", champion)
    project.weigh(champion, candidate, 0.9)
    client = serve(project)
    told = [client.post("/predict", json={**ROW, "person_id": i}).json()["prediction"] for i in range(3)]
    batch = client.post("/predict/batch", json={"rows": [{**ROW, "person_id": i} for i in range(3)]}).json()["predictions"]
    assert [0.25] * 6 == told + [one["prediction"] for one in batch]
    text = client.get("/metrics").text
    assert f'arm="candidate",model="employment",status="error",version="{candidate}"' in text


def test_a_request_that_two_arms_tried_is_counted_once_for_the_arm_it_was_assigned_to(project: Project, serve: Serve) -> None:
    champion, candidate = canary(project, share=0.9, fail=1)
    client = serve(project)
    arms = [client.post("/predict", json={**ROW, "person_id": i}).json()["arm"] for i in range(5)]
    until(lambda: client.get("/metadata").json()["unflushed"] == 0)
    with project.store.read() as session:
        weights = traffic.current(session, MODEL)
        assert weights is not None
        found = traffic.strata(session, MODEL, [1], "error_rate")
    assert ["champion"] * 5 == arms
    assert 5 == sum(stratum.n_candidate + stratum.n_champion for stratum in found)
    assert candidate == 2
    assert champion == 1


def flooded(units: list[str], told: dict[str, tuple[int, str]] | None = None) -> Judge:
    """A judge of units, after as many failures of the candidate as units are named, and what the store had of others."""
    rollout = CONFIG["rollout"]
    by_unit = [{**judge, "count": "units"} if judge["metric"] == "error_rate" else judge for judge in rollout["judge"]]
    rules = watch(ServingConfig.model_validate({**CONFIG, "rollout": {**rollout, "judge": by_unit}}))
    assert rules is not None
    counter, current = traffic.Counter("w", model=MODEL, units=True), Current()
    current.swap(SPLIT)
    for i, unit in enumerate(units):
        counter.record(4, "candidate", True, 0.001, rules.rules, candidate=2, unit=unit)
        counter.record(4, "champion", False, 0.001, rules.rules, candidate=2, unit=f"other {i}")
    judge = Judge(rules, counter, current, MODEL)
    judge.evidence = Evidence(failing=told or {})
    judge.look()
    return judge


def test_a_flood_of_failures_of_one_user_aborts_nothing_and_failures_of_many_do() -> None:
    assert flooded(["one user"] * 1000).aborted is None
    assert flooded([f"user {i}" for i in range(40)]).aborted is not None


def test_units_that_another_worker_saw_fail_decide_too_and_each_once() -> None:
    many = {f"digest {i}": (4, "candidate") for i in range(40)}
    mine = {digest(MODEL, "one user"): (4, "candidate")}
    assert flooded(["one user"], mine).aborted is None
    assert flooded(["one user"], many).aborted is not None
