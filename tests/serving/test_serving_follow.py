import time
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, SIGNATURE, Project

from headrace.serving.follow import Current, Wanted, compose, wanted
from headrace.serving.snapshot import Served, Snapshot
from headrace.store import EventKind, events
from headrace.traffic import Arm, Weights

Serve = Callable[[Project], TestClient]


def version(number: int) -> Served:
    return Served(number, SIGNATURE, None, None)  # type: ignore[arg-type]


def weights(champion: int, candidate: int | None = None, share: float = 0.0) -> Weights:
    arms = (Arm("champion", champion, 1.0 - share), *([Arm("candidate", candidate, share)] if candidate else []))
    return Weights(MODEL, 4, arms)


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("aliases", "standing", "expected"),
    [
        ({}, None, Wanted(None, None, 0.0, 0)),
        ({"champion": 1}, None, Wanted(1, None, 0.0, 0)),
        ({"champion": 1, "candidate": 2}, None, Wanted(1, None, 0.0, 0)),
        ({"champion": 1}, weights(1), Wanted(1, None, 0.0, 4)),
        ({"champion": 1, "candidate": 2}, weights(1, 2, 0.2), Wanted(1, 2, 0.2, 4)),
        ({"champion": 1, "candidate": 2}, weights(1, 2, 0.0), Wanted(1, None, 0.0, 4)),
        ({"champion": 2, "previous": 1}, weights(1, 2, 0.5), Wanted(2, None, 0.0, 0)),
        ({}, weights(1, 2, 0.5), Wanted(None, None, 0.0, 0)),
    ],
)
def test_the_alias_says_who_is_champion_and_weights_count_only_for_that_one(
    aliases: dict[str, int], standing: Weights | None, expected: Wanted
) -> None:
    assert expected == wanted(aliases, standing)


BEFORE = Snapshot(3, (("champion", 1.0),), {"champion": version(1)})


@pytest.mark.parametrize(
    ("want", "loaded", "barred", "expected"),
    [
        (Wanted(1, 2, 0.2, 4), (1, 2), False, (4, {"champion": 0.8, "candidate": 0.2}, {"champion": 1, "candidate": 2})),
        (Wanted(1, 2, 0.2, 4), (1, 2), True, (0, {"champion": 1.0}, {"champion": 1})),
        (Wanted(1, 2, 0.2, 4), (1,), False, (0, {"champion": 1.0}, {"champion": 1})),
        (Wanted(2, None, 0.0, 4), (1,), False, (0, {"champion": 1.0}, {"champion": 1})),
        (Wanted(2, None, 0.0, 4), (1, 2), False, (4, {"champion": 1.0}, {"champion": 2})),
        (Wanted(None, None, 0.0, 0), (1,), False, (0, {}, {})),
    ],
)
def test_what_cannot_be_loaded_never_takes_the_place_of_what_answers(
    want: Wanted, loaded: tuple[int, ...], barred: object, expected: tuple[int, dict[str, float], dict[str, int]]
) -> None:
    made = compose(want, {number: version(number) for number in loaded}, BEFORE, barred=bool(barred))
    assert expected == (made.epoch, dict(made.weights), made.versions)


def test_a_barred_candidate_is_kept_out_until_the_store_sends_it_nothing() -> None:
    current = Current()
    split = Snapshot(4, (("champion", 0.8), ("candidate", 0.2)), {"champion": version(1), "candidate": version(2)})
    seen = []
    current.swap(split)
    current.bar(2)
    seen.append(current.snapshot.versions)
    current.lift(2)
    current.swap(split)
    seen.append(current.snapshot.versions)
    current.lift(None)
    current.swap(split)
    seen.append(current.snapshot.versions)
    assert [{"champion": 1}, {"champion": 1}, {"champion": 1, "candidate": 2}] == seen


def test_a_model_without_a_champion_is_not_ready_and_becomes_so_by_itself(project: Project, serve: Serve) -> None:
    client = serve(project)
    before = [
        client.get("/health/ready").status_code,
        client.post("/predict", json=ROW).json()["type"],
        client.get("/health/live").status_code,
    ]
    project.alias("champion", project.register())
    until(lambda: client.get("/health/ready").status_code == 200)
    assert ([503, "urn:headrace:no-champion", 200], 200) == (before, client.post("/predict", json=ROW).status_code)


def test_a_moved_alias_is_answered_by_the_new_version_and_told_in_the_log(project: Project, serve: Serve) -> None:
    first, second = project.register(0), project.register(1)
    project.alias("champion", first)
    client = serve(project)
    before = client.post("/predict", json=ROW).json()
    project.alias("champion", second)
    until(lambda: client.get("/metadata").json()["versions"] == {"champion": second})
    after = client.post("/predict", json=ROW).json()
    assert (first, second, True) == (before["version"], after["version"], before["prediction"] != after["prediction"])

    def told() -> list[dict[str, int]]:
        with project.store.read() as session:
            return [event.payload["versions"] for event in events.log(session, MODEL, {EventKind.SERVER_SWAPPED})]

    until(lambda: told() == [{"champion": first}, {"champion": second}])


def test_weights_split_the_units_and_the_same_unit_keeps_its_arm(project: Project, serve: Serve) -> None:
    first, second = project.register(0), project.register(1)
    project.alias("champion", first)
    project.alias("candidate", second)
    epoch = project.weigh(first, second, 0.3)
    client = serve(project)
    asked = [[client.post("/predict", json={**ROW, "person_id": unit}).json()["arm"] for unit in range(200)] for _ in range(2)]
    assert asked[0] == asked[1]
    assert 30 < asked[0].count("candidate") < 90
    assert {"champion": 0.7, "candidate": 0.3} == client.get("/metadata").json()["weights"]
    assert epoch == client.get("/metadata").json()["epoch"]


def test_weights_of_another_champion_are_heard_of_and_not_counted_by(project: Project, serve: Serve) -> None:
    first, second = project.register(0), project.register(1)
    project.alias("champion", first)
    epoch = project.weigh(first)
    client = serve(project)
    before = client.get("/metadata").json()
    project.alias("champion", second)
    until(lambda: client.get("/metadata").json()["versions"] == {"champion": second})
    after = client.get("/metadata").json()
    assert [(epoch, epoch), (epoch, 0)] == [(told["epoch"], told["counted_epoch"]) for told in (before, after)]


def test_an_altered_candidate_is_refused_and_the_champion_goes_on(project: Project, serve: Serve) -> None:
    first, second = project.register(0), project.register(1)
    project.alias("champion", first)
    client = serve(project)
    blob = project.blob(second)
    sound = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(sound.replace(b"tree", b"tres", 1))
    project.alias("champion", second)
    until(lambda: client.get("/metadata").json()["refused"] != [])
    told = client.get("/metadata").json()
    answers = [client.post("/predict", json=ROW).json()["version"], client.get("/health/ready").status_code]
    assert (second, "artifact-altered") == (told["refused"][0]["version"], told["refused"][0]["id"])
    assert ({"champion": first}, [first, 200]) == (told["versions"], answers)
    assert 'headrace_refused_versions{model="employment"} 1.0' in client.get("/metrics").text


def test_what_was_refused_answers_once_it_is_mended(project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.serving.follow.AGAIN", 0.1)
    first, second = project.register(0), project.register(1)
    project.alias("champion", first)
    client = serve(project)
    blob = project.blob(second)
    sound = blob.read_bytes()
    blob.unlink()
    project.alias("champion", second)
    until(lambda: client.get("/metadata").json()["refused"] != [])
    blob.write_bytes(sound)
    until(lambda: client.get("/metadata").json()["versions"] == {"champion": second})
    assert [] == client.get("/metadata").json()["refused"]
