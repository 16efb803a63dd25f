"""How a model's answers are corrected to probabilities, where it was calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from headrace.hooks import Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_EDGE = 1e-9
"""How near to 0 and 1 a probability still has a logit that counts."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """From an answer to a probability.

    `isotonic`: straight lines through the points (x, y), constant beyond them (Zadrozny and Elkan 2002). `sigmoid`:
    1/(1+exp(-(a+b·logit))), with x = (a, b) and no y (Platt 1999).
    """

    method: Literal["isotonic", "sigmoid"]
    x: tuple[float, ...]
    y: tuple[float, ...] = ()

    def apply(self, answers: Values) -> Values:
        """Shape (n,) to (n,)."""
        import numpy as np

        if self.method == "isotonic":
            return np.interp(answers, self.x, self.y)
        return np.asarray(1 / (1 + np.exp(-(self.x[0] + self.x[1] * logit(answers)))), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """As it is kept in a model's file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calibration:
        """The inverse of `to_json`; ValueError where it is of another method, or its numbers are not as many as that wants."""
        method, x, y = value["method"], tuple(map(float, value["x"])), tuple(map(float, value["y"]))
        if not (len(x) == len(y) > 0 if method == "isotonic" else method == "sigmoid" and (len(x), len(y)) == (2, 0)):
            message = f"a calibration by {method!r}, of {len(x)} and {len(y)} numbers, is none of ours"
            raise ValueError(message)
        return cls(method, x, y)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A model with its calibration."""

    predictor: Predictor
    calibration: Calibration

    def predict(self, matrix: Values) -> Values:
        """Shape (n, k) to the probability of the positive class, shape (n,)."""
        return self.calibration.apply(self.predictor.predict(matrix))


def logit(answers: Values) -> Values:
    """The log odds, finite at 0 and 1."""
    import numpy as np

    inner = np.clip(answers, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inner) - np.log1p(-inner), dtype=np.float64)
