"""The metrics of a ranking against scikit-learn, LightGBM and all orders of equal scores; the ranker, its order and its early end."""

import math
from itertools import permutations

import lightgbm
import numpy as np
import pytest
from sklearn import metrics as sk

from headrace.builtin import headrace_algorithms, headrace_metrics
from headrace.hooks import EnoughError, Input, Signature, Watch, resolve
from headrace.hooks.answers import Answers
from headrace.hooks.asking import asking, each_group
from headrace.testing import check_algorithm, check_metric

METRICS = {item.name: item for item in headrace_metrics() if item.needs == "ranking"}
COMPUTE = {name: resolve(item.compute) for name, item in METRICS.items()}
ALGORITHMS = {item.name: item for item in headrace_algorithms() if item.task == "ranking"}
SIGNATURE = Signature((Input("price", "number"), Input("colour", "category", ("blue", "green", "red"))))


def group(seed, n=12, *, tied=False):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 4, n).astype(float)
    scores = target + rng.normal(0, 2, n)
    return target, scores.round() if tied else scores


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("k", [None, 1, 5, 100])
@pytest.mark.parametrize("tied", [False, True])
def test_ndcg_is_scikit_learns_with_exponential_gains(seed, k, tied):
    target, scores = group(seed, tied=tied)
    assert sk.ndcg_score([2**target - 1], [scores], k=k) == pytest.approx(COMPUTE["ndcg"](target, scores, k=k))


@pytest.mark.parametrize("seed", range(8))
def test_a_map_of_all_rows_is_scikit_learns_average_precision(seed):
    target, scores = group(seed)
    assert sk.average_precision_score(target > 0, scores) == pytest.approx(COMPUTE["map"](target, scores))


@pytest.mark.parametrize("name", ["ndcg", "map", "mrr"])
@pytest.mark.parametrize("k", [None, 1, 3])
@pytest.mark.parametrize(
    ("target", "scores"),
    [
        ([1, 0, 2, 0, 1], [0, 0, 0, 0, 0]),
        ([1, 0, 2, 0, 1], [3, 2, 2, 2, 1]),
        ([0, 0, 1, 1, 0], [2, 2, 1, 1, 1]),
        ([0, 1], [1, 1]),
        ([3], [0]),
    ],
)
def test_equal_scores_are_worth_the_mean_over_all_their_orders(name, k, target, scores):
    compute, target, scores = COMPUTE[name], np.array(target, dtype=float), np.array(scores, dtype=float)
    orders = [np.array(order) for order in permutations(range(len(target)))]
    # The order is told by scores that differ by less than any two of ours.
    each = [compute(target, scores - 1e-6 * np.argsort(order), k=k) for order in orders]
    assert float(np.mean(each)) == pytest.approx(compute(target, scores, k=k))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["ndcg", "map"])
def test_the_mean_over_groups_is_lightgbms(name, seed):
    parts = [group(seed + 10 * i) for i in range(6)]
    parts = [(np.maximum(target, np.eye(12)[0]), scores) for target, scores in parts]  # LightGBM has a group without a relevant row at 1
    target, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
    numbers = np.repeat(np.arange(6), 12)
    for k in (1, 5, 12):
        data = lightgbm.Dataset(np.zeros((72, 1)), label=target, group=[12] * 6, init_score=scores, params={"verbosity": -1})
        told = {}
        settings = {"objective": "lambdarank", "metric": name, "eval_at": [k], "verbosity": -1, "num_threads": 1}
        lightgbm.train(settings, data, 1, valid_sets=[data], callbacks=[lightgbm.record_evaluation(told)])
        ((found,),) = ((values[0],) for values in told["training"].values())
        ours = asking(METRICS[name], Answers("ranking"), group=numbers, k=k)(target, scores)
        assert found == pytest.approx(ours), k


def test_the_place_of_the_first_relevant_row_counts_among_the_first_k():
    target, scores = np.array([0.0, 0.0, 1.0, 2.0]), np.array([4.0, 3.0, 2.0, 1.0])
    assert [1 / 3, 1 / 3, 0.0] == pytest.approx([COMPUTE["mrr"](target, scores, k=k) for k in (None, 3, 2)])


def test_a_group_without_a_relevant_row_is_left_out_and_none_hides_it():
    target, scores, numbers = np.array([0.0, 0.0, 1.0, 0.0]), np.array([2.0, 1.0, 1.0, 2.0]), np.array([7, 7, 3, 3])
    each = each_group(METRICS["mrr"], target, scores, group=numbers)
    assert (0.5, True) == (each[0], math.isnan(each[1]))
    assert asking(METRICS["mrr"], Answers("ranking"), group=numbers)(target, scores) == 0.5
    assert math.isnan(asking(METRICS["mrr"], Answers("ranking"), group=numbers[:2])(target[:2], scores[:2]))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_of_a_ranking_conforms(name):
    assert [] == check_metric(METRICS[name])


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_an_algorithm_of_a_ranking_conforms(name):
    assert [] == check_algorithm(ALGORITHMS[name], {"n_estimators": 12} if name == "lightgbm.ranker" else None)


def searches(n=60, size=10, seed=3):
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.normal(size=n * size), rng.integers(0, 3, n * size)])
    target = np.clip((matrix[:, 0] + 0.5 * matrix[:, 1] + rng.normal(0, 0.3, n * size)).round(), 0, 3)
    return matrix, target, np.full(n, size, dtype=np.int64)


def trained(matrix, target, sizes, **given):
    ranker = ALGORITHMS["lightgbm.ranker"]
    params = resolve(ranker.params)(**{"n_estimators": 30, **given.pop("params", {})})
    return resolve(ranker.fit)(matrix, target, group=sizes, signature=SIGNATURE, params=params, seed=7, **given)


def test_the_ranker_is_far_above_a_random_order():
    matrix, target, sizes = searches()
    numbers = np.repeat(np.arange(len(sizes)), sizes)
    ndcg = asking(METRICS["ndcg"], Answers("ranking"), group=numbers, k=5)
    assert ndcg(target, np.zeros(len(target))) + 0.2 < ndcg(target, trained(matrix, target, sizes).predict(matrix))


def test_the_loss_that_is_watched_is_what_is_missing_to_an_ndcg_of_one():
    matrix, target, sizes = searches()
    rows, told = int(sizes[:40].sum()), []
    watch = Watch((matrix[rows:], target[rows:]), lambda _, values: told.append(values["validation_loss"]), group=sizes[40:])
    model = trained(matrix[:rows], target[:rows], sizes[:40], watch=watch, params={"lambdarank_truncation_level": 5})
    numbers = np.repeat(np.arange(len(sizes[40:])), sizes[40:])
    # LightGBM takes equal scores in the order of the rows.
    scores = model.predict(matrix[rows:]) - 1e-9 * np.arange(len(numbers))
    ndcg = asking(METRICS["ndcg"], Answers("ranking"), group=numbers, k=5)(target[rows:], scores)
    assert 1 - ndcg == pytest.approx(told[-1], abs=1e-6)


def test_a_ranker_that_was_stopped_has_the_trees_of_its_best_step():
    matrix, target, sizes = searches()

    def enough(number, values):
        del values
        if number == 20:
            raise EnoughError(12)

    assert trained(matrix, target, sizes, watch=Watch(step=enough)).booster.num_trees() == 12
