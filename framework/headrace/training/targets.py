"""Whether a task can be learned from the answers that there are: said before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Task
from headrace.stats.category import category_texts
from headrace.training.grouped import numbered
from headrace.training.values import Material

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Column = pd.Series[Any]
    Group = NDArray[np.int64]

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


def grouped(rows: Material, task: Task, training: pd.DataFrame, held: pd.DataFrame) -> tuple[Group | None, Group | None]:
    """The number of each row's group on both sides; None where the task is no ranking.

    HeadraceError: `no-group` where a ranking's rows name none, `constant-target` where no group has one row that is better than another.
    """
    if task != "ranking":
        return None, None
    if rows.group is None:
        message = f"model/{rows.model}: its rows name no group, and a ranking orders the rows of each among each other"
        raise HeadraceError(Diagnostic("no-group", message, help="write `group` in `features`, and compile"), Exit.INVALID)
    known = training.groupby(rows.group)[rows.target].nunique()
    if not (known > 1).any():
        message = f"model/{rows.model}: in each of {len(known):,} groups by `{rows.group}` all rows have one `{rows.target}`"
        raise HeadraceError(Diagnostic("constant-target", f"{message}: there is no order to learn"))
    return numbered(training[rows.group]), numbered(held[rows.group])


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
