"""The metrics of several classes, of numbers and of quantiles against scikit-learn, and the algorithms of these tasks."""

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from headrace.builtin import headrace_algorithms, headrace_metrics
from headrace.hooks import Answers, Input, Signature, resolve

METRICS = {item.name: resolve(item.compute) for item in headrace_metrics()}
# What is made of other algorithms or of a user's function the kit tries (tests/testing), with rows and members of its own.
ALGORITHMS = {item.name: item for item in headrace_algorithms() if not (item.components or item.python)}
SIGNATURE = Signature((Input("age", "number"), Input("colour", "category", ("blue", "green", "red"))))
LEVELS = (0.1, 0.5, 0.9)


def classes(seed, n=300):
    rng = np.random.default_rng(seed)
    target = rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05]).astype(float)
    given = rng.gamma(1.0, 1.0, (n, 4)) + (target[:, None] == np.arange(4))
    return target, given / given.sum(axis=1, keepdims=True)


def one_hot(target, given):
    return target[:, None] == np.arange(given.shape[1])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("average", ["macro", "weighted", "each"])
@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("roc_auc", lambda target, given, average: sk.roc_auc_score(one_hot(target, given), given, average=average)),
        ("average_precision", lambda target, given, average: sk.average_precision_score(one_hot(target, given), given, average=average)),
        ("precision", lambda target, given, average: sk.precision_score(target, given.argmax(axis=1), average=average, zero_division=0)),
        ("recall", lambda target, given, average: sk.recall_score(target, given.argmax(axis=1), average=average)),
        ("f1", lambda target, given, average: sk.f1_score(target, given.argmax(axis=1), average=average)),
    ],
)
def test_a_metric_of_each_class_is_scikit_learns(name, oracle, average, seed):
    target, given = classes(seed)
    wanted = oracle(target, given, None if average == "each" else average)
    np.testing.assert_allclose(METRICS[name](target, given, average=average), wanted, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("accuracy", lambda target, given: sk.accuracy_score(target, given.argmax(axis=1))),
        ("log_loss", sk.log_loss),
        ("brier", lambda target, given: np.mean(((given - one_hot(target, given)) ** 2).sum(axis=1)) / 2),
    ],
)
def test_a_metric_of_all_classes_is_scikit_learns(name, oracle, seed):
    target, given = classes(seed)
    assert oracle(target, given) == pytest.approx(METRICS[name](target, given), rel=1e-9)


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
def test_a_metric_of_decisions_is_scikit_learns_for_a_yes_or_no(name):
    rng = np.random.default_rng(3)
    target = (rng.random(200) < 0.3).astype(float)
    given = np.clip(rng.normal(0.3 + 0.3 * target, 0.3), 0, 1)
    assert getattr(sk, f"{name}_score")(target, given >= 0.5) == pytest.approx(METRICS[name](target, given))


def test_two_classes_are_judged_as_a_yes_or_no():
    rng = np.random.default_rng(4)
    target, yes = (rng.random(200) < 0.4).astype(float), rng.random(200)
    both = np.column_stack([1 - yes, yes])
    for name in ("accuracy", "log_loss", "brier"):
        assert METRICS[name](target, yes) == pytest.approx(METRICS[name](target, both)), name
    assert METRICS["roc_auc"](target, yes) == pytest.approx(METRICS["roc_auc"](target, both))


def test_a_class_that_is_missing_hides_behind_no_average_but_one_by_rows():
    target, given = classes(1)
    here = target != 3
    assert math.isnan(METRICS["roc_auc"](target[here], given[here], average="macro"))
    assert np.isnan(METRICS["roc_auc"](target[here], given[here], average="each"))[3]
    assert 0.5 < METRICS["roc_auc"](target[here], given[here], average="weighted") < 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("mae", sk.mean_absolute_error),
        ("rmse", sk.root_mean_squared_error),
        ("r2", sk.r2_score),
        ("mape", sk.mean_absolute_percentage_error),
    ],
)
def test_a_metric_of_numbers_is_scikit_learns(name, oracle, seed):
    rng = np.random.default_rng(seed)
    target = rng.gamma(2.0, 3.0, 200)
    given = target + rng.normal(0, 1, 200)
    assert oracle(target, given) == pytest.approx(METRICS[name](target, given))


def test_a_share_of_nothing_and_a_target_that_does_not_vary_are_not_defined():
    assert math.isnan(METRICS["mape"](np.array([0.0, 1.0]), np.array([1.0, 1.0])))
    assert math.isnan(METRICS["r2"](np.ones(5), np.arange(5.0)))


@pytest.mark.parametrize("seed", range(5))
def test_the_pinball_loss_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=200)
    given = np.sort(rng.normal(size=(200, 3)), axis=1)
    wanted = np.mean([sk.mean_pinball_loss(target, given[:, i], alpha=level) for i, level in enumerate(LEVELS)])
    assert wanted == pytest.approx(METRICS["pinball_loss"](target, given, quantiles=LEVELS))


def test_intervals_are_counted_with_their_ends():
    target, given = np.array([0.0, 1.0, 2.0, 3.0]), np.tile([0.0, 1.0, 2.0], (4, 1))
    assert (0.75, 2.0) == tuple(METRICS[name](target, given, quantiles=LEVELS) for name in ("coverage", "interval_width"))
    assert pytest.approx(0.15) == METRICS["coverage_error"](target, given, quantiles=LEVELS)
    assert math.isnan(METRICS["coverage"](target, given[:, :1], quantiles=(0.5,)))


def drawn(task):
    """Rows whose answers follow both inputs, with missing values among them."""
    rng = np.random.default_rng(5)
    matrix = np.column_stack([rng.normal(40, 10, 300), rng.integers(0, 3, 300).astype(float)])
    score = (matrix[:, 0] - 40) / 5 + 2 * (matrix[:, 1] == 2) + rng.normal(0, 0.5, 300)
    matrix[::11, 0] = np.nan
    target = {"binary": (score > 0).astype(float), "multiclass": np.digitize(score, [-1.0, 1.0]).astype(float)}
    target["ranking"] = target["multiclass"]
    return matrix, target.get(task, score)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_answers_are_those_of_the_task_and_the_same_after_loading(name):
    algorithm = ALGORITHMS[name]
    params = resolve(algorithm.params)()
    matrix, target = drawn(algorithm.task)
    group = {"group": np.full(30, 10)} if algorithm.task == "ranking" else {}
    made = resolve(algorithm.fit)(matrix, target, signature=SIGNATURE, params=params, seed=3, **group)
    data = resolve(algorithm.save)(made)
    named = ("a", "b", "c") if algorithm.task == "multiclass" else ()
    answers = Answers(algorithm.task, named, params.quantiles if algorithm.task == "quantile" else ())
    given = made.predict(matrix)
    assert (None, given.tolist()) == (
        answers.fault(given, 300),
        resolve(algorithm.load)(data, signature=SIGNATURE).predict(matrix).tolist(),
    )


@pytest.mark.parametrize(
    "name", sorted(name for name, item in ALGORITHMS.items() if item.task in ("binary", "multiclass") and not item.constant)
)
def test_balanced_classes_say_the_rare_one_more_often(name):
    algorithm = ALGORITHMS[name]
    rng = np.random.default_rng(8)
    matrix = np.column_stack([rng.normal(size=400), np.zeros(400)])
    rare = (matrix[:, 0] + rng.normal(0, 1.5, 400) > 2.2).astype(float)
    shares = []
    for weight in (None, "balanced"):
        # Grown to pure leaves, a forest knows its rows by heart, however they are weighed.
        grown = {"min_samples_leaf": 20} if "random_forest" in name else {}
        params = resolve(algorithm.params).model_validate({"class_weight": weight, **grown})
        given = resolve(algorithm.fit)(matrix, rare, signature=SIGNATURE, params=params, seed=3).predict(matrix)
        shares.append(float((given if given.ndim == 1 else given[:, 1]).mean()))
    assert shares[0] < shares[1]


@pytest.mark.parametrize("levels", [(), (0.5, 0.1), (0.1, 0.1), (0.0,), (1.0,)])
@pytest.mark.parametrize("name", ["lightgbm.quantile", "baseline.quantile"])
def test_levels_that_do_not_rise_are_refused(name, levels):
    with pytest.raises(ValueError, match="quantiles"):
        resolve(ALGORITHMS[name].params).model_validate({"quantiles": levels})


@pytest.mark.parametrize("name", ["sklearn.random_forest_regressor", "sklearn.hist_gradient_boosting_regressor"])
def test_a_tree_that_points_out_of_itself_is_refused(name):
    algorithm = ALGORITHMS[name]
    matrix, target = drawn("regression")
    made = resolve(algorithm.fit)(matrix, target, signature=SIGNATURE, params=resolve(algorithm.params)(), seed=3)
    if "forest" in name:
        made.pipeline[-1].estimators_[0].tree_.children_left[0] = 10**6
    else:
        made.pipeline[-1]._predictors[0][0].nodes["left"][0] = 10**6
    with pytest.raises(ValueError, match="points out of itself"):
        resolve(algorithm.load)(resolve(algorithm.save)(made), signature=SIGNATURE)
