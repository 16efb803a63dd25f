"""Ensembles as one version: what members are worth, that the last one learns from answers to rows nobody was fitted on, and one file."""

import importlib
import sys
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import registry
from headrace.builtin.algorithms.ensemble_parts import components
from headrace.builtin.algorithms.ensemble_voting import combined
from headrace.diagnostics import HeadraceError, Report
from headrace.hooks import Input, Plugins, Signature, load_plugins, resolve
from headrace.hooks.composed import fitted, loaded
from headrace.spec.params import read_params
from headrace.store import digest
from headrace.training import Baseline, StratifiedFolds, TimeFolds, train
from headrace.training.reproduce import reproduce
from headrace.transforms import Transformation, unpack

TREES = {"id": "trees", "algorithm": "lightgbm.classifier", "params": {"n_estimators": 20}}
LINE = {"id": "line", "algorithm": "sklearn.logistic_regression"}
SIGNATURE = Signature((Input("a", "number"), Input("b", "number")))
VOTING, STACKING = "ensemble.voting_classifier", "ensemble.stacking_classifier"


@pytest.fixture
def do_train(store, plugins, make_rows):
    def do(algorithm, params, run_id="r1", **instead):
        made = train(store, plugins, make_rows(run_id), actor="test", algorithm=algorithm, params=params, seed=7, **instead)
        with store.read() as session:
            return registry.get(session, "churn", made.number)

    return do


def rows(n=400, seed=3):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 2))
    return matrix, (matrix[:, 0] + rng.normal(size=n) > 0).astype(float)


def folds(n, count=5):
    at = np.arange(n) % count
    return [(np.flatnonzero(at != fold), np.flatnonzero(at == fold)) for fold in range(count)]


def model(plugins, algorithm, params, matrix, target, among=None):  # noqa: PLR0917 - what a model is made of
    known = plugins.algorithms[algorithm]
    asked = read_params(resolve(known.params), params)
    return fitted(plugins, known, matrix, target, SIGNATURE, asked, 7, folds=folds(len(matrix)) if among is None else among)


def test_a_vote_of_one_is_the_member(plugins):
    matrix, target = rows()
    for combine in ("mean", "vote"):
        alone = model(plugins, "lightgbm.classifier", TREES["params"], matrix, target).predict(matrix)
        one = model(plugins, VOTING, {"members": [{**TREES, "weight": 3}], "combine": combine}, matrix, target).predict(matrix)
        assert (alone if combine == "mean" else alone >= 0.5).tolist() == one.tolist()


def test_who_weighs_nothing_says_nothing(plugins):
    matrix, target = rows()
    alone = model(plugins, VOTING, {"members": [TREES]}, matrix, target).predict(matrix)
    both = model(plugins, VOTING, {"members": [TREES, {**LINE, "weight": 0}]}, matrix, target).predict(matrix)
    assert alone.tolist() == both.tolist()


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(max_examples=100)
def test_what_is_combined_lies_among_the_answers_and_no_order_of_members_matters(seed, counts):
    rng = np.random.default_rng(seed)
    given_, weights = rng.choice([rng.random((len(counts), 5)), np.full((len(counts), 5), 0.25)]), np.array(counts) / sum(counts)
    for combine in ("mean", "median"):
        answer = combined(given_, tuple(weights), combine)
        assert ((given_.min(axis=0) <= answer) & (answer <= given_.max(axis=0))).all()
        np.testing.assert_allclose(answer, combined(given_[::-1], tuple(weights[::-1]), combine), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(
        np.average(given_, axis=0, weights=weights), combined(given_, tuple(weights), "mean"), rtol=1e-12, atol=1e-15
    )
    alike = (1 / len(given_),) * len(given_)
    np.testing.assert_allclose(np.median(given_, axis=0), combined(given_, alike, "median"), rtol=1e-12, atol=1e-300)
    # A weight of two is the member twice.
    twice = np.repeat(given_, counts, axis=0)
    np.testing.assert_allclose(np.median(twice, axis=0), combined(given_, tuple(weights), "median"), rtol=1e-12, atol=1e-300)


def test_a_vote_of_classes_is_the_weighted_share_that_says_so():
    said = np.array([[[0.9, 0.1, 0.0]], [[0.2, 0.3, 0.5]], [[0.0, 0.4, 0.6]]])
    assert [[0.5, 0.0, 0.5]] == combined(said, (0.5, 0.25, 0.25), "vote").tolist()


MEMORY = {
    "id": "memory",
    "algorithm": "python.classifier",
    "params": {"python": "sklearn.neighbors:KNeighborsClassifier", "n_neighbors": 1},
}


def test_a_member_that_knows_its_rows_by_heart_gains_nothing_by_it(plugins):
    matrix, _ = rows()
    target = (np.random.default_rng(8).random(len(matrix)) < 0.5).astype(float)
    params = {"members": [MEMORY, LINE]}
    assert [1.0] == np.unique(model(plugins, "python.classifier", MEMORY["params"], matrix, target).predict(matrix) == target).tolist()
    everyone = np.arange(len(matrix))
    counts = {
        how: abs(model(plugins, STACKING, params, matrix, target, among).final.predictor.pipeline[-1].coef_[0, 0])
        for how, among in (("unseen", folds(len(matrix))), ("seen", [(everyone, everyone)]))
    }
    # Scaled, so that a coefficient is of one deviation: of noise it is small, of one's own answers all there is.
    assert (True, True) == (counts["unseen"] < 0.35, counts["seen"] > 2), counts


def test_the_last_one_learns_from_the_rows_of_folds_alone(plugins):
    matrix, target = rows()
    matrix[:100], target[:100] = 1e6, 1.0  # never evaluated: by them, the last one would learn another thing
    later = [(np.arange(100, 250), np.arange(250, 400))]
    one = model(plugins, STACKING, {"members": [LINE]}, matrix, target, later)
    other = model(plugins, STACKING, {"members": [LINE]}, matrix, np.where(np.arange(400) < 100, 0.0, target), later)
    coefficients = [made.final.predictor.pipeline[-1].coef_.tolist() for made in (one, other)]
    assert coefficients[0] == coefficients[1]


def test_a_stack_of_one_class_more_than_a_fold_has_is_told(plugins):
    matrix, target = rows(60)
    target[:] = np.arange(60) % 2
    target[7] = 2.0
    members = [{"id": "trees", "algorithm": "lightgbm.multiclass", "params": {"n_estimators": 3}}]
    with pytest.raises(Exception, match="fold 3 leaves no row of a class"):
        model(plugins, "ensemble.stacking_multiclass", {"members": members}, matrix, target)


def test_a_version_has_the_digest_of_each_part_and_its_file_all_of_them(store, do_train):
    version = do_train(STACKING, {"members": [TREES, LINE]})
    parts = components(unpack(store.blobs.get(version.model_digest)).data)
    told = version.manifest["components"]
    assert [("trees", "lightgbm.classifier"), ("line", "sklearn.logistic_regression"), ("final", "sklearn.logistic_regression")] == [
        (part["id"], part["algorithm"]) for part in told
    ]
    assert [(part["digest"], part["bytes"]) for part in told] == [(digest(part.data), len(part.data)) for part in parts]


def test_a_stack_with_transforms_and_folds_of_time_is_made_again_byte_for_byte(store, plugins, do_train):
    steps = [Transformation("filled", "impute", None, {"by": "median"})]
    version = do_train(STACKING, {"members": [TREES, LINE]}, transforms=steps, folds=TimeFolds(3, timedelta(days=1)))
    proof = reproduce(store, plugins, version)
    assert ("same", "", {"by": "time", "folds": 3, "gap": 86400.0}) == (proof.outcome, proof.why, version.manifest["folds"])


def test_an_ensemble_is_evaluated_on_folds_and_may_be_what_another_is_compared_with(do_train):
    version = do_train("lightgbm.classifier", {}, baseline=Baseline(STACKING, {"members": [LINE]}), cv=StratifiedFolds(2))
    assert (STACKING, 2) == (version.manifest["baseline"]["algorithm"], len(version.manifest["cv"]["metrics"]["roc_auc"]["folds"]))


@pytest.mark.parametrize(
    ("algorithm", "params", "said"),
    [
        (VOTING, {"members": [TREES, {"id": "odd", "algorithm": "sklearn.ridge"}]}, "`odd`: TypeError: `sklearn.ridge` is of the task"),
        (VOTING, {"members": [{"id": "gone", "algorithm": "acme.net"}]}, "`gone`: LookupError: no plugin offers the algorithm `acme.net`"),
        (VOTING, {"members": [TREES, {"id": "line", "algorithm": LINE["algorithm"], "params": {"c": 0}}]}, "`line`: ValidationError"),
        (STACKING, {"members": [LINE, {**MEMORY, "params": {**MEMORY["params"], "n_neighbors": 9_999}}]}, r"`memory`"),
        (
            VOTING,
            {"members": [{"id": "both", "algorithm": VOTING, "params": {"members": [LINE]}}]},
            "`both`: LookupError: .* is made of others",
        ),
    ],
)
def test_the_member_that_fails_is_named(do_train, algorithm, params, said):
    with pytest.raises(HeadraceError, match=f"training-failed.*{said}"):
        do_train(algorithm, params)


def test_a_version_whose_member_no_plugin_reads_any_more_says_which(store, plugins, do_train):
    version = do_train(VOTING, {"members": [TREES, LINE]})
    without = Plugins(
        algorithms={name: item for name, item in plugins.algorithms.items() if name != LINE["algorithm"]},
        metrics=plugins.metrics, detectors={}, channels={}, readers={},
    )  # fmt: skip
    with pytest.raises(HeadraceError, match=r"`line`: LookupError: no plugin offers the algorithm `sklearn.logistic_regression`"):
        registry.load(store, without, version)


def test_rubbish_and_what_ends_too_early_are_no_ensembles(plugins):
    matrix, target = rows()
    known = plugins.algorithms[VOTING]
    data = resolve(known.save)(model(plugins, VOTING, {"members": [TREES, LINE]}, matrix, target))
    for wrong in (b"", data[:-1], data[5:]):
        with pytest.raises(Exception):  # noqa: B017 - whatever it raises, it gives no model
            loaded(plugins, known, wrong, signature=SIGNATURE)


OWN = """
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
import numpy as np

def trees(*, n_estimators=10):
    return ExtraTreesClassifier(n_estimators=n_estimators)

def broken():
    raise RuntimeError("the licence has ended")

class Rule(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.edge_ = float(X[:, 0].mean())
        return self

    def predict(self, X):
        return (X[:, 0] > self.edge_).astype(float)

def rule():
    return Rule()

def nothing():
    return 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A project with a module of its own, and its plugins; the module may be written anew."""

    def write(name, text=OWN):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return load_plugins(tmp_path, Report(), allow=[])

    monkeypatch.syspath_prepend(tmp_path)
    return write


def test_a_function_of_the_projects_own_is_an_algorithm_by_the_models_seed(store, make_rows, own):
    plugins = own("own_trees")
    params = {"python": "own_trees:trees", "n_estimators": 5}
    one, other = (
        train(store, plugins, make_rows(run), actor="test", algorithm="python.classifier", params=params, seed=7) for run in ("r1", "r2")
    )
    with store.read() as session:
        first, second = (registry.get(session, "churn", made.number) for made in (one, other))
    assert (True, params) == (first.model_digest == second.model_digest, {key: first.manifest["params"][key] for key in params})
    proof = reproduce(store, plugins, first)
    assert ("same", ()) == (proof.outcome, proof.moved)


def test_another_text_of_the_function_is_another_model_and_is_told(store, make_rows, own):
    plugins = own("own_changing")
    params = {"python": "own_changing:trees"}
    made = train(store, plugins, make_rows(), actor="test", algorithm="python.classifier", params=params, seed=7)
    with store.read() as session:
        version = registry.get(session, "churn", made.number)
    again = own("own_changing", OWN.replace("n_estimators=10", "n_estimators=110"))
    proof = reproduce(store, again, version)
    assert ("differs", [("code", ("own_changing differs",))]) == (proof.outcome, [(item.input, item.details) for item in proof.moved])


def test_a_function_that_raises_is_told_at_its_line(store, make_rows, own):
    plugins = own("own_broken")
    with pytest.raises(HeadraceError, match=r"training-failed.*RuntimeError: the licence has ended") as raised:
        train(store, plugins, make_rows(), actor="test", algorithm="python.classifier", params={"python": "own_broken:broken"}, seed=7)
    (fault,) = raised.value.report
    assert ("own_broken.py", 10) == (fault.span.file, fault.span.line)


def test_a_function_that_gives_no_estimator_is_told(store, make_rows, own):
    plugins = own("own_nothing")
    with pytest.raises(HeadraceError, match="`own_nothing:nothing` gave int, which has no `fit`"):
        train(store, plugins, make_rows(), actor="test", algorithm="python.classifier", params={"python": "own_nothing:nothing"}, seed=7)


def test_a_type_of_ones_own_is_stored_where_the_spec_trusts_it_and_answers_0_and_1(store, make_rows, own):
    plugins = own("own_rule")
    params = {"python": "own_rule:rule"}
    with pytest.raises(HeadraceError, match=r"`own_rule.Rule`; if that is as it should be, write `trust: \[own_rule.Rule\]`"):
        train(store, plugins, make_rows(), actor="test", algorithm="python.classifier", params=params, seed=7)
    params["trust"] = ["own_rule.Rule"]
    made = train(store, plugins, make_rows(), actor="test", algorithm="python.classifier", params=params, seed=7)
    with store.read() as session:
        loaded_ = registry.load(store, plugins, registry.get(session, "churn", made.number))
    assert {0.0, 1.0} == set(loaded_.predictor.predict(np.array([[10.0, 0.0], [90.0, 0.0]])).tolist())
