"""Why the champion says what it says of one row: what each input adds to its raw score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.hooks import Contributions, Predictor, Signature
from headrace.serving.problem import Refused
from headrace.serving.schema import Row
from headrace.serving.snapshot import Served
from headrace.transforms import Calibrated, Transformed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

METADATA = "/metadata"
"""Where a server tells of its versions and their inputs."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a model sees of one row behind its transforms: its inputs by name, and their values, (1, d)."""

    names: tuple[str, ...]
    matrix: NDArray[np.float64]
    predictor: Predictor
    calibrated: bool = False


def explain(served: Served, row: Row, below: str = "") -> dict[str, Any]:
    """The contributions to one row's raw score, in a worker thread; Refused (501) where the model's algorithm tells none.

    With `base` they sum to `score`. Of several classes, or levels, each has its own.
    """
    values, unseen = served.signature.encode_row(row.inputs)
    with served.lock:
        seen = _seen(served.batch, served.signature, served.signature.matrix([values]))
        given = _given(seen)
    if given is None:
        message = f"v{served.number} is of an algorithm that tells no contributions: trees of LightGBM and linear models do"
        raise Refused(501, "not-explained", message)
    keys = served.answers.keys
    parts = [_part(seen.names, column) for column in given.values[0]]
    told = dict(zip(keys, parts, strict=True)) if keys else parts[0]
    return {
        "version": served.number,
        "arm": "champion",
        "scale": given.scale,
        "calibrated": seen.calibrated,
        **({"answers": told} if keys else told),
        "unseen": [*unseen, *row.unseen],
        "links": {"metadata": below + METADATA},
    }


def _given(seen: _Seen) -> Contributions | None:
    contributions = getattr(seen.predictor, "contributions", None)
    if contributions is None:
        return None
    try:
        told: Contributions = contributions(seen.matrix)
    except NotImplementedError:
        return None
    return told


def _part(names: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, Any]:
    told = values.tolist()
    return {"base": told[-1], "contributions": dict(zip(names, told, strict=False)), "score": float(values.sum())}


def _seen(predictor: Predictor, signature: Signature, matrix: NDArray[Any]) -> _Seen:
    names, calibrated = tuple(item.name for item in signature.inputs), False
    if isinstance(predictor, Calibrated):
        predictor, calibrated = predictor.predictor, True
    if isinstance(predictor, Transformed):
        for step in predictor.links:
            taken = set(step.link.columns)
            names = (*(name for at, name in enumerate(names) if at not in taken), *(item.name for item in step.link.outputs))
        return _Seen(names, predictor.matrix(matrix), predictor.predictor, calibrated)
    return _Seen(names, matrix, predictor, calibrated)
