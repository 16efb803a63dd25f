"""LightGBM for one row at a time, by the fast call of its C API that its Python package does not have."""

from __future__ import annotations

import ctypes
import struct
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headrace.hooks import RowPredictor

if TYPE_CHECKING:
    import lightgbm

    from headrace.builtin.algorithms.lightgbm_classifier import Trees
    from headrace.builtin.algorithms.lightgbm_quantile import Fan

_NORMAL, _FLOAT64 = 0, 1
"""C_API_PREDICT_NORMAL and C_API_DTYPE_FLOAT64."""
_ALL = -1
"""Every tree."""


class Row:
    """A booster behind one configuration and one pair of buffers of its own: asked by one thread at a time, and on that thread alone.

    The interpreter's lock is kept meanwhile: a prediction takes some microseconds, and to have the lock back may take milliseconds.
    """

    path = "lightgbm-row"
    exact = True

    def __init__(self, booster: lightgbm.Booster) -> None:
        """RuntimeError where LightGBM does not take it."""
        from lightgbm.basic import _LIB

        library = ctypes.PyDLL(_LIB._name)  # noqa: SLF001 - the file that is loaded already
        self._error: Callable[[], bytes] = library.LGBM_GetLastError
        library.LGBM_GetLastError.restype = ctypes.c_char_p
        width, self._several = booster.num_feature(), booster.num_model_per_iteration()
        self._pack = struct.Struct(f"{width}d").pack_into
        self._in, self._out, self._length = (ctypes.c_double * width)(), (ctypes.c_double * self._several)(), ctypes.c_int64()
        self._config = ctypes.c_void_p()
        best = booster.best_iteration
        self._check(
            library.LGBM_BoosterPredictForMatSingleRowFastInit(
                booster._handle,  # noqa: SLF001 - it is told nowhere else
                ctypes.c_int(_NORMAL),
                ctypes.c_int(0),
                ctypes.c_int(best if best > 0 else _ALL),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(width),
                ctypes.c_char_p(b"num_threads=1"),
                ctypes.byref(self._config),
            )
        )
        self._call = library.LGBM_BoosterPredictForMatSingleRowFast
        self._arguments = (self._config, self._in, ctypes.byref(self._length), self._out)
        # The configuration points at the booster, which must live as long.
        weakref.finalize(self, _free, library, self._config, booster)

    def predict_row(self, values: Sequence[float]) -> float | list[float]:
        """As many numbers as the booster has features to its answer; struct.error for more, fewer or others."""
        number = self.number(values)
        return number if self._several == 1 else self._out[:]

    def number(self, values: Sequence[float]) -> float:
        """The same, the first number of the answer alone."""
        self._pack(self._in, 0, *values)
        if self._call(*self._arguments):
            self._check(-1)
        return self._out[0]

    def _check(self, status: int) -> None:
        if status:
            raise RuntimeError(self._error().decode())


def _free(library: ctypes.PyDLL, config: ctypes.c_void_p, booster: lightgbm.Booster) -> None:  # noqa: ARG001 - it is held until then
    library.LGBM_FastConfigFree(config)


class Rows:
    """A booster for each level of a quantile model."""

    path = "lightgbm-row"
    exact = True

    def __init__(self, levels: Sequence[Row]) -> None:
        self._levels = levels

    def predict_row(self, values: Sequence[float]) -> list[float]:
        """One row to a number for each level, ascending."""
        return sorted(level.number(values) for level in self._levels)


def compile_trees(predictor: Trees) -> RowPredictor:
    """One booster; RuntimeError where LightGBM does not take it."""
    return Row(predictor.booster)


def compile_fan(predictor: Fan) -> RowPredictor:
    """One booster a level."""
    return Rows([Row(level.booster) for level in predictor.levels])
