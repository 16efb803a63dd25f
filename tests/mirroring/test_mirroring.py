"""Runs, versions and aliases to a tracking server and back: once, whole, against their digests, and changing nothing that is here."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import MODEL, Project
from serving_project import project as make_project

from headrace import mirroring, registry, tracking
from headrace.cli.new_plugin import files
from headrace.diagnostics import Exit, HeadraceError, Report
from headrace.hooks import AliasRecord, Point, RunRecord, Tracker, load_plugins
from headrace.store.kinds import TrackedStatus
from headrace.testing.tracker import a_run

AT = datetime(2026, 5, 17, 12, 30, 0, 123456, tzinfo=UTC)
ACTOR = "user:test"


def mirrored(root: Path, name: str, server: Path) -> Project:
    """A compiled project whose tracking server is a folder."""
    made = make_project(root / name)
    for path, text in files("archive", "tracker", package=False).items():
        (made.root / path).parent.mkdir(exist_ok=True)
        (made.root / path).write_text(text)
    config = json.loads(made.config.parent.joinpath("headrace.json").read_text())
    config["tracking"] = {"tracker": "archive", "params": {"folder": str(server)}}
    made.config.parent.joinpath("headrace.json").write_text(json.dumps(config))
    return made


def track(made: Project, run_id: str, *, parent: str | None = None, status: TrackedStatus | None = TrackedStatus.FINISHED) -> None:
    with made.store.transaction(ACTOR, "test", "test") as session:
        tracking.begin(session, id=run_id, experiment="lapse", actor=ACTOR, at=AT, parent=parent, name="Größe")
        tracking.log_params(session, run_id, {"rate": 0.1, "nan": math.nan, "deep": {"a": [1, None]}})
        tracking.set_tags(session, run_id, {"owner": "ana"})
        tracking.write_digests(session, run_id, {"data": "sha256:1"})
        points = [("auc", 0, 0.5, AT), ("auc", 1, math.nan, AT), ("auc", 1, math.inf, AT + timedelta(microseconds=7))]
        tracking.log_points(session, run_id, points)
        for data in (b"first", b"second"):
            tracking.link(session, run_id, "notes.txt", made.store.blobs.put(data), at=AT, size=len(data))
        if status is not None:
            tracking.end(session, run_id, status, at=AT + timedelta(seconds=3), error="no" if status is TrackedStatus.FAILED else None)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    """A parent whose id sorts after its child's, both of one moment, and two versions."""
    made = mirrored(tmp_path, "here", tmp_path / "server")
    track(made, "ff" * 16)
    track(made, "aa" * 16, parent="ff" * 16, status=TrackedStatus.FAILED)
    for seed in range(2):
        made.register(seed)
    made.alias("champion", 1)
    yield made
    made.store.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    made = mirrored(tmp_path, "there", tmp_path / "server")
    yield made
    made.store.close()


def push(made: Project) -> mirroring.Pushed:
    return mirroring.push(made.store, tracker(made), params(made), ACTOR, lambda *_: None)


def pull(made: Project, *, aliases: bool = False) -> mirroring.Pulled:
    return mirroring.pull(made.store, tracker(made), params(made), ACTOR, lambda _: None, aliases=aliases)


def tracker(made: Project) -> Tracker:
    return load_plugins(made.root, Report()).trackers["archive"]


def params(made: Project) -> dict[str, Any]:
    return json.loads(made.config.parent.joinpath("headrace.json").read_text())["tracking"]["params"]


def told(made: Project) -> list[str]:
    return [run.to_json() for run in mirroring.outgoing(made.store).runs]


def test_all_of_it_goes_there_once_and_comes_back_the_same(here: Project, there: Project) -> None:
    pushed = push(here)
    whats = [f"run {'ff' * 16}", f"run {'aa' * 16}", f"model/{MODEL} v1", f"model/{MODEL} v2", f"aliases of model/{MODEL}"]
    assert (whats, 0, ()) == ([item.what for item in pushed.sent], pushed.unchanged, pushed.skipped)
    again = push(here)
    assert ((), 5) == (again.sent, again.unchanged)
    pulled = pull(there)
    assert (5, 0, ()) == (len(pulled.taken), pulled.unchanged, pulled.skipped)
    assert told(here) == told(there)
    with here.store.read() as one, there.store.read() as two:
        assert registry.versions(one, MODEL) == registry.versions(two, MODEL)
        assert registry.aliases(one, MODEL) == registry.aliases(two, MODEL)
        version = registry.find(two, MODEL, "champion")
    assert version == registry.load(there.store, there.plugins, version).version
    assert [b"first", b"second"] == [item.read() for item in next(iter(mirroring.outgoing(there.store).runs)).artifacts]
    assert () == pull(there).taken


def test_a_push_that_was_stopped_goes_on(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mirroring.push(here.store, tracker(here), params(here), ACTOR, stopped)
    pushed = push(here)
    assert (3, 2) == (len(pushed.sent), pushed.unchanged)


def test_a_run_that_goes_on_is_sent_again_and_taken_once_it_has_ended(here: Project, there: Project) -> None:
    track(here, "bb" * 16, status=None)
    push(here)
    assert [f"run {'bb' * 16}"] == [item.what for item in pull(there).skipped]
    with here.store.transaction(ACTOR, "test", "test") as session:
        tracking.end(session, "bb" * 16, TrackedStatus.FINISHED, at=AT + timedelta(seconds=9))
    assert [(f"run {'bb' * 16}", "updated")] == [(item.what, item.outcome) for item in push(here).sent]
    assert [(f"run {'bb' * 16}", "created")] == [(item.what, item.outcome) for item in pull(there).taken]


def test_what_is_here_is_not_changed(here: Project, there: Project) -> None:
    push(here)
    pull(there)
    with there.store.transaction(ACTOR, "test", "test") as session:
        tracking.set_tags(session, "ff" * 16, {"owner": "bob"})
    assert () == pull(there).taken
    assert "bob" == tracking.get(there.store, "ff" * 16).tags["owner"]


def test_an_alias_that_stands_elsewhere_moves_only_when_asked(here: Project, there: Project) -> None:
    push(here)
    pull(there)
    here.alias("champion", 2)
    here.alias("shadow", 1)
    assert [(f"aliases of model/{MODEL}", "updated")] == [(item.what, item.outcome) for item in push(here).sent]
    kept = pull(there)
    assert [f"model/{MODEL}@shadow"] == [item.what for item in kept.taken]
    assert [f"model/{MODEL}@champion"] == [item.what for item in kept.skipped]
    assert [f"model/{MODEL}@champion"] == [item.what for item in pull(there, aliases=True).taken]
    with there.store.read() as session:
        assert {"champion": 2, "shadow": 1} == registry.aliases(session, MODEL)


@pytest.mark.parametrize("what", ["notes.txt", "model"])
def test_bytes_that_were_altered_there_are_refused_and_leave_nothing(here: Project, there: Project, tmp_path: Path, what: str) -> None:
    push(here)
    with here.store.read() as session:
        digest = registry.get(session, MODEL, 1).model_digest
    if what == "notes.txt":
        digest = tracking.get(here.store, "ff" * 16).artifacts[0].digest
    (tmp_path / "server" / "blobs" / digest.removeprefix("sha256:")).write_bytes(b"altered")
    with pytest.raises(HeadraceError) as error:
        pull(there)
    assert (Exit.REFUSED, ["artifact-altered"]) == (error.value.code, [fault.id for fault in error.value.report])
    with there.store.read() as session:
        assert [] == registry.versions(session, MODEL)
    assert (0 if what == "notes.txt" else 2) == len(told(there))


def test_a_manifest_that_was_altered_there_is_refused(here: Project, there: Project, tmp_path: Path) -> None:
    push(here)
    path = tmp_path / "server" / "models" / MODEL / "000001.json"
    path.write_text(path.read_text().replace("employed", "employes"))
    with pytest.raises(HeadraceError, match="the manifest of model/employment v1 was altered on the server"):
        pull(there)


def test_a_version_here_that_is_another_one_is_a_conflict(here: Project, there: Project) -> None:
    push(here)
    there.register(7)
    with here.store.read() as session:
        assert 2 == len(registry.versions(session, MODEL))
    with pytest.raises(HeadraceError) as error:
        mirroring.pull(there.store, replace(tracker(there), pull=f"{__name__}:another"), params(there), ACTOR, lambda _: None)
    assert (Exit.REFUSED, ["version-conflict"]) == (error.value.code, [fault.id for fault in error.value.report])


def another(params: Any, *, known: Any) -> Iterator[Any]:
    from headrace.testing.tracker import a_version

    version = a_version(1)
    manifest = version.manifest.replace(b'"churn"', f'"{MODEL}"'.encode())
    from headrace.store import digest

    yield replace(version, model=MODEL, manifest=manifest, manifest_digest=digest(manifest))


def odd(params: Any, *, known: Any) -> Iterator[Any]:
    yield replace(a_run(), params={"a\nb": 1}, artifacts=())
    yield replace(a_run(), id="0" * 32, parent="of nobody", artifacts=())
    yield AliasRecord("of nobody", {"latest": 1, "champion": 9})


def test_what_no_store_takes_is_passed_over_and_the_rest_is_taken(there: Project) -> None:
    found = mirroring.pull(there.store, replace(tracker(there), pull=f"{__name__}:odd"), params(there), ACTOR, lambda _: None)
    assert [f"run {'0' * 32}"] == [item.what for item in found.taken]
    assert [f"run {a_run().id}", "model/of nobody@champion", "model/of nobody@latest"] == [item.what for item in found.skipped]
    assert tracking.get(there.store, "0" * 32).parent is None


def nonsense(*_: Any, **__: Any) -> Iterator[Any]:
    yield 7


@pytest.mark.parametrize(("act", "part"), [(push, "push"), (pull, "pull")])
def test_a_tracker_that_gives_nonsense_has_failed(
    here: Project, act: Callable[..., Any], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        globals(), "tracker", lambda made: replace(load_plugins(made.root, Report()).trackers["archive"], **{part: f"{__name__}:nonsense"})
    )
    with pytest.raises(HeadraceError, match=f"`{part}` gave int") as error:
        act(here)
    assert ["mirror-failed"] == [fault.id for fault in error.value.report]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MOMENTS = st.datetimes(timezones=st.just(UTC), min_value=datetime(1971, 1, 1))  # noqa: DTZ001 - hypothesis wants it plain
POINTS = st.builds(Point, st.integers(-(2**63), 2**63 - 1), st.floats(), MOMENTS)


@given(st.dictionaries(st.text(), VALUES), st.dictionaries(st.text(), st.lists(POINTS).map(tuple)), MOMENTS)
def test_a_record_is_the_same_after_a_round_trip(values: dict[str, Any], metrics: dict[str, Any], at: datetime) -> None:
    run = replace(a_run(), params=values, tags=values, metrics=metrics, started_at=at)
    read = {(item.name, item.version): item.read() for item in run.artifacts}
    back = RunRecord.from_json(run.to_json(), lambda name, version: read[name, version])
    assert (run.to_json(), run.digest) == (back.to_json(), back.digest)
    assert [item.read() for item in run.artifacts] == [item.read() for item in back.artifacts]
