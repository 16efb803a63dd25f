"""What each built-in transform makes, beside what scikit-learn makes of the same."""

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler, TargetEncoder

from headrace.hooks import Input, Signature
from headrace.transforms import Transformation, learned


def done(plugins, world, transform, columns, **params):
    """The chain's names, and the training rows as they are made, without what was left as it was."""
    matrix, target, signature = world
    chain, made = learned(plugins, [Transformation("one", transform, columns, params)], matrix, target, signature=signature, seed=7)
    kept = len(signature.inputs) - len(columns)
    return [item.name for item in chain.signature.inputs][kept:], made[:, kept:]


@pytest.mark.parametrize(("by", "strategy"), [("median", "median"), ("mean", "mean"), ("constant", "constant")])
def test_what_is_missing_is_filled_and_marked(plugins, world, by, strategy):
    names, made = done(plugins, world, "impute", ("age", "score"), by=by)
    expected = SimpleImputer(strategy=strategy, fill_value=0.0).fit_transform(world[0][:, :2])
    assert ["age", "score", "age_missing", "score_missing"] == names
    assert np.allclose(np.column_stack([expected, np.isnan(world[0][:, :2])]), made, rtol=1e-12, atol=0)


def test_marks_may_be_left_out(plugins, world):
    assert ["age"] == done(plugins, world, "impute", ("age",), mark=False)[0]


def test_a_column_without_any_value_is_filled_all_the_same(plugins, world):
    world[0][:, 0] = np.nan
    assert {-1.0} == set(done(plugins, world, "impute", ("age",), value=-1.0, mark=False)[1][:, 0])


@pytest.mark.parametrize(("by", "scaler"), [("standard", StandardScaler()), ("range", MinMaxScaler()), ("quartiles", RobustScaler())])
def test_numbers_are_scaled_as_scikit_learn_scales_them(plugins, world, by, scaler):
    _, made = done(plugins, world, "scale", ("age", "score"), by=by)
    assert np.allclose(scaler.fit_transform(world[0][:, :2]), made, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("by", ["standard", "range", "quartiles"])
def test_a_constant_becomes_nothing(plugins, world, by):
    world[0][:, 0] = 5.0
    assert {0.0} == set(done(plugins, world, "scale", ("age",), by=by)[1][:, 0])


def test_a_category_gets_a_column_a_value_and_one_for_the_rest(plugins, world):
    names, made = done(plugins, world, "one_hot", ("region",))
    codes = world[0][:, [2]]
    expected = OneHotEncoder(categories=[[0.0, 1.0, 2.0, 3.0]], handle_unknown="ignore", sparse_output=False).fit_transform(
        np.where(np.isnan(codes), -1.0, codes)
    )
    assert ["region_east", "region_north", "region_south", "region_west", "region_other"] == names
    assert np.array_equal(np.column_stack([expected, np.isnan(codes)]), made)


def test_names_are_words_whatever_the_values_are(plugins, world):
    matrix, target, signature = world
    odd = Input("region", "category", ("New York, NY", "new/york", "{}", "other"))
    chain, _ = learned(
        plugins, [Transformation("one", "one_hot")], matrix, target, signature=Signature((*signature.inputs[:2], odd)), seed=7
    )
    names = [item.name for item in chain.signature.inputs[2:]]
    assert ["region_New_York_NY", "region_new_york", "region_value", "region_other", "region_other_2"] == names


def test_rare_values_share_a_column(plugins, world):
    matrix, *_ = world
    matrix[:, 2] = np.where(np.arange(300) < 5, 3.0, np.where(np.arange(300) < 105, 1.0, 0.0))
    assert ["region_east", "region_north", "region_other"] == done(plugins, world, "one_hot", ("region",), min_rows=6)[0]
    assert ["region_east", "region_other"] == done(plugins, world, "one_hot", ("region",), max_columns=1)[0]


def test_a_request_is_encoded_by_the_means_of_all_training_rows(plugins, world):
    matrix, target, signature = world
    chain, _ = learned(
        plugins, [Transformation("one", "target_encode", None, {"smooth": 20.0})], matrix, target, signature=signature, seed=7
    )
    codes = np.where(np.isnan(matrix[:, [2]]), -1.0, matrix[:, [2]])
    inside = codes[:, 0] >= 0
    expected = TargetEncoder(smooth=20.0, target_type="continuous").fit(codes[inside], target[inside])
    ours = chain.links[0].state
    means = [(target[codes[:, 0] == k].sum() + 20 * target.mean()) / ((codes[:, 0] == k).sum() + 20) for k in range(4)]
    assert np.allclose(means, ours["means"][0], rtol=1e-12)
    # scikit-learn draws towards the mean of the rows that have a category, and so may differ by the others' weight.
    assert np.allclose(expected.encodings_[0], ours["means"][0], atol=0.01)


def test_a_training_row_is_not_told_its_own_answer(plugins, world):
    matrix, target, signature = world
    alone = np.arange(len(target)) % 4 == 0
    matrix[:, 2] = np.arange(len(target))  # each row a category of its own
    own = Input("region", "category", tuple(str(i) for i in range(len(target))))
    _, made = learned(
        plugins,
        [Transformation("one", "target_encode", ("region",), {"smooth": 0.0})],
        matrix,
        target,
        signature=Signature((*signature.inputs[:2], own)),
        seed=7,
    )
    assert abs(np.corrcoef(made[alone, -1], target[alone])[0, 1]) < 0.5
