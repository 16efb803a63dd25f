"""The algorithm keeps its contract, is told apart by its file, and learns categories as such."""

import numpy as np
import pytest
from pydantic import ValidationError

from headrace.hooks import Input, Signature
from headrace.testing import check_algorithm
from headrace_xgboost import ALGORITHM, Params, fit, load, save


def test_the_algorithm_keeps_its_contract():
    assert check_algorithm(ALGORITHM, {"n_estimators": 20}) == []


def test_a_misspelt_parameter_is_refused():
    with pytest.raises(ValidationError):
        Params.model_validate({"n_estimator": 3})


def test_a_category_is_split_as_a_category():
    signature = Signature((Input("colour", "category", tuple("abcdef")),))
    matrix = np.tile(np.arange(6.0), 50).reshape(-1, 1)
    target = np.isin(matrix[:, 0], [0, 2, 4]).astype(float)
    answers = fit(matrix, target, signature=signature, params=Params(n_estimators=10, max_depth=1), seed=0).predict(matrix)
    # One split by order could not part every other value; one by set can.
    assert (answers[target == 1].min() > 0.8, answers[target == 0].max() < 0.2) == (True, True)


def test_the_seed_draws_the_rows():
    signature = Signature((Input("x", "number"),))
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 1))
    target = (matrix[:, 0] + rng.normal(size=200) > 0).astype(float)
    models = [save(fit(matrix, target, signature=signature, params=Params(subsample=0.5), seed=seed)) for seed in (1, 1, 2)]
    assert (models[0] == models[1], models[0] == models[2]) == (True, False)


@pytest.mark.parametrize("data", [b"", b"{", b"binf", b"{L\x00", b"[]", b"{}"])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(Exception):  # noqa: B017 - of whatever kind
        load(data, signature=Signature((Input("x", "number"),)))
