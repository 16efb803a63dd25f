"""A text as counts of its words, or of its characters in a row, each in the column that a hash of it names: nothing is learned.

scikit-learn's HashingVectorizer: MurmurHash3 with a fixed seed, its sign deciding whether one adds or takes away (Weinberger et al. 2009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from headrace.builtin.transforms.words import Words, cut
from headrace.hooks import Input, Prepared, Transform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(Words):
    """The parameters of `hash_text`."""

    columns: int = Field(default=256, ge=2, le=4096, description="How many inputs one text becomes; different words may share one.")


def fit(values: NDArray[np.object_], target: NDArray[np.float64], *, inputs: Sequence[Input], params: Params, seed: int) -> Prepared:
    """Texts (n, c) to `NAME_0`, `NAME_1` and so on of each."""
    del target, seed
    state = params.model_dump(mode="json")
    outputs = tuple(Input(f"{item.name}_{number}", "number", missing=False) for item in inputs for number in range(params.columns))
    return Prepared(state, outputs, apply(values, state))


def apply(values: NDArray[np.object_], state: Mapping[str, Any]) -> NDArray[np.float64]:
    """(m, c) to (m, c * columns), each text's values of length 1, or all 0 where it has no word."""
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    made = HashingVectorizer(n_features=state["columns"], analyzer=state["by"], ngram_range=tuple(state["ngrams"]))
    if not len(values):
        return np.empty((0, values.shape[1] * state["columns"]))
    return np.hstack([made.transform(cut(values[:, i], state["longest"])).toarray() for i in range(values.shape[1])])


TRANSFORM = Transform(
    name="hash_text",
    of="text",
    fit=f"{__name__}:fit",
    apply=f"{__name__}:apply",
    params=f"{__name__}:Params",
    makes=("{input}_*",),
)
