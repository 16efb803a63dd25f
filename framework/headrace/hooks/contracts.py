"""What a plugin may add, each a plain value whose implementation is named by a string `module:function`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from math import inf
from typing import Any, Literal


def resolve(reference: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import `module:attribute`; ImportError or AttributeError where it does not exist."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A way to make a model.

    `params` names a pydantic model. `fit(matrix, target, *, signature, params, seed)` returns a Predictor: matrix (n, k)
    float64 with NaN, target (n,) float64 of 0 and 1. `save(predictor)` returns bytes in a format that is safe to read, and
    `load(data, *, signature)` the same Predictor; a loaded model must answer exactly as the one that was saved.
    """

    name: str
    task: Literal["binary"]
    params: str
    fit: str
    save: str
    load: str
    format: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that says how good a model is.

    `needs="probability"`: `compute(target, predictions)`, both (n,).
    `needs="groups"`: `compute(target, predictions, groups)`, groups (n,) of text.
    `needs="latency"`: `compute(seconds)`, the wall time of single-row predictions after warm-up.
    """

    name: str
    compute: str
    better: Literal["higher", "lower"]
    needs: Literal["probability", "groups", "latency"] = "probability"
    range: tuple[float, float] = (-inf, inf)
    """The least and the greatest value that it can have, so that a bound that nothing reaches is found."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A way to tell drift from counts in the same bins: `compare(reference, current)`, int64 (b,) each, to a Comparison."""

    name: str
    compare: str


@dataclass(frozen=True, slots=True)
class ChannelType:
    """A way to deliver: `send(params, message)` returns a receipt as text, or raises; `params` names a pydantic model.

    Params arrive with their references (`env:NAME`) already replaced.
    """

    name: str
    params: str
    send: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read a source: `read(path, columns)`, a local path and the file's column names, to a DataFrame.

    A column that the file lacks is left out of the frame. `names(path)` lists all columns, so that a misspelt one can be named.
    """

    name: str
    suffixes: tuple[str, ...]
    read: str
    names: str | None = None
