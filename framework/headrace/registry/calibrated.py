"""A model whose answers are corrected to probabilities: its bytes within a header of ours, and how the correction answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from headrace.hooks import Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_MAGIC = b"headrace-model\n"
_VERSION = 1
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


def wrap(model: bytes, calibration: Calibration) -> bytes:
    """The model's own bytes after a line of JSON; reading them runs no code."""
    header = {"version": _VERSION, "calibration": asdict(calibration)}
    return _MAGIC + json.dumps(header, allow_nan=False, separators=(",", ":"), sort_keys=True).encode() + b"\n" + model


def unwrap(data: bytes) -> tuple[bytes, Calibration | None]:
    """The model's own bytes and its calibration, None where it has none; ValueError where the header is not one of ours."""
    if not data.startswith(_MAGIC):
        return data, None
    line, _, model = data[len(_MAGIC) :].partition(b"\n")
    header = json.loads(line)
    if header.get("version") != _VERSION:
        raise ValueError(f"a model of a later version of Headrace: {header.get('version')!r}")
    said = header["calibration"]
    return model, Calibration(said["method"], tuple(said["x"]), tuple(said["y"]))
