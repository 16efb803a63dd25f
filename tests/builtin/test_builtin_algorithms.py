"""What every built-in algorithm must do: repeat itself, and answer after loading as before saving."""

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from headrace.builtin import headrace_algorithms
from headrace.hooks import Input, Signature, resolve

ALGORITHMS = {
    item.name: item
    for item in headrace_algorithms()
    # What is made of other algorithms or of a user's function the kit tries (tests/testing), with rows and members of its own.
    if item.task == "binary" and not (item.constant or item.components or item.python)
}
SMALL = {
    "lightgbm.classifier": {"n_estimators": 20, "subsample": 0.7, "subsample_freq": 1},
    "sklearn.logistic_regression": {},
    "sklearn.random_forest_classifier": {"n_estimators": 100, "min_samples_leaf": 40},
    "sklearn.hist_gradient_boosting_classifier": {"max_iter": 20, "max_leaf_nodes": 4, "min_samples_leaf": 40},
}


def fitted(name, rows, signature, seed=7, **params):
    algorithm = ALGORITHMS[name]
    settings = resolve(algorithm.params).model_validate(SMALL[name] | params)
    return resolve(algorithm.fit)(*rows, signature=signature, params=settings, seed=seed)


def saved(name, model):
    return resolve(ALGORITHMS[name].save)(model)


def loaded(name, data, signature):
    return resolve(ALGORITHMS[name].load)(data, signature=signature)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_same_rows_and_seed_give_the_same_bytes(name, rows, signature):
    assert saved(name, fitted(name, rows, signature)) == saved(name, fitted(name, rows, signature))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_loaded_model_answers_exactly_as_the_saved_one(name, rows, signature):
    model = fitted(name, rows, signature)
    again = loaded(name, saved(name, model), signature)
    assert model.predict(rows[0]).tolist() == again.predict(rows[0]).tolist()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_loaded_model_saves_to_the_same_answers(name, rows, signature):
    once = loaded(name, saved(name, fitted(name, rows, signature)), signature)
    twice = loaded(name, saved(name, once), signature)
    assert once.predict(rows[0]).tolist() == twice.predict(rows[0]).tolist()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_answers_are_probabilities_that_follow_both_inputs(name, rows, signature):
    model = fitted(name, rows, signature)
    young, old, red = model.predict(np.array([[25.0, 0.0], [60.0, 0.0], [25.0, 2.0]]))
    assert 0 < young < min(old, red) < max(old, red) < 1


@pytest.mark.parametrize("name", ALGORITHMS)
def test_missing_and_unseen_values_have_an_answer(name, rows, signature):
    model = fitted(name, rows, signature)
    encoded, unseen = signature.encode_row({"age": None, "colour": "mauve"})
    assert (("colour",), True) == (unseen, bool(np.isfinite(model.predict(np.array([encoded]))).all()))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_one_row_is_answered_as_among_many(name, rows, signature):
    model = fitted(name, rows, signature)
    np.testing.assert_allclose(model.predict(rows[0])[5], model.predict(rows[0][5:6])[0], rtol=1e-12)


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("params", [{"no_such": 1}, {"c": 0.0}, {"learning_rate": "fast"}, {"n_estimators": 0}])
def test_parameters_out_of_range_or_unknown_are_refused(name, params):
    with pytest.raises(ValidationError):
        resolve(ALGORITHMS[name].params).model_validate(params)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_model_of_one_kind_of_input_is_possible(name):
    numbers = Signature((Input("a", "number"),))
    matrix, target = np.arange(60.0).reshape(-1, 1), (np.arange(60) > 25).astype(float)
    model = fitted(name, (matrix, target), numbers)
    assert model.predict(matrix).tolist() == loaded(name, saved(name, model), numbers).predict(matrix).tolist()


def test_lightgbm_splits_by_category_as_such(rows, signature):
    text = saved("lightgbm.classifier", fitted("lightgbm.classifier", rows, signature)).decode()
    assert any(line.startswith("num_cat=") and line != "num_cat=0" for line in text.splitlines())


def test_the_seed_of_lightgbm_matters_where_rows_are_drawn(rows, signature):
    one, other = (fitted("lightgbm.classifier", rows, signature, seed=seed).predict(rows[0]).tolist() for seed in (1, 2))
    assert one != other


def test_skops_refuses_a_file_that_would_build_anything_else(signature):
    from skops.io import dumps
    from skops.io.exceptions import UntrustedTypesFoundException

    with pytest.raises(UntrustedTypesFoundException):
        loaded("sklearn.logistic_regression", dumps(subprocess.Popen), signature)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_another_process_makes_the_same_bytes(name):
    code = f"""
import hashlib, numpy as np
from headrace.builtin import headrace_algorithms
from headrace.hooks import Input, Signature, resolve
algorithm = next(item for item in headrace_algorithms() if item.name == {name!r})
rng = np.random.default_rng(0)
matrix = np.column_stack([rng.normal(size=500), rng.integers(0, 3, 500)])
signature = Signature((Input("a", "number"), Input("b", "category", ("x", "y", "z"))))
target = (matrix[:, 0] + rng.normal(size=500) > 0).astype(float)
made = resolve(algorithm.fit)(matrix, target, signature=signature, params=resolve(algorithm.params)(), seed=1)
print(hashlib.sha256(resolve(algorithm.save)(made)).hexdigest())
"""
    first, second = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["sklearn.logistic_regression", "sklearn.linear_regression", "sklearn.random_forest_classifier"])
def test_a_number_beyond_what_scikit_learn_computes_with_is_answered(name: str) -> None:
    signature = Signature((Input("age", "number"), Input("town", "category", ("a", "b"))))
    rng = np.random.default_rng(1)
    matrix = np.column_stack([rng.normal(size=200), rng.integers(0, 2, 200)])
    algorithm = next(item for item in headrace_algorithms() if item.name == name)
    target = (matrix[:, 0] > 0).astype(float)
    predictor = resolve(algorithm.fit)(matrix, target, signature=signature, params=resolve(algorithm.params)(), seed=1)
    odd = np.array([[1.7e308, 0.0], [-1.7e308, np.nan], [1e39, 1.0], [1e30, 1.0], [0.5, 1.0], [np.nan, 0.0]])
    together = predictor.predict(odd)
    assert np.isfinite(together).all()
    assert [predictor.predict(row[None])[0] for row in odd] == together.tolist()
