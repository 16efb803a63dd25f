"""A text as how often each word of a vocabulary stands in it, the more by how few training texts have that word.

scikit-learn's TfidfVectorizer. The vocabulary and its weights are those of the training rows, and are kept with the model as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import Field

from headrace.builtin.transforms.naming import named
from headrace.builtin.transforms.words import Words, cut
from headrace.hooks import Input, Prepared, Transform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.feature_extraction.text import TfidfVectorizer


class Params(Words):
    """The parameters of `tfidf`."""

    max_features: int = Field(default=256, ge=1, le=4096, description="How many words the vocabulary has at most: the most frequent.")
    min_rows: int = Field(default=2, ge=1, description="In how many training texts a word must stand to be in the vocabulary.")


def fit(values: NDArray[np.object_], target: NDArray[np.float64], *, inputs: Sequence[Input], params: Params, seed: int) -> Prepared:
    """Texts (n, c) to `NAME_WORD` for each word of the vocabulary; ValueError where none stands in as many texts as it must."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    del target, seed
    learned, outputs = [], []
    for i, item in enumerate(inputs):
        made = TfidfVectorizer(analyzer=params.by, ngram_range=params.ngrams, max_features=params.max_features, min_df=params.min_rows)
        made.fit(cut(values[:, i], params.longest))
        words = [str(word) for word in made.get_feature_names_out()]
        learned.append({"words": words, "idf": made.idf_.tolist()})
        outputs += [Input(word, "number", missing=False) for word in named(item.name, words)]
    state = {"by": params.by, "ngrams": list(params.ngrams), "longest": params.longest, "learned": learned}
    return Prepared(state, tuple(outputs), apply(values, state))


def apply(values: NDArray[np.object_], state: Mapping[str, Any]) -> NDArray[np.float64]:
    """(m, c) to (m, d), each text's values of length 1, or all 0 where it has no word of the vocabulary."""
    import numpy as np

    parts = []
    for i, learned in enumerate(state["learned"]):
        made = _vectorizer(state["by"], tuple(state["ngrams"]), tuple(learned["words"]), tuple(learned["idf"]))
        parts.append(made.transform(cut(values[:, i], state["longest"])).toarray() if len(values) else np.empty((0, len(learned["words"]))))
    return np.hstack(parts)


@lru_cache(maxsize=64)
def _vectorizer(by: str, ngrams: tuple[int, int], words: tuple[str, ...], idf: tuple[float, ...]) -> TfidfVectorizer:
    """What makes values of texts; to make it anew for each request would take longer than the values do."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    made = TfidfVectorizer(analyzer=by, ngram_range=ngrams, vocabulary=list(words))
    made.idf_ = np.asarray(idf, dtype=np.float64)
    return made


TRANSFORM = Transform(
    name="tfidf",
    of="text",
    fit=f"{__name__}:fit",
    apply=f"{__name__}:apply",
    params=f"{__name__}:Params",
    makes=("{input}_*",),
)
