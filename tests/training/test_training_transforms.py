"""A model with transforms is trained, kept and asked as one thing."""

import io

import numpy as np
import pandas as pd
import pytest

from headrace import registry
from headrace.training import train
from headrace.transforms import Transformation, unpack

STEPS = (
    Transformation("filled", "impute", None, {"by": "median"}),
    Transformation("codes", "one_hot"),
    Transformation("sizes", "scale", ("age",)),
)
USUAL = {"actor": "user:test", "seed": 7}


@pytest.mark.parametrize("algorithm", ["lightgbm.classifier", "sklearn.logistic_regression"])
def test_a_loaded_model_answers_requests_as_it_answered_in_training(store, plugins, make_rows, algorithm):
    made = train(store, plugins, make_rows(), algorithm=algorithm, params={}, transforms=STEPS, **USUAL)
    with store.read() as session:
        version = registry.get(session, made.model, made.number)
    loaded = registry.load(store, plugins, version)
    held = pd.read_parquet(io.BytesIO(store.blobs.get(version.manifest["reference"])))
    rows = [loaded.signature.encode_row(row)[0] for row in held[["age", "paint"]].to_dict("records")]
    assert np.array_equal(held["prediction"].to_numpy(), loaded.predictor.predict(np.array(rows)))
    assert version.format.startswith("headrace-model+")
    assert ["filled", "codes", "sizes"] == [step["id"] for step in version.manifest["transforms"]]
    assert ["age", "paint"] == [item.name for item in loaded.signature.inputs]


def test_what_they_learned_is_of_the_training_rows_alone(store, plugins, make_rows, people):
    rows = make_rows()
    made = train(store, plugins, rows, algorithm="lightgbm.classifier", params={}, transforms=STEPS[:1], **USUAL)
    with store.read() as session:
        version = registry.get(session, made.model, made.number)
    chain = unpack(store.blobs.get(version.model_digest)).chain
    frame = pd.read_parquet(io.BytesIO(store.blobs.get(rows.digest)))
    assert [frame.loc[frame["side"] == "train", "age"].median()] == chain.links[0].state["fills"]
    assert people["age"].median() != chain.links[0].state["fills"][0]


def test_another_transform_is_another_training(store, plugins, make_rows):
    digests = set()
    for number, steps in enumerate(((), STEPS[:1], (Transformation("filled", "impute", None, {"by": "mean"}),))):
        made = train(store, plugins, make_rows(f"r{number}"), algorithm="lightgbm.classifier", params={}, transforms=steps, **USUAL)
        with store.read() as session:
            digests.add(registry.get(session, made.model, made.number).manifest["digests"]["spec"])
    assert 3 == len(digests)
