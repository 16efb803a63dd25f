"""P31: every trial that began is kept, however it ended: complete, pruned, failed, or killed at any moment with all of its process.

On real SQLite files; a kill is a process that is no more. Breaks tried, each found: pruned trials left out of what is kept; the parameters
of a killed trial not put in the row again; a killed trial left RUNNING; lost trials counted against the budget.
"""

import os
from datetime import timedelta

import optuna
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.training.search import FloatRange, IntRange, Maximize, Pruner, Sampler, Search
from headrace.training.search.memory import in_file
from headrace.training.search.study import Study

SPACE = {"depth": IntRange(1, 64, log=True), "rate": FloatRange(0.01, 1.0)}
DEFAULTS = {"depth": 8, "rate": 0.5}
ENDS = st.sampled_from(["complete", "complete", "pruned", "failed", "lost-at-once", "lost-after-a-fold"])


def opened(folder, name, trials):
    words = Search(trials, timedelta(minutes=1), [Maximize("roc_auc")], SPACE, Sampler("random", 5), Pruner("none"))
    return Study(in_file(folder / f"{name}.db"), "one", words, DEFAULTS)


def end(study, how):
    """Begin one trial and end it in one way; what it set."""
    trial, params = study.ask()
    if how == "lost-at-once":
        return trial.number, params
    study.fold(trial, [0.5], last=False)
    match how:
        case "complete":
            study.fold(trial, [0.7], last=True)
            study.complete(trial)
        case "pruned":
            study.prune(trial)
        case "failed":
            study.fail(trial, "no convergence")
    return trial.number, params


def killed(folder, name, trials, how):
    """The same in a process that is killed before it says how it ended: only what it wrote is left."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            study = opened(folder, name, trials)
            number, params = end(study, how)
            os.write(tell, repr((number, params)).encode())
        finally:
            os._exit(9)
    os.close(tell)
    with os.fdopen(told) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    number, params = eval(text)  # noqa: S307 - what we wrote ourselves
    return number, params


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(ENDS, min_size=1, max_size=6), data=st.data())
def test_every_trial_that_began_is_kept_and_none_is_left_running(tmp_path_factory, ends, data):
    folder, budget = tmp_path_factory.mktemp("study"), 20
    began, expected = {}, {}
    for how in ends:
        if how.startswith("lost"):
            number, params = killed(folder, "one", budget, how)
        else:
            study = opened(folder, "one", budget)
            number, params = end(study, how)
            study.close()
        began[number], expected[number] = params, "lost" if how.startswith("lost") else how
    study = opened(folder, "one", budget)
    try:
        kept = {trial.number: trial for trial in study.trials()}
        assert began == {number: kept[number].params for number in kept}
        tried = {number: sum(t.params == params for t in kept.values()) for number, params in began.items()}
        assert expected == {
            n: "lost" if t.state == "failed" and tried[n] >= 3 and expected[n] == "lost" else t.state for n, t in kept.items()
        }
        lost = sum(trial.state == "lost" for trial in kept.values())
        assert budget - len(kept) + lost == study.left(budget)
        # What was lost comes back before anything new.
        rows = [trial for trial in study._study.trials if trial.state is optuna.trial.TrialState.WAITING]
        retried = {trial.again for trial in kept.values()} | {trial.user_attrs.get("again") for trial in rows}
        assert {trial.number for trial in kept.values() if trial.state == "lost"} <= retried
        assert not [trial for trial in study._study.trials if trial.state is optuna.trial.TrialState.RUNNING]
    finally:
        study.close()
