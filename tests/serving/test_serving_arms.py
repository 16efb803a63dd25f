"""Who answers whom: a unit keeps its arm through changes of the weights, and a candidate that fails again and again rests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving_project import CONFIG, MODEL, ROW, Project
from serving_project import project as make_project

from headrace import traffic
from headrace.serving import snapshot
from headrace.serving.breaker import Pauses
from headrace.store import EventKind, events

Serve = Callable[[Project], TestClient]
WAYS = ("direct", "hot", "route")


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.02)


def arms(client: TestClient, units: int = 300) -> list[str]:
    rows = [ROW | {"person_id": number} for number in range(units)]
    return [one["arm"] for one in client.post("/predict/batch", json={"rows": rows}).json()["predictions"]]


def test_a_unit_keeps_its_arm_while_the_weights_rise_and_gets_it_back_when_they_fall(project: Project, serve: Serve) -> None:
    champion, candidate = project.register(0), project.register(1)
    project.alias("champion", champion)
    client = serve(project)
    seen = []
    for share in (0.1, 0.4, 0.8, 0.4, 0.1):
        epoch = project.weigh(champion, candidate, share)
        until(lambda epoch=epoch: client.get("/metadata").json()["counted_epoch"] == epoch)  # type: ignore[misc]
        seen.append(arms(client))
        assert [client.post("/predict", json=ROW | {"person_id": n}).json()["arm"] for n in range(5)] == seen[-1][:5]
    on_trial = [{n for n, arm in enumerate(told) if arm == "candidate"} for told in seen]
    assert (on_trial[0] < on_trial[1] < on_trial[2], on_trial[0], on_trial[1]) == (True, on_trial[4], on_trial[3])


def test_a_candidate_that_fails_again_and_again_rests_uncounted_and_is_tried_again(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FAILING", Pauses(failures=10, first=600.0, longest=600.0))
    # So sure must the judge be that it leaves the candidate to its circuit.
    judge = {"judge": [CONFIG["rollout"]["judge"][0] | {"ceiling": None}], "false_rollback": 1e-9, "warmup_requests": 20}
    project = make_project(tmp_path, {"rollout": judge})
    champion, candidate = project.register_flaky(0.25), project.register_flaky(0.75, fail=46)
    project.alias("champion", champion)
    epoch = project.weigh(champion, candidate, 0.5)
    client = serve(project)

    def told() -> dict[str, str]:
        found: dict[str, str] = client.get("/metadata").json()["circuits"]["candidate"]
        return found

    first = [client.post("/predict", json=ROW | {"person_id": n}).json()["prediction"] for n in range(60)]
    totals = client.app.state.server.counter.totals()  # type: ignore[attr-defined]
    assert ({0.25}, "open", (10, 10)) == (set(first), told()["state"], totals[epoch, "candidate", "error_rate"])
    assert "breaks the candidate" in told()["reason"]
    assert totals[0, "champion", "error_rate"][1] == 0  # while it rests, all are the champion's, and nobody's evidence
    circuit = client.app.state.server.circuits()["candidate"]  # type: ignore[attr-defined]
    monkeypatch.setattr(circuit, "_until", 0.0)  # its pause is over
    until(lambda: client.get("/metadata").json()["versions"].get("candidate") == candidate)
    until(lambda: client.post("/predict", json=ROW | {"age": 45.0, "person_id": 3}).json()["arm"] == "candidate")
    assert "closed" == told()["state"]


def aborts(project: Project) -> list[int]:
    with project.store.read() as session:
        return [event.payload["candidate"] for event in events.log(session, MODEL, {EventKind.ROLLOUT_ABORTED})]


def test_a_candidate_that_is_clearly_worse_is_aborted_though_its_circuit_opens(project: Project, serve: Serve) -> None:
    champion, candidate = project.register_flaky(0.25), project.register_flaky(0.75, fail=46)
    project.alias("champion", champion)
    project.weigh(champion, candidate, 0.5)
    client = serve(project)
    for number in range(60):
        client.post("/predict", json=ROW | {"person_id": number})
    until(lambda: bool(aborts(project)))
    assert [candidate] == aborts(project)


def test_those_who_take_no_part_are_the_champion_s_and_a_raised_coverage_moves_nobody_between_arms(project: Project, serve: Serve) -> None:
    champion, candidate = project.register(0), project.register(1)
    project.alias("champion", champion)
    client = serve(project)
    seen = []
    for coverage in (0.0, 0.3, 0.6):
        with project.store.transaction("test", "weigh", f"model/{MODEL}") as session:
            standing = traffic.current(session, MODEL)
            dealt = [traffic.Arm("champion", champion, 0.5), traffic.Arm("candidate", candidate, 0.5)]
            epoch = traffic.set_weights(
                session,
                model=MODEL,
                expected=None if standing is None else standing.epoch,
                arms=dealt,
                at=project.store.clock.now(),
                reason="test",
                among=traffic.Among("x", coverage=coverage),
            ).epoch
        until(lambda epoch=epoch: client.get("/metadata").json()["counted_epoch"] == epoch)  # type: ignore[misc]
        seen.append(arms(client))
        told = [client.post("/predict", json=ROW | {"person_id": n}).json() for n in range(8)]
        assert [one["arm"] for one in told] == seen[-1][:8]
        assert {one["version"] for one in told if one["arm"] == "outside"} <= {champion}
    assert (set(seen[0]), set(seen[2])) == ({"outside"}, {"outside", "champion", "candidate"})
    assert {before for before, after in zip(seen[1], seen[2], strict=True) if before != after} == {"outside"}
