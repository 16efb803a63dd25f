"""The compiled form of a model as it is kept: its algorithm's own, behind the same transforms and the same calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.hooks import Algorithm, Predictor, RowPredictor, Signature, resolve
from headrace.transforms import Calibration, Transformed
from headrace.transforms.calibration import Calibrated


def compiled(algorithm: Algorithm, predictor: Predictor, signature: Signature) -> RowPredictor | None:
    """A model's form for one row; None where its algorithm has none. Whatever the algorithm's `compile` raises."""
    match predictor:
        case Calibrated():
            inner = compiled(algorithm, predictor.predictor, signature)
            return None if inner is None else _Calibrated(inner, predictor.calibration)
        case Transformed():
            inner = _own(algorithm, predictor.predictor)
            return None if inner is None else _Transformed(inner, predictor, signature)
        case _:
            return _own(algorithm, predictor)


def _own(algorithm: Algorithm, predictor: Predictor) -> RowPredictor | None:
    if algorithm.compile is None:
        return None
    found: RowPredictor | None = resolve(algorithm.compile)(predictor)
    return found


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """One number, corrected as arrays of them are."""

    inner: RowPredictor
    calibration: Calibration

    @property
    def path(self) -> str:
        return self.inner.path

    @property
    def exact(self) -> bool:
        return self.inner.exact

    def predict_row(self, values: Sequence[Any]) -> float:
        return float(self.calibration.apply(np.array([self.inner.predict_row(values)]))[0])


@dataclass(frozen=True, slots=True)
class _Transformed:
    """A row that goes through its transforms as a matrix of one."""

    inner: RowPredictor
    model: Transformed
    signature: Signature

    @property
    def path(self) -> str:
        return self.inner.path

    @property
    def exact(self) -> bool:
        return self.inner.exact

    def predict_row(self, values: Sequence[Any]) -> float | Sequence[float]:
        return self.inner.predict_row(self.model.matrix(self.signature.matrix((values,)))[0].tolist())
