"""Steps one after another: what comes to which, what is kept, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from headrace.diagnostics import HeadraceError
from headrace.hooks import Input, Prepared, Signature, Transform
from headrace.transforms import Chain, Transformation, learned, transformed

STEPS = [
    Transformation("filled", "impute", None, {"by": "mean"}),
    Transformation("codes", "one_hot", ("region",)),
    Transformation("sizes", "scale", ("age", "score", "region_north")),
]


class Sum:
    """Answers with the sum of what it is given."""

    def predict(self, matrix):
        return np.nansum(matrix, axis=1)


def test_each_takes_what_the_one_before_has_left(plugins, world):
    matrix, target, signature = world
    chain, made = learned(plugins, STEPS, matrix, target, signature=signature, seed=7)
    names = [item.name for item in chain.signature.inputs]
    assert [
        "age_missing",
        "score_missing",
        "region_east",
        "region_south",
        "region_west",
        "region_other",
        "age",
        "score",
        "region_north",
    ] == names
    assert (300, len(names)) == made.shape


def test_a_request_is_made_into_what_its_training_row_was(plugins, world):
    matrix, target, signature = world
    chain, made = learned(plugins, STEPS, matrix, target, signature=signature, seed=7)
    read = Chain.from_json(json.loads(json.dumps(chain.to_json())))
    again = transformed(plugins, read, Sum())
    assert chain == read
    assert np.array_equal(made, again.matrix(matrix), equal_nan=True)
    assert np.array_equal(made, np.vstack([again.matrix(matrix[[i]]) for i in range(300)]), equal_nan=True)
    assert np.array_equal(np.nansum(made, axis=1), again.predict(matrix))


def test_a_category_never_seen_is_as_a_missing_one(plugins, world):
    matrix, target, signature = world
    chain, _ = learned(plugins, [STEPS[1]], matrix, target, signature=signature, seed=7)
    row, unseen = signature.encode_row({"age": 3.0, "score": 1.0, "region": "centre"})
    assert (("region",), [0, 0, 0, 0, 1]) == (unseen, transformed(plugins, chain, Sum()).matrix(np.array([row]))[0, 2:].tolist())


def test_a_step_for_which_there_is_nothing_leaves_all_as_it_is(plugins, world):
    matrix, target, signature = world
    numbers = Signature(signature.inputs[:2])
    chain, made = learned(plugins, [STEPS[1].__class__("codes", "one_hot")], matrix[:, :2], target, signature=numbers, seed=7)
    assert np.array_equal(matrix[:, :2], made, equal_nan=True)
    assert np.array_equal(matrix[:, :2], transformed(plugins, chain, Sum()).matrix(matrix[:, :2]), equal_nan=True)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Transformation("codes", "onehot"), "unknown-transform.*`onehot`"),
        (Transformation("codes", "one_hot", ("age",)), "unknown-input.*`age` is no category"),
        (Transformation("codes", "one_hot", ("place",)), "unknown-input.*`place`"),
        (Transformation("codes", "one_hot", None, {"min_row": 3}), "bad-params.*`min_row`"),
    ],
)
def test_what_cannot_be_done_is_told(plugins, world, step, said):
    matrix, target, signature = world
    with pytest.raises(HeadraceError, match=f"(?s){said}"):
        learned(plugins, [step], matrix, target, signature=signature, seed=7)


def test_a_step_takes_nothing_that_another_has_taken(plugins, world):
    matrix, target, signature = world
    with pytest.raises(HeadraceError, match="unknown-input"):
        learned(plugins, [STEPS[1], Transformation("again", "one_hot", ("region",))], matrix, target, signature=signature, seed=7)


def broken(values, state):
    del state
    return values


def wide(values, target, *, inputs, params, seed):
    del target, params, seed
    return Prepared({}, tuple(inputs), np.hstack([values, values]))


def endless(values, target, *, inputs, params, seed):
    del target, params, seed
    return Prepared({}, tuple(inputs), values * np.inf)


def raising(values, target, *, inputs, params, seed):
    raise RuntimeError("no")


def unjson(values, target, *, inputs, params, seed):
    del target, params, seed
    return Prepared({"all": values}, tuple(inputs), values)


def twice(values, target, *, inputs, params, seed):
    del target, params, seed
    return Prepared({}, (Input("region", "number"), *inputs[1:]), values)


@pytest.mark.parametrize("name", ["wide", "endless", "raising", "unjson", "twice"])
def test_a_plugin_that_does_not_keep_its_word_is_named(plugins, world, name):
    matrix, target, signature = world
    mine = Transform("mine", "number", f"{__name__}:{name}", f"{__name__}:broken", "headrace.builtin.transforms.scale:Params")
    with pytest.raises(HeadraceError, match="transform-failed") as refused:
        learned(replace(plugins, transforms={"mine": mine}), [Transformation("one", "mine")], matrix, target, signature=signature, seed=7)
    assert "`mine` of step `one`" in str(refused.value)


def test_a_model_whose_transform_is_not_installed_is_not_asked(plugins, world):
    matrix, target, signature = world
    chain, _ = learned(plugins, STEPS, matrix, target, signature=signature, seed=7)
    with pytest.raises(HeadraceError, match=r"unknown-transform.*no plugin offers here"):
        transformed(replace(plugins, transforms={}), chain, Sum())
