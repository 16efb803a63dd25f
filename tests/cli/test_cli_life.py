"""status, models, rollback, run and replay, over a store that holds a life."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))
sys.path.insert(0, str(Path(__file__).parents[1] / "backtest"))

from answering import Answering
from serving_project import MODEL, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace import registry, traffic
from headrace.apply import wire
from headrace.cli import main
from headrace.diagnostics import Exit
from headrace.store import EventKind, Store, clock, digest, due, events, tables

AT = datetime(2020, 1, 1, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_server_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture
def headrace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headrace", *arguments])
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    return run


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    """A compiled project with an empty store."""
    project = make_project(tmp_path)
    yield project
    project.store.close()


def promoted(made: Project, number: int) -> None:
    with made.store.transaction("user:test", "promote", MODEL) as session:
        registry.promote(session, model=MODEL, number=number, at=AT, reason="test")


def tell_up(root: Path, **told: Any) -> None:
    path = root / ".headrace" / "run" / "up.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"pid": os.getpid(), **told}))


# status --------------------------------------------------------------------------------------------------------


@pytest.fixture
def lived(made: Project) -> Project:
    """Version 2 is champion, version 3 in its canary; the second window degraded, and an abort waits for its flow."""
    for seed in range(3):
        made.register(seed)
    promoted(made, 1)
    promoted(made, 2)
    made.alias("candidate", 3)
    made.weigh(2, 3, 0.2)
    clock.drive(made.store, "replay", AT)
    with made.store.transaction("user:test", "live", MODEL) as session:
        session.add(
            tables.Rollout(
                model=MODEL,
                candidate=3,
                champion=2,
                state="deploying",
                step=0,
                epoch=1,
                started_at=AT,
                step_since=AT,
                passed=[],
                details={},
            )
        )
        for number, value in ((1, 0.9), (2, None)):
            session.add(
                tables.Window(
                    model=MODEL,
                    number=number,
                    first_seq=1,
                    last_seq=2,
                    start=AT,
                    end=AT + timedelta(days=number),
                    n=2,
                    version=2,
                    drift={"share": 0.25 * number},
                    performance=None if value is None else {"value": value},
                    unseen_share=0.0,
                )
            )
        for rule, state in (("degraded", "firing"), ("drifting", "resolved")):
            session.add(tables.Alert(fingerprint=rule, model=MODEL, rule=rule, state=state, since=AT, details={}))
        session.add(tables.Run(id="r", model=MODEL, flow="monitor", started_at=AT, status="passed", details={}))
        due.put(session, MODEL, "monitor", AT + timedelta(days=9), "the windows are looked at again")
        due.put(session, "other", "monitor", AT, "of another model")
        events.append(session, model=MODEL, kind=EventKind.ROLLOUT_ABORTED, payload={}, at=AT, successor="roll_out", id="e-1")
    return made


def test_status_tells_a_machine_where_a_model_stands(lived: Project, headrace: Run) -> None:
    tell_up(lived.root, prefect="http://127.0.0.1:4200/api")
    code, out, _ = headrace("status", "--root", str(lived.root), "--json")
    found = json.loads(out)
    assert (0, "labour", AT.isoformat(), True, "http://127.0.0.1:4200/api") == (
        code,
        found["project"],
        found["clock"],
        found["driven"],
        found["up"]["prefect"],
    )
    assert [
        {
            "model": MODEL,
            "aliases": {"candidate": 3, "champion": 2, "previous": 1},
            "weights": [{"arm": "champion", "version": 2, "weight": 0.8}, {"arm": "candidate", "version": 3, "weight": 0.2}],
            "only": {},
            "rollout": {"state": "deploying", "running": True, "candidate": 3, "step": 0},
            "predictions": 0,
            "window": {"number": 2, "end": "2020-01-03T00:00:00+00:00", "performance": None, "drift": 0.5},
            "firing": ["degraded"],
            "run": {"flow": "monitor", "status": "passed", "started_at": "2020-01-01T00:00:00+00:00", "rejected": None},
            "due": [{"flow": "monitor", "at": "2020-01-10T00:00:00+00:00", "reason": "the windows are looked at again"}],
            "unanswered": [{"event": "rollout.aborted", "id": "e-1"}],
            "processes": [],
        }
    ] == found["models"]


def test_status_tells_a_person_the_same(lived: Project, headrace: Run) -> None:
    tell_up(lived.root, prefect="http://127.0.0.1:4200/api")
    assert [
        "project labour, environment dev, clock 2020-01-01T00:00:00 (driven)",
        "up: Prefect at http://127.0.0.1:4200",
        "",
        "model/employment: candidate 3, champion 2, previous 1",
        "  traffic    champion (version 2) 80%, candidate (version 3) 20%",
        "  rollout    version 3 is at step 1",
        "  requests   0 journalled",
        "  window     number 2 to 2020-01-03, drifted share 0.50, answers not known yet",
        "  alerts     degraded",
        "  last run   monitor passed, 2020-01-01T00:00:00",
        "  due        monitor at 2020-01-10T00:00: the windows are looked at again",
        "  waiting    rollout.aborted has not started its successor yet (e-1)",
    ] == headrace("status", "model/employment", "--root", str(lived.root))[1].splitlines()


def test_status_says_of_whom_the_shares_are(lived: Project, headrace: Run) -> None:
    with lived.store.transaction("user:test", "weigh", MODEL) as session:
        standing = traffic.current(session, MODEL)
        assert standing is not None
        among = traffic.Among(None, only=(("region", ("north", "east")), ("seats", (3,))))
        traffic.set_weights(session, model=MODEL, expected=standing.epoch, arms=standing.arms, at=AT, reason="step 1", among=among)
    line = "  traffic    champion (version 2) 80%, candidate (version 3) 20%, of those whose region is north or east and seats is 3"
    assert line in headrace("status", "model/employment", "--root", str(lived.root))[1].splitlines()


@pytest.mark.parametrize(
    ("state", "running", "said"),
    [
        ("pending", True, "version 3 is about to start"),
        ("rolling_back", True, "version 3 is being rolled back, at step 1"),
        ("active", False, "none running; version 3 was promoted"),
        ("rolled_back", False, "none running; version 3 was rolled back at step 1"),
        ("failed", False, "none running; that of version 3 failed at step 1"),
    ],
)
def test_status_says_how_a_rollout_ended(lived: Project, headrace: Run, state: str, said: str, *, running: bool) -> None:
    with lived.store.transaction("user:test", "end", MODEL) as session:
        session.connection().exec_driver_sql("update rollout set state = ?", (state,))
    assert f"  rollout    {said}" in headrace("status", "--root", str(lived.root))[1].splitlines()
    assert running is json.loads(headrace("status", "--root", str(lived.root), "--json")[1])["models"][0]["rollout"]["running"]


def test_status_says_which_gates_rejected_what_the_last_run_made(lived: Project, headrace: Run) -> None:
    with lived.store.transaction("user:test", "judge", MODEL) as session:
        session.add(tables.Run(id="t", model=MODEL, flow="train", started_at=AT + timedelta(days=1), status="passed", details={}))
        for gate, passed, mode in (("quality", False, "block"), ("fair", True, "block"), ("fast", False, "warn")):
            row = {"id": gate, "gate": gate, "passed": passed, "mode": mode}
            session.add(tables.Verdict(model=MODEL, number=3, run_id="t", metric="roc_auc", reason="too low", at=AT, **row))
    out = headrace("status", "--root", str(lived.root))[1]
    assert "  last run   train: version 3 rejected by gate quality, 2020-01-02T00:00:00" in out.splitlines()
    told = json.loads(headrace("status", "--root", str(lived.root), "--json")[1])["models"][0]["run"]
    assert {"version": 3, "gates": ["quality"]} == told["rejected"]


@pytest.mark.parametrize("command", ["status", "models", "rollback"])
def test_the_environment_of_flows_is_named_and_another_refused(lived: Project, headrace: Run, command: str) -> None:
    code, out, err = headrace(command, "--env", "production", "--root", str(lived.root))
    assert (Exit.REFUSED, "", True) == (code, out, "error[other-environment]: flows/ was compiled for the environment `dev`" in err)
    assert "dev" == (json.loads(headrace(command, "--env", "dev", "--root", str(lived.root), "--json")[1])["environment"])


def test_status_of_a_window_whose_answers_are_known(lived: Project, headrace: Run) -> None:
    with lived.store.transaction("user:test", "label", MODEL) as session:
        found = session.get(tables.Window, "none") or next(iter(session.exec(tables.Window.__table__.select())))  # type: ignore[attr-defined]
        assert found is not None
        session.connection().exec_driver_sql('update "window" set performance = \'{"value": 0.75}\', drift = null where number = 2')
    assert "  window     number 2 to 2020-01-03, realised 0.750" in headrace("status", "--root", str(lived.root))[1].splitlines()


@pytest.mark.parametrize("note", [None, "[]", "{", '{"pid": null}', '{"prefect": "x"}'])
def test_status_before_anything_lives(made: Project, headrace: Run, note: str | None) -> None:
    if note is not None:
        tell_up(made.root)
        (made.root / ".headrace" / "run" / "up.json").write_text(note)
    assert [
        "up: no (`headrace up` starts everything)",
        "",
        "model/employment: no version yet",
        "  requests   0 journalled",
        "  alerts     none firing",
    ] == headrace("status", "--root", str(made.root))[1].splitlines()[1:]


@pytest.mark.parametrize("command", [["status"], ["models"], ["rollback"], ["run", "train"]])
def test_a_model_that_is_not_there_is_named(made: Project, headrace: Run, command: list[str]) -> None:
    code, _, err = headrace(*command, "employmnt", "--root", str(made.root))
    assert (Exit.USAGE, True, True) == (code, "unknown-model" in err, "did you mean `employment`?" in err)


def test_of_several_models_one_must_be_named(tmp_path: Path, headrace: Run) -> None:
    made = make_project(tmp_path, workspace={"models": ["one", "two"]})
    made.store.close()
    code, _, err = headrace("rollback", "--root", str(tmp_path))
    assert (Exit.USAGE, True) == (code, "error[which-model]: the project has 2 models: one, two" in err)
    assert ["one", "two"] == [model["model"] for model in json.loads(headrace("status", "--root", str(tmp_path), "--json")[1])["models"]]
    assert "the project has: one, two" in headrace("rollback", "zzz", "--root", str(tmp_path))[2]


# models and rollback -------------------------------------------------------------------------------------------


def test_models_names_what_each_version_is_called(lived: Project, headrace: Run) -> None:
    code, out, _ = headrace("models", "--root", str(lived.root), "--json")
    assert (0, [(3, ["candidate"], None), (2, ["champion"], None), (1, ["previous"], None)]) == (
        code,
        [(version["version"], version["aliases"], version["verdict"]) for version in json.loads(out)["models"][0]["versions"]],
    )
    lines = headrace("models", "employment", "--root", str(lived.root))[1].splitlines()
    assert "environment dev" == lines[0]
    lines = lines[2:]
    assert ["model/employment", "  version", "  3", "  2", "  1"] == [line[:9].rstrip() if i else line for i, line in enumerate(lines)]


def test_rollback_puts_the_previous_champion_back_under_the_callers_name(lived: Project, headrace: Run) -> None:
    code, out, _ = headrace("rollback", "--reason", "complaints", "--root", str(lived.root))
    assert (0, "model/employment in dev: the canary of version 3 ended; version 1 is champion again; it was 2.\n") == (code, out)
    with lived.store.read() as session:
        last = events.log(session, MODEL, {EventKind.ROLLOUT_ROLLED_BACK})[-1]
        assert ({"champion": 1}, True, "complaints") == (
            registry.aliases(session, MODEL),
            last.actor.startswith("user:"),
            last.payload["reason"],
        )


def test_rollback_without_a_previous_champion_is_refused(made: Project, headrace: Run) -> None:
    promoted(made, made.register())
    code, out, _ = headrace("rollback", "--root", str(made.root), "--json")
    assert (Exit.REFUSED, ["no-previous"]) == (code, [fault["id"] for fault in json.loads(out)])


# rollout -------------------------------------------------------------------------------------------------------


def test_a_rollouts_standing_is_told(lived: Project, headrace: Run) -> None:
    headrace("rollout", "pause", "--reason", "a holiday", "--root", str(lived.root))
    code, out, _ = headrace("rollout", "status", "--root", str(lived.root))
    lines = out.splitlines()
    assert (0, "model/employment in dev: version 3 against version 2, in its steps") == (code, lines[0])
    assert "  answers   20%, step 1 since 2020-01-01T00:00:00" == lines[1]
    assert lines[2].startswith("  paused    by user:")
    found = json.loads(headrace("rollout", "status", "employment", "--root", str(lived.root), "--json")[1])
    assert ("deploying", True, 3, 0.2, "a holiday") == (
        *(found["rollout"][key] for key in ("state", "running", "candidate", "share")),
        found["rollout"]["paused"]["reason"],
    )


def test_the_evidence_of_the_last_look_is_a_table(lived: Project, headrace: Run) -> None:
    found = {"abort": 0.5, "abort_at": 3.0, "promote": 1.25, "promote_at": 3.0, "passed": False}
    counts = {"n_candidate": 1200, "bad_candidate": 3, "n_champion": 4800, "bad_champion": 11}
    with lived.store.transaction("user:test", "look", MODEL) as session:
        row = session.exec(select(tables.Rollout)).one()
        row.details = {"evidence": {"error_rate": found | counts}, "held": "no-data"}
    assert [
        "  held      no-data",
        "",
        "  metric      candidate   champion     for abort     for promotion",
        "  error_rate  3 of 1,200  11 of 4,800  0.50 of 3.00  1.25 of 3.00",
    ] == headrace("rollout", "status", "--root", str(lived.root))[1].splitlines()[2:]


def test_without_a_rollout_its_standing_says_so(made: Project, headrace: Run) -> None:
    assert (0, "model/employment in dev: there was no rollout.\n", "") == headrace("rollout", "status", "--root", str(made.root))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause"], "the rollout of version 3 is paused"),
        (["pause", "resume"], "the rollout of version 3 goes on"),
        (["resume"], "nothing changed: it is not paused"),
        (["abort"], "the rollout of version 3 ended, and the champion answers everything"),
        (["abort", "abort"], "nothing changed: no rollout runs"),
        (["abort", "pause"], "nothing changed: no rollout runs"),
    ],
)
def test_a_rollout_is_held_and_ended_by_hand(lived: Project, headrace: Run, words: list[str], said: str) -> None:
    told = [headrace("rollout", word, "--root", str(lived.root)) for word in words]
    assert (0, f"model/employment in dev: {said}.\n") == told[-1][:2]


def test_a_promotion_by_hand_needs_a_reason_and_names_who_did_it(lived: Project, headrace: Run) -> None:
    assert Exit.USAGE == headrace("rollout", "promote", "--root", str(lived.root))[0]
    code, out, _ = headrace("rollout", "promote", "--reason", "the feed", "--root", str(lived.root))
    assert (0, "model/employment in dev: version 3 is champion.\n") == (code, out)
    with lived.store.read() as session:
        last = events.log(session, MODEL, {EventKind.ROLLOUT_PROMOTED})[-1]
        assert ({"champion": 3, "previous": 2}, True, "by hand") == (
            registry.aliases(session, MODEL),
            last.actor.startswith("user:"),
            last.payload["verdict"],
        )
    lines = headrace("rollout", "status", "--root", str(lived.root))[1].splitlines()
    assert ["model/employment in dev: version 3 against version 2, promoted", "  ended     by hand: by hand: the feed"] == lines


# run -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """Prefect's API as far as a run and a replay ask it."""
    with Answering() as server:
        tags = [wire.tag("labour"), *wire.tags(f"{MODEL}/train")]
        server.say("/api/deployments/filter", [{"id": "d", "name": "labour.employment.train", "tags": tags, "flow_id": "w"}])
        server.say("/api/deployments/d/create_flow_run", {"id": "f"})
        monkeypatch.setenv("PREFECT_API_URL", f"{server.url}/api")
        yield server


def states(server: Answering, *types: str) -> None:
    left = iter(types)
    server.say("/api/flow_runs/f", lambda: {"state": {"type": next(left), "name": "", "message": "said"}})


@pytest.mark.slow
def test_run_waits_for_the_end(made: Project, headrace: Run, prefect: Answering) -> None:
    states(prefect, "RUNNING", "COMPLETED")
    code, out, err = headrace("run", "train", "--root", str(made.root), "--json")
    assert (0, {"model": MODEL, "flow": "train", "run": "f", "state": "COMPLETED", "message": "said"}) == (code, json.loads(out))
    assert ["employment/train: running", "employment/train: completed"] == err.split("\n")[:2]


@pytest.mark.slow
def test_a_run_that_failed_is_a_failure(made: Project, headrace: Run, prefect: Answering) -> None:
    states(prefect, "FAILED")
    code, out, _ = headrace("run", "train", "--root", str(made.root))
    assert (Exit.FAILED, "employment/train failed: run f\nsaid\n") == (code, out)


@pytest.mark.slow
def test_a_run_may_be_left_alone(made: Project, headrace: Run, prefect: Answering) -> None:
    code, out, _ = headrace("run", "train", "employment", "--no-wait", "--root", str(made.root))
    assert (0, "employment/train scheduled: run f\n") == (code, out)


@pytest.mark.slow
def test_a_run_that_takes_too_long_goes_on(made: Project, headrace: Run, prefect: Answering) -> None:
    states(prefect, "RUNNING", "RUNNING", "RUNNING")
    code, _, err = headrace("run", "train", "--timeout", "0.5", "--root", str(made.root))
    assert (Exit.FAILED, True, True) == (code, "run-slow" in err, "it goes on as run f" in err)


@pytest.mark.slow
def test_a_flow_that_was_never_applied_is_told_so(made: Project, headrace: Run, prefect: Answering) -> None:
    prefect.say("/api/deployments/filter", [])
    code, _, err = headrace("run", "monitor", "--root", str(made.root))
    assert (Exit.FAILED, True) == (code, "type `headrace apply`" in err)


def test_a_run_needs_prefect_and_a_flow_that_there_is(made: Project, headrace: Run) -> None:
    code, _, err = headrace("run", "train", "--root", str(made.root))
    assert (Exit.FAILED, True) == (code, "error[prefect-away]" in err)
    assert Exit.USAGE == headrace("run", "retrain", "--root", str(made.root))[0]


# replay --------------------------------------------------------------------------------------------------------

SPECS = """\
kind: project
name: labour
language: 1
---
kind: environment
name: dev
store: sqlite:///.headrace/state.db
blobs: .headrace/blobs
---
kind: source
name: visits
uri: visits.csv
columns: {person: {type: int64}, code: {type: category}, bought: {type: int64}, seen: {type: timestamp}}
---
kind: source
name: later
uri: later.csv
columns: {person: {type: int64}, code: {type: category}, bought: {type: int64}, year: {type: int64}}
---
kind: feature_view
name: visit
from: source/visits
entity: person
time: seen
features:
  kind: {column: code}
---
kind: model
name: employment
features:
  entity: person
  time: seen
  target: {column: bought, delay: 1d}
  rows: source/visits
  use: {visit: all}
training: {algorithm: lightgbm.classifier}
gates:
  - {id: quality, metric: roc_auc, min: 0.6}
serving: {port: 8080}
---
kind: backtest
name: later
model: employment
replay: {source: source/later, labels: source/later, from: 2016, to: 2017, spread: year, rows: 3}
expect: {promotions: [1, 1]}
"""


@pytest.fixture
def replayed(tmp_path: Path, headrace: Run) -> Path:
    """A project with a backtest, compiled."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "all.yaml").write_text(SPECS)
    (tmp_path / "later.csv").write_text("\n".join(["person,code,bought,year", *(f"{i},a,{i % 2},2016" for i in range(5))]))
    assert 0 == headrace("compile", "--root", str(tmp_path))[0]
    return tmp_path


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["latr"], "error[unknown-backtest]: there is no backtest `latr`"),
        (["latr"], "the project has: later"),
        (["--rows", "0"], "`0` is neither a number of rows nor `all`"),
        (["later", "--rows", "many"], "`many` is neither a number of rows nor `all`"),
        (["later", "--rows", "-3"], "`-3` is neither a number of rows nor `all`"),
        (["later", "--rows", ""], "`` is neither a number of rows nor `all`"),
    ],
)
def test_replay_refuses_what_it_cannot_mean(replayed: Path, headrace: Run, options: list[str], says: str) -> None:
    code, _, err = headrace("replay", *options, "--root", str(replayed))
    assert (Exit.USAGE, True) == (code, says in err)


def test_replay_of_one_of_several_must_be_named(replayed: Path, headrace: Run) -> None:
    document = SPECS[SPECS.index("kind: backtest") :]
    (replayed / "specs" / "more.yaml").write_text(document.replace("name: later", "name: again"))
    code, _, err = headrace("replay", "--root", str(replayed))
    assert (Exit.USAGE, True, True) == (code, "which backtest?" in err, "again, later" in err)


def test_replay_in_a_project_without_a_backtest(replayed: Path, headrace: Run) -> None:
    path = replayed / "specs" / "all.yaml"
    path.write_text(SPECS[: SPECS.index("---\nkind: backtest")])
    code, _, err = headrace("replay", "--root", str(replayed))
    assert (Exit.USAGE, True) == (code, "the project has: none" in err)


def test_replay_of_a_model_that_serves_nothing(replayed: Path, headrace: Run) -> None:
    (replayed / "flows" / "employment.serving.json").unlink()
    code, _, err = headrace("replay", "--rows", "2", "--root", str(replayed))
    assert (Exit.FAILED, True) == (code, "error[not-served]" in err)


def test_replay_without_prefect(replayed: Path, headrace: Run) -> None:
    code, _, err = headrace("replay", "--rows", "all", "--root", str(replayed))
    assert (Exit.FAILED, True) == (code, "error[prefect-away]" in err)


def champion(root: Path) -> None:
    store = Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=root)
    digests = dict.fromkeys(("data", "spec", "code", "environment"), digest(b""))
    made = Project(root, store, root)
    registry.register(
        store,
        actor="user:test",
        model=MODEL,
        run_id="r",
        manifest={"digests": digests, "as_of": datetime(2015, 1, 1, tzinfo=UTC).isoformat()},
        model_bytes=b"m",
        algorithm="a",
        format="f",
        at=AT,
    )
    promoted(made, 1)
    store.close()


@pytest.mark.slow
def test_replay_writes_its_reports_and_an_expectation_that_was_missed_is_a_refusal(
    replayed: Path, headrace: Run, prefect: Answering
) -> None:
    champion(replayed)
    prefect.say("/api/deployments/filter", [])
    prefect.say("/api/automations/filter", [])
    prefect.say("/api/work_pools/headrace", {}, status=404)
    for path, answer in (("/predict", {}), ("/outcomes", {}), ("/metadata", {"unflushed": 0})):
        prefect.say(path, answer)
    tell_up(replayed, prefect="", servers={MODEL: prefect.url})

    code, out, _ = headrace("replay", "later", "--report", str(replayed / "told"), "--root", str(replayed), "--json")
    found = json.loads(out)
    assert (Exit.REFUSED, 3, 3, [False]) == (
        code,
        found["counts"]["requests"],
        found["counts"]["answers"],
        [item["met"] for item in found["expectations"]],
    )
    assert found == json.loads((replayed / "told" / "later.json").read_text())
    assert "<html" in (replayed / "told" / "later.html").read_text()
    assert {"kind", "person"} == set(prefect.bodies("/predict")[0])

    code, out, _ = headrace("replay", "later", "--root", str(replayed))
    assert (Exit.REFUSED, True, True) == (
        code,
        "MISSED promotions: wanted 1 to 1, found 0" in out,
        (replayed / ".headrace" / "reports" / "later.html").is_file(),
    )
