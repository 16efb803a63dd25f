"""What an algorithm that trains step by step is watched by: its progress is told, it may be stopped, and taken up where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOSS = "validation_loss"
"""The value of a step that says how far the answers to the validation rows are off: lower is better, and early stopping goes by it."""


class EnoughError(Exception):
    """Training has come far enough: `fit` gives the model as it was after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        super().__init__(f"the model after {steps} steps is wanted")


def _silent(step: int, values: Mapping[str, float]) -> None:
    del step, values


def _unkept(step: int, model: bytes) -> None:
    del step, model


@dataclass(frozen=True, slots=True)
class Watch:
    """How a training is watched; an algorithm with `watched=True` is given one as the keyword `watch` of `fit`, or None.

    `validation` is a matrix (m, k) and its answers (m,), of rows that the model must not be trained on; None where there are none.
    `step(number, values)` is called after each step, from 1 on, with the values known of it, `validation_loss` where there are validation
    rows. It may raise: after `EnoughError` fit gives the model of that many steps, anything else ends the training.
    `checkpoint(number, model)` is called after every `every` steps with bytes from which `resume` takes up the training: the model that
    comes of it is the one that an uninterrupted training gives. An algorithm that cannot promise this never calls it, and one whose steps
    take long may call it more often.
    `within(number, values)` may be called in the midst of a step, with a running number of what steps are made of, such as batches: it is
    told as progress, and nothing is judged by it.
    """

    validation: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    step: Callable[[int, Mapping[str, float]], None] = _silent
    checkpoint: Callable[[int, bytes], None] = _unkept
    resume: bytes | None = None
    every: int = 50
    group: NDArray[np.int64] | None = None
    """Of a ranking: how many validation rows each group has, (h,), groups following one another."""
    within: Callable[[int, Mapping[str, float]], None] = _silent
