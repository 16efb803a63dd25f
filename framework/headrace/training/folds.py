"""How the training side is dealt into folds: by its answers, by groups that stay whole, or by time with a gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_never

from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StratifiedFolds:
    """Each fold has the answers of the whole: the same share of each class, or numbers from all of their range."""

    folds: int


@dataclass(frozen=True, slots=True)
class GroupFolds:
    """Rows of one group are in one fold; `group` is the entity or an input."""

    folds: int
    group: str


@dataclass(frozen=True, slots=True)
class TimeFolds:
    """Each fold is later than all that is trained on for it, with `gap` between."""

    folds: int
    gap: timedelta


Folds = StratifiedFolds | GroupFolds | TimeFolds
"""How rows are dealt."""


def describe(how: Folds) -> dict[str, object]:
    """As a manifest has it; a gap is in seconds."""
    match how:
        case StratifiedFolds(folds):
            return {"by": "stratified", "folds": folds}
        case GroupFolds(folds, group):
            return {"by": "group", "folds": folds, "group": group}
        case TimeFolds(folds, gap):
            return {"by": "time", "folds": folds, "gap": gap.total_seconds()}
        case _:
            assert_never(how)


def described(told: Mapping[str, Any]) -> Folds:
    """The inverse of `describe`."""
    match told["by"]:
        case "stratified":
            return StratifiedFolds(told["folds"])
        case "group":
            return GroupFolds(told["folds"], told["group"])
        case _:
            return TimeFolds(told["folds"], timedelta(seconds=told["gap"]))


def deal(frame: pd.DataFrame, how: Folds, *, target: str, time: str, seed: int) -> list[tuple[Positions, Positions]]:
    """The rows to train on and those to evaluate, fold by fold, as positions in the frame, ascending.

    The same rows and seed are dealt alike. HeadraceError `too-few-rows` where a fold or what is trained on for it would be empty.
    """
    import numpy as np

    match how:
        case StratifiedFolds(folds):
            _enough(len(frame), folds, "rows")
            pairs = _pairs(_stratified(_ranks(frame[target]), folds, seed), folds)
        case GroupFolds(folds, group):
            _known(frame, group)
            pairs = _pairs(_grouped(frame[group], folds, seed), folds)
        case TimeFolds(folds, gap):
            _enough(len(frame), folds + 1, "rows")
            pairs = _forward(frame[time], folds, gap)
        case _:
            assert_never(how)
    for number, (train, rest) in enumerate(pairs, start=1):
        if not len(train) or not len(rest):
            message = f"fold {number} of {how.folds} has no rows to {'train on' if not len(train) else 'evaluate'}"
            by_time = "write fewer `folds`, a smaller `gap`, or `cv: {by: stratified}`"
            raise HeadraceError(Diagnostic("too-few-rows", message, help=by_time if isinstance(how, TimeFolds) else "write fewer `folds`"))
    return [(np.sort(train), np.sort(rest)) for train, rest in pairs]


def _enough(found: int, needed: int, what: str) -> None:
    if found < needed:
        raise HeadraceError(
            Diagnostic(
                "too-few-rows", f"{found:,} {what} of the training side cannot be dealt into {needed} parts", help="write fewer `folds`"
            )
        )


def _known(frame: pd.DataFrame, group: str) -> None:
    if group not in frame.columns:
        raise HeadraceError(
            Diagnostic("missing-column", f"the training rows have no `{group}` to be grouped by", help="name the entity or an input")
        )


def _pairs(fold: Positions, folds: int) -> list[tuple[Positions, Positions]]:
    import numpy as np

    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]


def _ranks(answers: pd.Series) -> NDArray[np.float64]:
    """Answers as numbers in an order of their own: what is text by its place among the classes."""
    import pandas as pd

    numbers = answers if pd.api.types.is_numeric_dtype(answers) else pd.Series(pd.factorize(answers, sort=True)[0])
    return numbers.to_numpy(dtype="float64")


def _stratified(target: NDArray[np.float64], folds: int, seed: int) -> Positions:
    """Each row's fold: rows in the order of their answers are dealt block by block, each block in an order of its own."""
    import numpy as np

    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(target)), target))
    blocks = -(-len(target) // folds)
    dealt = rng.permuted(np.tile(np.arange(folds), (blocks, 1)), axis=1).ravel()[: len(target)]
    fold = np.empty(len(target), dtype=np.int64)
    fold[order] = dealt
    return fold


def _grouped(groups: pd.Series, folds: int, seed: int) -> Positions:
    """Each row's fold: the largest groups first, each to the fold that has the fewest rows."""
    import numpy as np
    import pandas as pd

    codes, _ = pd.factorize(groups, use_na_sentinel=False)
    sizes = np.bincount(codes)
    _enough(len(sizes), folds, f"groups by `{groups.name}`")
    order = np.lexsort((np.random.default_rng(seed).random(len(sizes)), -sizes))
    filled, of_group = np.zeros(folds, dtype=np.int64), np.empty(len(sizes), dtype=np.int64)
    for group in order:
        of_group[group] = fold = int(filled.argmin())
        filled[fold] += sizes[group]
    return of_group[codes]


def _forward(times: pd.Series, folds: int, gap: timedelta) -> list[tuple[Positions, Positions]]:
    """Equal parts in the order of time; each but the first is evaluated by what came before it, without the gap."""
    import numpy as np
    import pandas as pd

    values = pd.to_datetime(times, utc=True).to_numpy()
    starts = np.sort(values)[[len(values) * part // (folds + 1) for part in range(1, folds + 1)]]
    pairs = []
    for number, start in enumerate(starts):
        later = values >= start
        if number + 1 < folds:
            later &= values < starts[number + 1]
        pairs.append((np.flatnonzero(values < start - np.timedelta64(gap)), np.flatnonzero(later)))
    return pairs
