"""Watching a training changes nothing of the model, and one that was killed is taken up to the same model."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from headrace.builtin.algorithms import lightgbm_classifier as trees
from headrace.builtin.algorithms import lightgbm_quantile as quantile
from headrace.hooks import EnoughError, Watch
from headrace.hooks.watch import LOSS


def text(model):
    return trees.save(model).decode().split("\nparameters:")[0]


def fit(rows, signature, watch=None, **params):
    return trees.fit(*rows, signature=signature, params=trees.Params(**({"n_estimators": 40} | params)), seed=7, watch=watch)


def test_a_watched_model_is_the_same(rows, signature):
    seen = []
    watch = Watch(validation=(rows[0][:100], rows[1][:100]), step=lambda n, values: seen.append((n, *values)))
    assert text(fit(rows, signature)) == text(fit(rows, signature, watch))
    assert [(n, LOSS) for n in range(1, 41)] == seen


def test_a_model_is_that_of_the_steps_that_are_enough(rows, signature):
    def step(number, values):
        if number == 30:
            raise EnoughError(12)

    stopped = fit(rows, signature, Watch(step=step))
    assert fit(rows, signature, n_estimators=12).predict(rows[0]).tolist() == stopped.predict(rows[0]).tolist()


def test_what_else_a_step_raises_ends_the_training(rows, signature):
    def step(number, values):
        raise TimeoutError("over")

    with pytest.raises(TimeoutError, match="over"):
        fit(rows, signature, Watch(step=step))


@pytest.mark.parametrize("at", [10, 20, 30, 40])
def test_a_model_that_is_taken_up_is_the_one_of_a_whole_training(rows, signature, at):
    kept, losses, again = {}, {}, {}
    validation = (rows[0][:100], rows[1][:100])
    whole = fit(rows, signature, Watch(validation, lambda n, v: losses.update({n: v[LOSS]}), kept.__setitem__, every=10))
    resumed = fit(rows, signature, Watch(validation, lambda n, v: again.update({n: v[LOSS]}), resume=kept[at], every=10))
    assert text(whole) == text(resumed)
    assert whole.predict(rows[0]).tolist() == resumed.predict(rows[0]).tolist()
    assert {n: value for n, value in losses.items() if n > at} == pytest.approx(again, abs=1e-12)


@pytest.mark.parametrize("drawn", [{"subsample": 0.7, "subsample_freq": 1}, {"colsample_bytree": 0.5}])
def test_what_is_drawn_for_each_tree_has_no_checkpoint(rows, signature, drawn):
    kept = {}
    fit(rows, signature, Watch(checkpoint=kept.__setitem__, every=10), **drawn)
    assert {} == kept


KILLED = """
import os, signal, sys
import numpy as np
from pathlib import Path
from headrace.builtin.algorithms import lightgbm_classifier as trees
from headrace.builtin.algorithms import lightgbm_quantile as quantile
from headrace.hooks import Input, Signature, Watch

folder = Path(sys.argv[1])
rows = np.load(folder / "rows.npz")
signature = Signature((Input("age", "number"), Input("colour", "category", ("blue", "green", "red"))))

def step(number, values):
    if number == 33:
        os.kill(os.getpid(), signal.SIGKILL)

def checkpoint(number, model):
    (folder / "kept.part").write_bytes(model)
    os.replace(folder / "kept.part", folder / "kept")

watch = Watch(None, step, checkpoint, every=10)
trees.fit(rows["x"], rows["y"], signature=signature, params=trees.Params(n_estimators=60), seed=7, watch=watch)
"""


def test_after_kill_9_the_same_model_comes_of_the_last_checkpoint(tmp_path, rows, signature):
    np.savez(tmp_path / "rows.npz", x=rows[0], y=rows[1])
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False, env=os.environ)
    assert -signal.SIGKILL == done.returncode
    kept = (tmp_path / "kept").read_bytes()
    resumed = fit(rows, signature, Watch(resume=kept), n_estimators=60)
    whole = fit(rows, signature, n_estimators=60)
    assert (text(whole), whole.predict(rows[0]).tolist()) == (text(resumed), resumed.predict(rows[0]).tolist())


def answers_of(rows):
    return np.nan_to_num(rows[0][:, 0]) + rows[1]


def fan(rows, signature, watch=None, **params):
    answers = answers_of(rows)
    return quantile.fit(
        rows[0], answers, signature=signature, params=quantile.Params(**({"n_estimators": 30} | params)), seed=7, watch=watch
    )


def texts(made):
    return [text(one) for one in made.levels]


def test_levels_grow_together_and_each_as_if_alone(rows, signature):
    told = []
    watch = Watch(validation=(rows[0][:100], answers_of(rows)[:100]), step=lambda n, values: told.append((n, *values)))
    alone = [
        trees.fit(
            rows[0],
            answers_of(rows),
            signature=signature,
            params=quantile.Params(n_estimators=30, quantiles=(level,)),
            seed=7,
        )
        for level in (0.1, 0.5, 0.9)
    ]
    assert [text(one) for one in alone] == texts(fan(rows, signature)) == texts(fan(rows, signature, watch))
    assert [(n, LOSS) for n in range(1, 31)] == told


def test_levels_stop_together_at_the_steps_that_are_enough(rows, signature):
    def step(number, values):
        if number == 20:
            raise EnoughError(8)

    assert texts(fan(rows, signature, n_estimators=8)) == texts(fan(rows, signature, Watch(step=step)))


@pytest.mark.parametrize("at", [10, 30])
def test_levels_that_are_taken_up_are_those_of_a_whole_training(rows, signature, at):
    kept = {}
    whole = fan(rows, signature, Watch(checkpoint=kept.__setitem__, every=10))
    assert texts(whole) == texts(fan(rows, signature, Watch(resume=kept[at], every=10)))


def test_the_loss_of_levels_is_the_mean_of_their_pinball_losses(rows, signature):
    losses = {}
    validation = (rows[0][:100], answers_of(rows)[:100])
    made = fan(rows, signature, Watch(validation, lambda n, v: losses.update({n: v[LOSS]})))
    missed = [validation[1] - one.predict(validation[0]) for one in made.levels]
    pinball = [np.mean(np.maximum(level * off, (level - 1) * off)) for level, off in zip((0.1, 0.5, 0.9), missed, strict=True)]
    assert np.mean(pinball) == pytest.approx(losses[30], rel=1e-6)  # LightGBM keeps answers in 32 bits
