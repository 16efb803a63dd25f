"""Whether a task can be learned from the answers that there are: said before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.hooks import Task
from headrace.stats.category import category_texts

if TYPE_CHECKING:
    import pandas as pd

    Column = pd.Series[Any]

_SHOWN = 5


def classes_of(training: Column) -> tuple[str, ...]:
    """The labels of the training rows, sorted: the order in which every answer has them."""
    return tuple(sorted({text for text in category_texts(training)[0] if text is not None}))


def refuse(model: str, target: str, task: Task, classes: tuple[str, ...], *, training: Column, held: Column) -> None:
    """HeadraceError: `bad-target` (text where a number is predicted), `one-class`, `unseen-class`, `constant-target`, `no-rows`."""
    if not len(training) or not len(held):
        side = "train" if not len(training) else "holdout"
        raise HeadraceError(Diagnostic("no-rows", f"model/{model}: the {side} side has no row"))
    if task == "multiclass":
        _refuse_classes(model, target, classes, training, held)
        return
    if training.dtype.kind not in "fiub":
        first = training.iloc[0]
        raise HeadraceError(
            Diagnostic("bad-target", f"model/{model}: `{target}` is text (`{first}`), and the algorithm predicts a number: task `{task}`")
        )
    if task != "binary" and (training == training.iloc[0]).all():
        message = f"model/{model}: `{target}` is {training.iloc[0]:g} in all {len(training):,} training rows: there is nothing to learn"
        raise HeadraceError(Diagnostic("constant-target", message))


def _refuse_classes(model: str, target: str, classes: tuple[str, ...], training: Column, held: Column) -> None:
    if len(classes) < 2:  # noqa: PLR2004 - one class is no choice
        message = f"model/{model}: `{target}` is `{classes[0]}` in all {len(training):,} training rows; two classes are needed"
        raise HeadraceError(Diagnostic("one-class", message))
    counts: dict[str, int] = {}
    for text in category_texts(held)[0]:
        if text not in classes:
            counts[str(text)] = counts.get(str(text), 0) + 1
    if counts:
        told = ", ".join(f"`{name}` ({n:,})" for name, n in sorted(counts.items())[:_SHOWN])
        message = f"model/{model}: held-out rows have classes that no training row has: {told}"
        raise HeadraceError(Diagnostic("unseen-class", message))
