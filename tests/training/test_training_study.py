"""A search's memory: what is asked, told, given up and lost, on a real database, with trials that cost nothing."""

import os
import time
from datetime import timedelta

import optuna
import pytest

from headrace.store import Store
from headrace.training.search import Choice, FloatRange, IntRange, Maximize, Minimize, Pruner, Sampler, Search
from headrace.training.search.memory import SCHEMA, memory
from headrace.training.search.study import TRIES, Study

SPACE = {"depth": IntRange(1, 64, log=True), "rate": FloatRange(0.01, 1.0), "kind": Choice(["a", "b", None])}
DEFAULTS = {"depth": 100, "rate": 0.5, "kind": "a", "other": 3}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def remembered(request, tmp_path):
    """Where a study is, on both databases."""
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    with Store.open(url, "blobs", root=tmp_path) as store:
        return memory(store, "one")


@pytest.fixture
def open_study(remembered):
    opened = []

    def do(**words):
        usual = {"trials": 6, "timeout": timedelta(minutes=1), "objectives": [Maximize("roc_auc")], "space": SPACE}
        study = Study(remembered, "one", Search(**(usual | words)), DEFAULTS)
        opened.append(study)
        return study

    yield do
    for study in opened:
        study.close()


def value(params):
    return params.get("rate", 0.5) + (0.1 if params.get("kind") == "b" else 0.0)


def run(study, trials=6, worth=value, folds=2):
    while study.left(trials):
        trial, params = study.ask()
        for fold in range(folds):
            if not study.fold(trial, [worth(params)] if study._single else [worth(params), -worth(params)], last=fold + 1 == folds):
                study.prune(trial)
                break
        else:
            study.complete(trial)
    return study.trials()


@pytest.mark.parametrize("by", ["tpe", "random", "cmaes", "qmc", "nsga2", "grid"])
def test_every_sampler_searches_after_the_defaults(open_study, by):
    space = {"depth": IntRange(1, 3), "kind": Choice(["a", "b"])} if by == "grid" else SPACE
    trials = run(open_study(sampler=Sampler(by, 3), space=space, pruner=Pruner("none")))
    assert ([0, 1, 2, 3, 4, 5], {}, True) == ([trial.number for trial in trials], trials[0].params, trials[0].defaults)
    assert {"complete"} == {trial.state for trial in trials}
    assert all(set(space) == set(trial.params) for trial in trials[1:])


def test_a_grid_has_each_combination_once(open_study):
    space = {"depth": IntRange(1, 3), "kind": Choice(["a", "b"])}
    trials = run(open_study(sampler=Sampler("grid", 3), space=space, trials=50), trials=50)
    assert 6 == len({tuple(trial.params.values()) for trial in trials[1:]}) == len(trials) - 1


def test_the_same_seed_asks_the_same_where_one_trial_runs_at_a_time(open_study, remembered):
    one = [trial.params for trial in run(open_study(sampler=Sampler("tpe", 3)))]
    optuna.delete_study(study_name="one", storage=remembered.url)
    assert one == [trial.params for trial in run(open_study(sampler=Sampler("tpe", 3)))]


def test_a_study_that_goes_on_asks_for_something_new(open_study):
    run(open_study(sampler=Sampler("random", 3), trials=3), 3)
    trials = run(open_study(sampler=Sampler("random", 3)))
    assert 6 == len({str(trial.params) for trial in trials})


def test_who_begins_at_once_asks_for_something_else(open_study):
    """Two drivers, on one machine or two, that open a study of some trials before either has asked."""
    run(open_study(trials=2), 2)
    first, second = open_study(sampler=Sampler("random", 3)), open_study(sampler=Sampler("random", 3))
    assert first.take(6)[1] != second.take(6)[1]


def test_who_only_reads_a_study_changes_no_seed(open_study, remembered):
    words = {
        "trials": 6,
        "timeout": timedelta(minutes=1),
        "objectives": [Maximize("roc_auc")],
        "space": SPACE,
        "sampler": Sampler("tpe", 3),
    }
    one = [trial.params for trial in run(open_study(sampler=Sampler("tpe", 3)))]
    optuna.delete_study(study_name="one", storage=remembered.url)
    Study(remembered, "one", Search(**words), DEFAULTS, drives=False).close()
    assert one == [trial.params for trial in run(open_study(sampler=Sampler("tpe", 3)))]


def test_defaults_are_tried_as_they_stand_even_outside_of_the_space(open_study):
    trial, params = open_study().ask()
    assert ({}, {"rate": 0.5, "kind": "a"}) == (params, trial.params)


@pytest.mark.parametrize("by", ["median", "hyperband", "wilcoxon"])
def test_a_trial_that_does_no_better_is_given_up_and_kept(open_study, by):
    study = open_study(pruner=Pruner(by), trials=30, sampler=Sampler("random", 1))
    trials = run(study, 30, lambda params: 0.9 if not params else params["rate"] * 0.5, folds=8)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert 30 == len(trials)
    assert pruned
    assert all(0 < len(trial.folds) < 8 and "no better" in (trial.reason or "") for trial in pruned)


def test_without_a_pruner_and_for_the_defaults_all_folds_are_evaluated(open_study):
    trials = run(open_study(pruner=Pruner("none")), worth=lambda params: 0.1 if not params else 0.9, folds=8)
    assert {8} == {len(trial.folds) for trial in trials}


def test_several_goals_are_kept_in_order(open_study):
    trials = run(open_study(objectives=[Maximize("roc_auc"), Minimize("log_loss")], sampler=Sampler("nsga2", 1)))
    assert all(trial.values == [value(trial.params), -value(trial.params)] for trial in trials)


def killed_while_asking(open_study):
    """A process that asks for a trial and is no more."""
    child = os.fork()
    if not child:
        open_study().ask()
        os._exit(9)
    os.waitpid(child, 0)


def test_a_trial_of_a_dead_process_is_tried_again(open_study):
    run(open_study(trials=2), 2)
    killed_while_asking(open_study)
    trials = run(open_study())
    (lost,) = [trial for trial in trials if trial.state == "lost"]
    (again,) = [trial for trial in trials if trial.again == lost.number]
    assert (2, lost.params, "complete", 7) == (lost.number, again.params, again.state, len(trials))


def test_what_was_lost_of_a_grid_comes_back_before_the_rest_of_it(open_study):
    words = {"sampler": Sampler("grid", 3), "space": {"depth": IntRange(1, 9)}, "trials": 3}
    run(open_study(**words), 1)
    killed_while_asking(lambda: open_study(**words))
    trials = run(open_study(**words), 3)
    assert [("complete", None), ("lost", None), ("complete", 1), ("complete", None)] == [(trial.state, trial.again) for trial in trials]
    assert trials[1].params == trials[2].params != trials[3].params


def test_lost_defaults_are_tried_again_first(open_study):
    killed_while_asking(open_study)
    trials = run(open_study())
    assert [("lost", True), ("complete", True)] == [(trial.state, trial.defaults) for trial in trials[:2]]


def test_parameters_are_tried_so_often_and_no_more(open_study):
    for _ in range(TRIES):
        killed_while_asking(open_study)
    trials = run(open_study())
    assert ["lost"] * (TRIES - 1) + ["failed"] == [trial.state for trial in trials[:TRIES]]


def test_a_trial_of_a_living_process_is_left_to_it(open_study):
    first = open_study()
    trial, _ = first.ask()
    assert 5 == open_study().left(6)
    first.fold(trial, [0.5], last=True)
    first.complete(trial)
    assert ["complete"] == [item.state for item in first.trials()]


def test_a_trial_that_failed_is_kept_with_its_reason(open_study):
    study = open_study()
    trial, _ = study.ask()
    study.fail(trial, "no convergence")
    assert [("failed", "no convergence")] == [(item.state, item.reason) for item in study.trials()]
    assert 5 == study.left(6)


def test_the_parameter_that_matters_is_the_most_important(open_study):
    study = open_study(trials=20, sampler=Sampler("random", 1), pruner=Pruner("none"))
    run(study, 20, lambda params: params.get("rate", 0.5))
    found = study.importance()
    assert "rate" == max(found, key=found.get)


def test_of_one_trial_nothing_is_important(open_study):
    study = open_study()
    run(study, 1)
    assert study.importance() is None


def test_optuna_itself_reads_the_study(open_study, remembered):
    run(open_study())
    assert 6 == len(optuna.load_study(study_name="one", storage=remembered.url).trials)


def test_who_takes_at_once_takes_no_more_than_there_are(remembered):
    """Four processes, each as fast as it can."""
    words = Search(25, timedelta(minutes=1), [Maximize("roc_auc")], SPACE, Sampler("random", 3))
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            study = Study(remembered, "one", words, DEFAULTS)
            while (taken := study.take(25)) is not None:
                study.fold(taken[0], [value(taken[1])], last=True)
                study.complete(taken[0])
            os._exit(0)
        children.append(child)
    assert [0] * 4 == [os.waitpid(child, 0)[1] for child in children]
    study = Study(remembered, "one", words, DEFAULTS)
    trials = study.trials()
    study.close()
    assert (25, {"complete"}, 1) == (len(trials), {trial.state for trial in trials}, sum(trial.defaults for trial in trials))


def test_what_dies_elsewhere_is_found_by_its_silence(open_study, monkeypatch):
    """A trial of another machine: its process cannot be asked for, so its heartbeats tell."""
    monkeypatch.setattr("headrace.training.search.study.HEARTBEAT", 1)
    monkeypatch.setattr("headrace.training.search.study.GRACE", 2)
    study = open_study()
    lost, params = study.ask()
    lost.set_user_attr("owner", {"host": "another", "pid": 1, "since": 0})
    assert (1, 5) == (study.running(), study.left(6))
    deadline = time.monotonic() + 60
    while study.running() and time.monotonic() < deadline:
        study.recover()
        time.sleep(0.2)
    again, same = study.ask()
    assert (0, params, lost.number) == (lost.number, same, again.user_attrs["again"])


def test_a_trial_that_was_taken_for_dead_is_no_longer_held(open_study):
    """A machine that slept wakes up, and another has its trial."""
    slept, other = open_study(), open_study()
    trial, params = slept.ask()
    assert slept.holds(trial)
    other.lose(trial, "silent")
    taken = other.take(6)
    assert (False, True, params) == (slept.holds(trial), other.holds(taken[0]), taken[1])


@pytest.mark.slow
def test_nothing_of_optuna_stands_among_our_tables(postgres, tmp_path):
    import psycopg

    def tables(schema):
        with psycopg.connect(postgres) as connection:
            query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
            return {name for (name,) in connection.execute(query, [schema])}

    with Store.open(postgres, "blobs", root=tmp_path) as store:
        ours = tables("public")
        Study(memory(store, "one"), "one", Search(1, timedelta(minutes=1), [Maximize("roc_auc")], SPACE), DEFAULTS).close()
    assert (ours, True) == (tables("public"), {"alembic_version", "studies", "trial_heartbeats"} <= tables(SCHEMA))
    Store.open(postgres, "blobs", root=tmp_path).close()  # our migrations find their own version again
