"""Scikit-learn's models behind one preparation of the inputs: numbers scaled, one column a category; saved by skops, which runs no code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from headrace.hooks import Algorithm, Contributions, Signature, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

TRUSTED = ("numpy.dtype",)
"""What skops may build beside its own list of scikit-learn's types; anything else in a file refuses the file."""


BEYOND = 1e30
"""A number beyond it, on either side, may be more than scikit-learn computes with; one that is counts as this."""


def answered(ask: Callable[[NDArray[np.float64]], Any], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """What scikit-learn answers to (n, k), each row by itself: a number that it cannot compute with is taken for `BEYOND`.

    A request may carry any finite number, and must have an answer.
    """
    import numpy as np

    far = (np.abs(matrix) > BEYOND).any(axis=1)
    if not far.any():
        return np.asarray(ask(matrix), dtype=np.float64)
    found = {at: _far(ask, matrix[[at]]) for at in np.flatnonzero(far)}
    rest = np.asarray(ask(matrix[~far]), dtype=np.float64) if not far.all() else None
    whole = np.empty((len(matrix), *next(iter(found.values())).shape[1:]))
    if rest is not None:
        whole[~far] = rest
    for at, given in found.items():
        whole[at] = given[0]
    return whole


def _far(ask: Callable[[NDArray[np.float64]], Any], row: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            given = np.asarray(ask(row), dtype=np.float64)
    except ValueError:
        given = np.full(1, np.nan)
    return given if np.isfinite(given).all() else np.asarray(ask(np.clip(row, -BEYOND, BEYOND)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained pipeline."""

    pipeline: Pipeline

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to the number that it answers, (n,)."""
        import numpy as np

        return answered(self.pipeline.predict, matrix) if len(matrix) else np.empty(0)

    def contributions(self, matrix: NDArray[np.float64]) -> Contributions:
        """Of a linear model behind our columns in closed form: a coefficient times its column, added up by input; others have none.

        NotImplementedError where there are none. A number counts from its mean in training, a category from nothing.
        """
        import numpy as np

        if "columns" not in self.pipeline.named_steps or not hasattr(self.pipeline[-1], "coef_"):
            raise NotImplementedError("no linear model behind columns of ours")
        columns, model = self.pipeline.named_steps["columns"], self.pipeline[-1]
        given = columns.transform(matrix)
        dense = np.asarray(given.toarray() if hasattr(given, "toarray") else given, dtype=np.float64)
        coefficients, base = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
        found = np.zeros((len(matrix), len(coefficients), matrix.shape[1] + 1))
        found[:, :, -1] = base
        for column, owner in enumerate(_owners(columns)):
            found[:, :, owner] += dense[:, [column]] * coefficients[:, column]
        return Contributions(self._scaled(found), self.scale)

    scale: ClassVar[Literal["identity", "log-odds", "softmax"]] = "identity"

    def _scaled(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        """The contributions to each answer, (n, c, k + 1), of those to each of the model's scores."""
        return found


@dataclass(frozen=True, slots=True)
class Line(Fitted):
    """A trained pipeline that tells a yes from a no."""

    scale = "log-odds"

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to the probability of the positive class, (n,)."""
        import numpy as np

        if not len(matrix):
            return np.empty(0)
        given = answered(self.pipeline.predict_proba, matrix)
        # Of one class alone there is one column: its own.
        return np.asarray(given[:, 1] if given.shape[1] > 1 else np.full(len(matrix), float(self.pipeline.classes_[0])))


@dataclass(frozen=True, slots=True)
class Several(Fitted):
    """A trained pipeline that tells several classes apart."""

    scale = "softmax"

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to a probability for each class, (n, c)."""
        import numpy as np

        if not len(matrix):
            return np.empty((0, len(self.pipeline.classes_)))
        given = answered(self.pipeline.predict_proba, matrix)
        return np.asarray(given / given.sum(axis=1, keepdims=True))

    def _scaled(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        # Of two classes there is one score, that of the second against the first.
        return found if found.shape[1] > 1 else np.concatenate([np.zeros_like(found), found], axis=1)


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


def _owners(columns: ColumnTransformer) -> list[int]:
    """Of each column that `_columns` made the input that it is of, by position."""
    found: list[int] = []
    for name, step, inputs in columns.transformers_:
        if name == "number":
            found += [*inputs, *(inputs[at] for at in step.named_steps["missing"].indicator_.features_)]
        elif name == "category":
            each = zip(inputs, step.named_steps["encode"].categories_, strict=True)
            found += [at for at, categories in each for _ in categories]
    return found


def trained(
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    signature: Signature,
    model: Any,  # noqa: ANN401 - any estimator
    *,
    dense: bool = False,
) -> Pipeline:
    """The model behind its columns, on one thread: it adds in one order, so that the same rows give the same bytes.

    `dense` for one that may not take what is mostly 0 as a sparse matrix.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    columns = ColumnTransformer(_columns(signature), sparse_threshold=0.0 if dense else 0.3)
    pipeline = Pipeline([("columns", columns), ("model", model)])
    with threadpool_limits(limits=1):
        return pipeline.fit(matrix, target)


def _numbered(value: object, order: dict[str, str]) -> object:
    """A skops schema whose ids, addresses in memory otherwise, are numbered by their order."""
    if isinstance(value, dict):
        return {
            key: _numbered(order.setdefault(str(item), str(len(order))) if key == "__id__" else item, order) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_numbered(item, order) for item in value]
    return value


def save(predictor: Fitted) -> bytes:
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


def pipeline(data: bytes, trusted: Sequence[str] = ()) -> Pipeline:
    """The pipeline from its file; skops.io.exceptions.UntrustedTypesFoundException where it holds anything not expected."""
    from skops.io import loads

    return loads(data, trusted=[*TRUSTED, *trusted])


def algorithms(module: str, name: str, compiled: str) -> tuple[Algorithm, ...]:
    """What a module offers that fits and loads one kind of model for each task: a yes or no, several classes, a number.

    `compiled` is its way to answer one row.
    """

    def of(kind: str, task: Task, params: str) -> Algorithm:
        return Algorithm(
            name=f"sklearn.{name}_{kind}",
            task=task,
            params=f"{module}:{params}",
            fit=f"{module}:fit_{kind}",
            save=f"{__name__}:save",
            load=f"{module}:load_{kind}",
            format="skops",
            compile=compiled,
        )

    return (
        of("classifier", "binary", "ClassParams"),
        of("multiclass", "multiclass", "ClassParams"),
        of("regressor", "regression", "Params"),
    )
