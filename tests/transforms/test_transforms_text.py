"""Texts among a model's inputs: which numbers are made of them, the same for a request as for its training row."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from headrace.builtin.transforms.naming import named
from headrace.diagnostics import HeadraceError
from headrace.hooks import Input, Signature
from headrace.testing.rows import texts
from headrace.transforms import Chain, Transformation, learned, transformed

SIGNATURE = Signature(
    (Input("said", "text"), Input("age", "number"), Input("title", "text"), Input("region", "category", ("east", "west")))
)


class Same:
    """Answers with what it is given."""

    def predict(self, matrix):
        return matrix


@pytest.fixture
def frame():
    rng, said = np.random.default_rng(1), texts(200)
    region = np.where(rng.random(200) < 0.5, "east", "west")
    made = pd.DataFrame({"said": said[:, 0], "age": rng.normal(40, 10, 200), "title": said[:, 1], "region": region})
    made.loc[3, ["said", "age", "region"]] = None
    return made


def made_of(plugins, frame, *steps, signature=SIGNATURE):
    rows = signature.encode(frame)
    return learned(plugins, steps, rows, np.zeros(len(rows)), signature=signature, seed=7)


STEPS = (
    Transformation("scores", "tfidf", ("said",), {"ngrams": [1, 2], "max_features": 40}),
    Transformation("hashes", "hash_text", None, {"columns": 32, "by": "char_wb", "ngrams": [2, 3]}),
    Transformation("sizes", "scale", ("age",)),
    Transformation("codes", "one_hot"),
)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 0, 1), (2, 1, 3)])
def test_a_request_is_made_into_what_its_training_row_was(plugins, frame, order):
    chain, made = made_of(plugins, frame, *(STEPS[i] for i in order))
    kept = transformed(plugins, Chain.from_json(json.loads(json.dumps(chain.to_json()))), Same())
    requests = [{name: None if pd.isna(value) else value for name, value in row.items()} for row in frame.to_dict("records")]
    single = np.vstack([kept.predict(SIGNATURE.matrix([SIGNATURE.encode_row(request)[0]])) for request in requests])
    assert (np.float64, (200, len(chain.signature.inputs))) == (made.dtype, made.shape)
    assert np.array_equal(made, single, equal_nan=True)
    assert np.array_equal(made, kept.predict(SIGNATURE.encode(frame)), equal_nan=True)


def test_the_values_are_scikit_learns(plugins, frame):
    said = frame[["said", "title"]].assign(said=frame["said"].str[:20_000])
    signature = Signature((Input("said", "text"), Input("title", "text")))
    _, scores = made_of(plugins, said, Transformation("scores", "tfidf", ("said",), {"min_rows": 3}), STEPS[1], signature=signature)
    tfidf = TfidfVectorizer(max_features=256, min_df=3).fit_transform(said["said"].fillna("")).toarray()
    hashed = HashingVectorizer(n_features=32, analyzer="char_wb", ngram_range=(2, 3)).transform(said["title"]).toarray()
    assert np.allclose(np.hstack([tfidf, hashed]), scores, rtol=1e-12, atol=0)


def test_a_vocabulary_is_of_the_training_rows_and_other_words_are_none(plugins, frame):
    chain, _ = made_of(plugins, frame.assign(title="one two"), *STEPS[:1], Transformation("words", "tfidf", ("title",), {"min_rows": 1}))
    assert [{"words": ["one", "two"], "idf": [1.0, 1.0]}] == chain.links[1].state["learned"]
    row = SIGNATURE.encode_row({"said": "", "age": 1.0, "title": "three four", "region": "east"})[0]
    assert {0.0} == set(transformed(plugins, chain, Same()).predict(SIGNATURE.matrix([row]))[0, -2:])


def test_a_missing_text_is_an_empty_one_and_told_where_training_saw_none():
    whole = Signature((Input("said", "text", missing=False),))
    assert (["", 1.0, "", 0.0], ()) == SIGNATURE.encode_row({"said": None, "age": 1.0, "title": None, "region": "east"})
    assert [([""], ("said",)), ([""], ())] == [whole.encode_row({"said": None}), whole.encode_row({"said": ""})]


def test_of_a_text_beyond_what_a_request_may_carry_the_beginning_counts(plugins, frame):
    long = frame.assign(said="begin " + "x " * 9_997 + "end")
    chain, made = made_of(plugins, long, Transformation("w", "tfidf", ("said",), {"min_rows": 1}), *STEPS[1:])
    assert ["begin"] == chain.links[0].state["learned"][0]["words"]
    assert (200, len(chain.signature.inputs)) == made.shape


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "untransformed-text.*`said`"),
        (STEPS[:1], "untransformed-text.*`title`"),
        ((Transformation("sizes", "scale", ("said",)), *STEPS), "unknown-input.*`said` is no number"),
        ((Transformation("hashes", "hash_text", ("age",)),), "unknown-input.*`age` is no text"),
        ((Transformation("hashes", "hash_text", None, {"ngrams": [3, 2]}),), "bad-params.*the least first"),
        ((Transformation("scores", "tfidf", None, {"min_rows": 200}),), "transform-failed"),
    ],
)
def test_what_cannot_be_done_is_told(plugins, frame, steps, said):
    with pytest.raises(HeadraceError, match=f"(?s){said}"):
        made_of(plugins, frame, *steps)


def test_no_rows_are_no_answers(plugins, frame):
    chain, made = made_of(plugins, frame, *STEPS)
    assert (0, made.shape[1]) == transformed(plugins, chain, Same()).predict(SIGNATURE.encode(frame[:0])).shape


def test_inputs_are_called_by_words_that_differ():
    assert ["x_dont", "x_don_t", "x_value", "x_value_2", "x_don_t_2"] == named("x", ["dont", "don't", "不错", "🙂", "don t"])
