"""A row is encoded alone, as serving does, to what it is encoded to among others, as training does."""

import math

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from headrace.hooks import Input, Signature

SIGNATURE = Signature((Input("age", "number"), Input("sex", "category", ("1", "2")), Input("income", "number", missing=False)))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.none() | st.floats(-1e9, 1e9),
            "sex": st.none() | st.sampled_from(["1", "2", "3", ""]),
            "income": st.none() | st.floats(-1e9, 1e9),
        }
    ),
    min_size=1,
    max_size=20,
)


@given(ROWS)
def test_one_row_and_many_are_encoded_alike(rows: list[dict[str, object]]) -> None:
    frame = pd.DataFrame(rows, columns=["age", "sex", "income"]).astype({"age": float, "income": float, "sex": object})
    many = SIGNATURE.encode(frame).tolist()
    alone = [SIGNATURE.encode_row(row)[0] for row in rows]
    assert [[str(value) for value in row] for row in alone] == [[str(value) for value in row] for row in many]


@given(ROWS)
def test_what_training_never_saw_is_told(rows: list[dict[str, object]]) -> None:
    for row in rows:
        expected = [
            name for name in ("sex", "income") if (name == "sex" and row[name] in {"3", ""}) or (name == "income" and row[name] is None)
        ]
        assert tuple(expected) == SIGNATURE.encode_row(row)[1]


def test_an_input_that_the_row_does_not_name_is_told() -> None:
    values, unseen = SIGNATURE.encode_row({"age": 3.0, "sex": "1"})
    assert (3.0, 0.0, True, ("income",)) == (values[0], values[1], math.isnan(values[2]), unseen)
