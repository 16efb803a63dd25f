"""Logistic regression by scikit-learn over scaled numbers and one column a category; saved by skops, which runs no code on loading."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Algorithm, Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

_TRUSTED = ["numpy.dtype"]
"""What skops may build beside its own list of scikit-learn's types; anything else in a file refuses the file."""


class Params(BaseModel):
    """Scikit-learn's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    c: float = Field(default=1.0, gt=0, description="Inverse of the L2 penalty's strength.")
    max_iter: int = Field(default=1000, ge=1, le=100_000, description="Steps of the solver, at most.")


@dataclass(frozen=True, slots=True)
class Line:
    """A trained pipeline."""

    pipeline: Pipeline

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to the probability of the positive class, shape (n,)."""
        import numpy as np

        if not len(matrix):
            return np.empty(0)
        return np.asarray(self.pipeline.predict_proba(matrix)[:, 1], dtype=np.float64)


def _columns(signature: Signature) -> list[tuple[str, Any, list[int]]]:
    """How each kind of column enters: numbers scaled, with a mark where missing; categories one column each, missing being one of them."""
    import numpy as np
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    categories = list(signature.categorical)
    numbers = [i for i in range(len(signature.inputs)) if i not in categories]
    scaled = Pipeline([("missing", SimpleImputer(add_indicator=True, keep_empty_features=True)), ("scale", StandardScaler())])
    codes = [np.arange(-1.0, len(signature.inputs[i].categories)) for i in categories]
    encoded = Pipeline(
        [
            ("missing", SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True)),
            ("encode", OneHotEncoder(categories=codes, handle_unknown="ignore")),
        ]
    )
    return [(name, step, columns) for name, step, columns in (("number", scaled, numbers), ("category", encoded, categories)) if columns]


def fit(matrix: NDArray[np.float64], target: NDArray[np.float64], *, signature: Signature, params: Params, seed: int) -> Line:
    """Train on (n, k) and (n,); the solver draws nothing, so the seed changes nothing."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    model = LogisticRegression(C=params.c, max_iter=params.max_iter, random_state=seed)
    pipeline = Pipeline([("columns", ColumnTransformer(_columns(signature))), ("model", model)])
    # One thread adds in one order: the same rows give the same bytes.
    with threadpool_limits(limits=1):
        return Line(pipeline.fit(matrix, target))


def _numbered(value: object, order: dict[str, str]) -> object:
    """A skops schema whose ids, addresses in memory otherwise, are numbered by their order."""
    if isinstance(value, dict):
        return {
            key: _numbered(order.setdefault(str(item), str(len(order))) if key == "__id__" else item, order) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_numbered(item, order) for item in value]
    return value


def save(predictor: Line) -> bytes:
    """The pipeline as skops writes it, with neither times nor addresses of memory, so that equal models are equal bytes."""
    from skops.io import dumps

    order: dict[str, str] = {}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(dumps(predictor.pipeline))) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as kept:
        schema = _numbered(json.loads(made.read("schema.json")), order)
        files = {name: f"{order[name.removesuffix('.npy')]}.npy" for name in made.namelist() if name.endswith(".npy")}
        text = json.dumps(schema)
        for name, numbered in files.items():
            text = text.replace(f'"{name}"', f'"{numbered}"')
        for name, numbered in sorted(files.items(), key=lambda item: item[1]):
            kept.writestr(zipfile.ZipInfo(numbered), made.read(name))
        kept.writestr(zipfile.ZipInfo("schema.json"), text)
    return out.getvalue()


def load(data: bytes, *, signature: Signature) -> Line:  # noqa: ARG001 - the columns stand in the file
    """The pipeline from its file; skops.io.exceptions.UntrustedTypesFoundException where it holds anything not expected."""
    from skops.io import loads

    return Line(loads(data, trusted=_TRUSTED))


ALGORITHM = Algorithm(
    name="sklearn.logistic_regression",
    task="binary",
    params=f"{__name__}:Params",
    fit=f"{__name__}:fit",
    save=f"{__name__}:save",
    load=f"{__name__}:load",
    format="skops",
)
