"""A user's own estimator in one line: a function that builds it, behind the same preparation of the inputs; saved by skops, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.algorithms import sklearn_pipeline as lines
from headrace.hooks import Algorithm, Signature, Task, resolve
from headrace.spec.name import Implementation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    Values = NDArray[np.float64]

_MARK = b"headrace-python 1\n"
"""The first line; then one of JSON that names the types which the file holds beyond those that skops builds unasked, and skops's file."""
_KNOWN = ("sklearn.", "numpy.", "scipy.")
"""Whose types are trusted without a word in the spec."""


class Params(BaseModel):
    """All else is given to the function, by name."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    python: Implementation = Field(
        description="The function that builds the estimator, `package.module:function`; it is given all parameters but these three.",
        examples=["sklearn.naive_bayes:GaussianNB"],
    )
    inputs: Literal["prepared", "plain"] = Field(
        default="prepared",
        description="`prepared`: numbers scaled and filled, one column a category; `plain`: as they come, missing ones and categories' "
        "codes included.",
    )
    trust: tuple[str, ...] = Field(
        default=(),
        description="Types that the model's file may hold beyond those of scikit-learn, numpy and scipy.",
        examples=[["shop.models.Rules"]],
    )


class NumberParams(Params):
    """All else is given to the function, by name."""

    python: Implementation = Field(
        description="The function that builds the estimator, `package.module:function`; it is given all parameters but these three.",
        examples=["sklearn.linear_model:BayesianRidge"],
    )


@dataclass(frozen=True, slots=True)
class Own:
    """A fitted pipeline that answers what its task means, and the types that its file may hold."""

    line: lines.Fitted
    trust: tuple[str, ...] = ()

    def predict(self, matrix: Values) -> Values:
        """Shape (n, k) to (n,), or to (n, c) of several classes."""
        return self.line.predict(matrix)


@dataclass(frozen=True, slots=True)
class Decided(lines.Fitted):
    """A pipeline that tells a yes from a no, or several classes apart, and says nothing of how sure it is: 0 and 1."""

    several: int = 0

    def predict(self, matrix: Values) -> Values:
        """Shape (n, k) to (n,), or to (n, c): 1 for the class that it answers."""
        import numpy as np

        if not len(matrix):
            return np.empty((0, self.several) if self.several else 0)
        given = np.asarray(self.pipeline.predict(matrix), dtype=np.float64)
        return np.eye(self.several)[given.astype(np.int64)] if self.several else given


def _fit(matrix: Values, target: Values, signature: Signature, params: Params, made: Any, task: Task) -> Own:  # noqa: ANN401, PLR0917
    from sklearn.pipeline import Pipeline
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    if params.inputs == "prepared":
        return Own(_line(lines.trained(matrix, target, signature, made, dense=True), task), params.trust)
    with threadpool_limits(limits=1):
        return Own(_line(Pipeline([("model", made)]).fit(matrix, target), task), params.trust)


def _built(params: Params, seed: int) -> Any:  # noqa: ANN401 - any estimator
    """What the function gives, drawing by the seed where it was given none of its own."""
    made = resolve(params.python)(**(params.model_extra or {}))
    if lacking := [name for name in ("fit", "predict") if not callable(getattr(made, name, None))]:
        raise TypeError(f"`{params.python}` gave {type(made).__name__}, which has no `{lacking[0]}`")
    settings = made.get_params(deep=True) if hasattr(made, "get_params") else {}
    open_ = {name: seed for name, value in settings.items() if name.rpartition("__")[2] == "random_state" and value is None}
    return made.set_params(**open_) if open_ else made


def _line(pipeline: Pipeline, task: Task) -> lines.Fitted:
    """The pipeline as what the task means."""
    if task == "regression":
        return lines.Fitted(pipeline)
    if hasattr(pipeline, "predict_proba"):
        return lines.Line(pipeline) if task == "binary" else lines.Several(pipeline)
    return Decided(pipeline, len(pipeline.classes_) if task == "multiclass" else 0)


def fit_classifier(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Own:
    """Train on (n, k) and (n,)."""
    return _fit(matrix, target, signature, params, _built(params, seed), "binary")


def fit_multiclass(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Own:
    """Train on (n, k) and codes (n,), 0 to c - 1."""
    return _fit(matrix, target, signature, params, _built(params, seed), "multiclass")


def fit_regressor(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int) -> Own:
    """Train on (n, k) and (n,)."""
    return _fit(matrix, target, signature, params, _built(params, seed), "regression")


def save(predictor: Own) -> bytes:
    """The file; TypeError where it would hold a type that nobody trusts, so that no version is made which cannot be read."""
    from skops.io import get_untrusted_types

    data = lines.save(predictor.line)
    held = sorted(set(get_untrusted_types(data=data)) - set(lines.TRUSTED))
    if strange := [name for name in held if not name.startswith(_KNOWN) and name not in predictor.trust]:
        raise TypeError(f"its file would hold `{'`, `'.join(strange)}`; if that is as it should be, write `trust: [{', '.join(strange)}]`")
    return _MARK + json.dumps(held).encode() + b"\n" + data


def _load(data: bytes, task: Task) -> Own:
    if not data.startswith(_MARK):
        raise ValueError("it is no model of a function")
    told, _, inside = data[len(_MARK) :].partition(b"\n")
    held = tuple(map(str, json.loads(told)))
    return Own(_line(lines.pipeline(inside, held), task), held)


def load_classifier(data: bytes, *, signature: Signature) -> Own:  # noqa: ARG001 - the columns stand in the file
    """From its file; skops.io.exceptions.UntrustedTypesFoundException or ValueError where it holds anything not expected."""
    return _load(data, "binary")


def load_multiclass(data: bytes, *, signature: Signature) -> Own:  # noqa: ARG001 - the columns stand in the file
    """As `load_classifier`, for several classes."""
    return _load(data, "multiclass")


def load_regressor(data: bytes, *, signature: Signature) -> Own:  # noqa: ARG001 - the columns stand in the file
    """As `load_classifier`, for a number."""
    return _load(data, "regression")


def _algorithm(kind: str, task: Task, params: str = "Params") -> Algorithm:
    return Algorithm(
        name=f"python.{kind}",
        task=task,
        params=f"{__name__}:{params}",
        fit=f"{__name__}:fit_{kind}",
        save=f"{__name__}:save",
        load=f"{__name__}:load_{kind}",
        format="headrace-python+skops",
        python=True,
        compile="headrace.builtin.algorithms.sklearn_closed:compile_own",
    )


ALGORITHM = (
    _algorithm("classifier", "binary"),
    _algorithm("multiclass", "multiclass"),
    _algorithm("regressor", "regression", "NumberParams"),
)
