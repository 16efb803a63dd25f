"""A search: every trial is kept, the spec's own parameters are the first, and nothing that is killed is lost or left running."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import optuna
import psutil
import pytest
import search_plugin

from headrace.diagnostics import HeadraceError, Report
from headrace.hooks import load_plugins
from headrace.store import Store
from headrace.training import EarlyStopping, GroupFolds, StratifiedFolds, TimeFolds
from headrace.training.search import (
    Asked,
    Choice,
    FloatRange,
    IntRange,
    Maximize,
    Minimize,
    Sampler,
    Search,
    asked,
    chosen,
    drive,
    search,
)
from headrace.training.search.memory import memory

pytestmark = pytest.mark.slow  # each starts processes
SPACE = {"num_leaves": IntRange(2, 31, log=True), "learning_rate": FloatRange(0.01, 0.3, log=True)}


@pytest.fixture
def do_search(store, plugins, make_rows):
    def do(rows=None, **instead):
        words = {"trials": 4, "timeout": timedelta(minutes=4), "objectives": [Maximize("roc_auc")], "space": SPACE}
        words |= {key: instead.pop(key) for key in list(instead) if key in Search.__dataclass_fields__}
        usual = {"algorithm": "lightgbm.classifier", "params": {"n_estimators": 8}, "seed": 7, "cv": StratifiedFolds(2)}
        return search(store, instead.pop("plugins", plugins), rows or make_rows(), **(usual | instead), search=Search(**words))

    return do


@pytest.fixture
def odd(tmp_path, do_search):
    """A search over an algorithm that does what its parameters say; each fit is a line of `mark`."""
    search_plugin.install(tmp_path)
    own = load_plugins(tmp_path, Report(), allow=[])

    def do(choices, **instead):
        usual = {
            "algorithm": "odd",
            "params": {"mark": str(tmp_path / "mark")},
            "space": {"do": Choice(choices)},
            "sampler": Sampler("grid"),
        }
        return do_search(plugins=own, **(usual | instead))

    return do


def kept(store, tuned):
    return json.loads(store.blobs.get(tuned.trials))


def states(store, tuned):
    return [trial["state"] for trial in kept(store, tuned)["trials"]]


def study(tmp_path):
    (path,) = (tmp_path / ".headrace" / "studies").glob("*.db")
    (name,) = optuna.get_all_study_names(f"sqlite:///{path}")
    return optuna.load_study(study_name=name, storage=f"sqlite:///{path}")


def test_every_trial_is_kept_and_a_larger_budget_goes_on_with_the_same_study(store, do_search):
    few, more = do_search(trials=2), do_search(trials=3)
    assert (few.study, kept(store, few)["trials"]) == (more.study, kept(store, more)["trials"][:2])
    assert more == do_search(trials=3)
    first = kept(store, more)["trials"][0]
    assert ({}, True) == (first["params"], first["defaults"])
    assert max(trial["values"][0] for trial in kept(store, more)["trials"] if trial["values"]) == more.values["roc_auc"]


def test_a_trial_that_fails_is_kept_with_its_reason_and_the_search_goes_on(store, odd):
    tuned = odd(["answer", "fail"], trials=9)
    failed = [trial for trial in kept(store, tuned)["trials"] if trial["state"] == "failed"]
    assert ["`odd` failed: ValueError: no convergence"] == [trial["reason"] for trial in failed]
    assert {"complete": 1, "failed": 1} == tuned.counts  # a grid has no more, and the spec's own are a part of it


def test_where_every_trial_fails_nothing_is_chosen(odd):
    with pytest.raises(HeadraceError, match="no convergence") as caught:
        odd(["answer"], params={"do": "fail"}, space={"level": Choice([0.1])}, trials=2)
    assert "search-empty" in str(caught.value)


def test_a_killed_process_loses_no_trial(store, odd, tmp_path):
    tuned = odd(["answer", "kill-once"], trials=3)
    trials = kept(store, tuned)["trials"]
    (lost,) = [trial for trial in trials if trial["state"] == "lost"]
    (again,) = [trial for trial in trials if trial["again"] == lost["number"]]
    assert ({"do": "kill-once"}, {"do": "kill-once"}, "complete") == (lost["params"], again["params"], again["state"])
    assert "its process ended by signal 9" in lost["reason"]
    assert {"complete": 2, "lost": 1} == tuned.counts
    assert not study(tmp_path).get_trials(states=(optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.WAITING))


def test_parameters_that_kill_each_process_are_given_up_after_three(store, odd):
    tuned = odd(["answer", "kill"], trials=3)
    assert {"complete": 1, "failed": 1, "lost": 2} == tuned.counts


def test_time_ends_a_search_and_the_processes_of_its_trials(store, odd, tmp_path):
    tuned = odd(["wait"], trials=9, timeout=timedelta(seconds=25))
    assert ["complete", "failed"] == states(store, tuned)[:2]
    assert "the search's time of 25 s was over" == kept(store, tuned)["trials"][1]["reason"]
    pids = {int(line.split()[0]) for line in (tmp_path / "mark").read_text().splitlines()}
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_processes_run_beside_each_other_and_none_is_too_many(store, odd, tmp_path):
    levels = [0.1, 0.2, 0.3, 0.4, 0.6]
    tuned = odd([], space={"level": Choice(levels)}, trials=5, workers=2)
    assert ["complete"] * 5 == states(store, tuned)
    assert 2 == len({line.split()[0] for line in (tmp_path / "mark").read_text().splitlines()})


RUN = """
import sys
from datetime import timedelta
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from headrace.diagnostics import Report
from headrace.features import Rows
from headrace.hooks import load_plugins
from headrace.store import Store
from headrace.training import StratifiedFolds
from headrace.training.search import Choice, Maximize, Sampler, Search, search
import json
root = Path(sys.argv[1])
rows = Rows(**json.loads((root / "rows.json").read_text()))
store = Store.open(sys.argv[3], "blobs", root=root)
space = {"do": Choice(["answer", "wait-once"]), "level": Choice([0.3, 0.9])}
words = Search(4, timedelta(minutes=5), [Maximize("roc_auc")], space, Sampler("grid"))
tuned = search(store, load_plugins(root, Report(), allow=[]), rows, algorithm="odd", params={"mark": str(root / "mark")}, seed=7,
    cv=StratifiedFolds(2), search=words)
print(json.dumps(tuned.to_json()))
"""


def test_after_kill_9_of_the_whole_run_the_same_study_goes_on(store, make_rows, tmp_path):
    """Until a trial waits; its process ends with the run, and its parameters are tried again."""
    import dataclasses

    search_plugin.install(tmp_path)
    (tmp_path / "rows.json").write_text(json.dumps(dataclasses.asdict(make_rows())))
    command = [sys.executable, "-c", RUN, str(tmp_path), str(Path(__file__).parent), "sqlite:///state.db"]
    mark = tmp_path / "mark"
    running = subprocess.Popen(command)
    while not mark.exists() or "wait-once" not in mark.read_text():
        assert running.poll() is None
        time.sleep(0.1)
    before = len(study(tmp_path).trials)
    worker = int(mark.read_text().splitlines()[-1].split()[0])
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    tuned = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert not psutil.pid_exists(worker)
    trials = json.loads(store.blobs.get(tuned["trials"]))["trials"]
    (lost,) = [trial for trial in trials if trial["state"] == "lost"]
    (again,) = [trial for trial in trials if trial["again"] == lost["number"]]
    assert (before - 1, lost["params"], "complete") == (lost["number"], again["params"], again["state"])
    assert {"complete": 4, "lost": 1} == tuned["counts"]
    assert not study(tmp_path).get_trials(states=(optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.WAITING))


def test_what_a_killed_run_had_in_hand_is_taken_by_another_on_postgresql(store, make_rows, tmp_path, postgres):
    """Two runs of one search beside each other; the one whose trial hangs is killed, while the other waits for it."""
    import dataclasses

    search_plugin.install(tmp_path)
    (tmp_path / "rows.json").write_text(json.dumps(dataclasses.asdict(make_rows())))
    command = [sys.executable, "-c", RUN, str(tmp_path), str(Path(__file__).parent), postgres]
    mark = tmp_path / "mark"
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not mark.exists() or "wait-once" not in mark.read_text():
        assert killed.poll() is None
        time.sleep(0.1)
    with Store.open(postgres, "blobs", root=tmp_path) as there:
        url = memory(there, "any").url
    (name,) = optuna.get_all_study_names(url)
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    begun = [optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.RUNNING]
    while len(optuna.load_study(study_name=name, storage=url).get_trials(states=begun)) < 4:
        assert (None, None) == (killed.poll(), other.poll())
        time.sleep(0.1)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    tuned = json.loads(other.communicate()[0])
    trials = json.loads(store.blobs.get(tuned["trials"]))["trials"]
    (lost,) = [trial for trial in trials if trial["state"] == "lost"]
    assert ([lost["params"]], {"complete": 4, "lost": 1}) == (
        [trial["params"] for trial in trials if trial["again"] == lost["number"]],
        tuned["counts"],
    )
    left = optuna.load_study(study_name=name, storage=url)
    assert not left.get_trials(states=(optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.WAITING))
    assert not (tmp_path / ".headrace" / "studies").exists()


def test_a_database_that_goes_away_is_told_as_the_store_s(make_rows, plugins, tmp_path, postgres):
    """In mid-search, while a trial runs; its process ends with the search."""
    import psycopg

    search_plugin.install(tmp_path)
    mark, own = tmp_path / "mark", load_plugins(tmp_path, Report(), allow=[])
    words = Search(4, timedelta(minutes=4), [Maximize("roc_auc")], {"do": Choice(["answer", "wait"])}, Sampler("grid"))
    name = postgres.partition("@/")[2].partition("?")[0]

    def close():
        while not mark.exists() or "wait" not in mark.read_text():
            time.sleep(0.1)
        with psycopg.connect(postgres.replace(f"/{name}?", "/postgres?"), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    rows = make_rows()
    with Store.open(postgres, "blobs", root=tmp_path) as there:
        closing = threading.Thread(target=close, daemon=True)
        closing.start()
        with pytest.raises(HeadraceError, match="store-unreachable"):
            search(there, own, rows, algorithm="odd", params={"mark": str(mark)}, seed=7, cv=StratifiedFolds(2), search=words)
        closing.join()
    assert not [line for line in mark.read_text().splitlines() if psutil.pid_exists(int(line.split()[0]))]


def test_a_search_is_by_any_folds_and_stops_each_training_early(store, do_search):
    tuned = do_search(trials=2, cv=GroupFolds(2, "paint"), early_stopping=EarlyStopping(3, 0.2))
    assert [2, 2] == [len(trial["folds"]) for trial in kept(store, tuned)["trials"]]


def test_what_a_search_is_asked_can_be_handed_to_others(store, plugins, make_rows):
    """Whole numbers and others stay apart in it, and it is the same search."""
    space = {
        "num_leaves": IntRange(2, 31, log=True),
        "learning_rate": FloatRange(1.0, 3.0),
        "boosting": Choice(["gbdt", None, 1, 1.5, True]),
    }
    words = Search(4, timedelta(minutes=4), [Maximize("roc_auc"), Minimize("log_loss")], space, Sampler("nsga2", 3), workers=2)
    told = {"algorithm": "lightgbm.classifier", "params": {"n_estimators": 8}, "seed": 7, "cv": TimeFolds(2, timedelta(0))}
    found = asked(store, plugins, make_rows(), **told, search=words, early_stopping=EarlyStopping(3, 0.2), allow=None)
    assert found == Asked.of(found.to_bytes())
    assert list(map(type, space.values())) == [type(Asked.of(found.to_bytes()).search.space[key]) for key in space]


def test_one_driver_of_several_finds_what_a_search_alone_does(store, plugins, make_rows, do_search):
    """Where one trial runs at a time a seed promises the same trials: in a flow of tasks as well."""
    told = {"algorithm": "lightgbm.classifier", "params": {"n_estimators": 8}, "seed": 7, "cv": StratifiedFolds(2)}
    words = Search(3, timedelta(minutes=4), [Maximize("roc_auc")], SPACE, Sampler("tpe", 5))
    alone = do_search(trials=3, sampler=Sampler("tpe", 5))
    (file,) = (store.root / ".headrace" / "studies").glob("*.db")
    file.unlink()
    found = asked(store, plugins, make_rows(), **told, search=words)
    assert (3, 0) == (drive(store, found, seconds=200), drive(store, found, seconds=0))
    again = chosen(store, found)
    assert [trial["params"] for trial in kept(store, alone)["trials"]] == [trial["params"] for trial in kept(store, again)["trials"]]
    assert (alone.study, alone.best, alone.values) == (again.study, again.best, again.values)


def test_rows_that_cannot_be_dealt_are_told_before_any_trial(do_search, store):
    with pytest.raises(HeadraceError, match="too-few-rows") as caught:
        do_search(cv=TimeFolds(3, timedelta(days=40_000)))
    assert "`gap`" in caught.value.__notes__[0]
    assert not (store.root / ".headrace" / "studies").exists()


def test_a_metric_that_nobody_offers_is_refused(do_search):
    with pytest.raises(HeadraceError, match="unknown-metric"):
        do_search(objectives=[Maximize("rocauc")])
