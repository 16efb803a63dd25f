"""Two runs on the held-out rows that both answered: which these are by their keys, and the test of each metric on them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import HeadraceError
from headrace.digest import digest
from headrace.hooks import Answers
from headrace.stats import paired
from headrace.stats.category import category_texts
from headrace.stats.untestable import UntestableError
from headrace.store import Store
from headrace.tracking.found import Found

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

REFERENCE = "reference"
"""The artifact with the held-out rows, their answers and predictions."""
HOLDOUT = "holdout"
"""The digest of the held-out rows and their answers, without predictions."""
PREDICTION = "prediction"
FEWEST = 50
"""Below so many shared rows, or entities where one has several, nothing is tested."""
ALPHA = 0.05
_SEED = 7
_HALF = 0.5
_ALIKE = 1e-9
Metric = Callable[["NDArray[np.float64]", "NDArray[np.float64]"], float]


def holdout_digest(reference: bytes) -> str:
    """The digest of held-out rows: who, when, and the answer; neither inputs nor predictions, so that models of other inputs compare.

    `reference` is Parquet with the columns entity, time, inputs, answer and `prediction`, in this order.
    """
    import pandas as pd

    frame = pd.read_parquet(io.BytesIO(reference))
    return digest(frame[[*frame.columns[:2], _target(frame)]].to_csv(index=False).encode())


@dataclass(frozen=True, slots=True)
class Shared:
    """The rows that two runs were tested on, and how many of each one's were not among them."""

    first: str
    second: str
    n: int
    entities: int
    only_first: int = 0
    only_second: int = 0
    contradicted: int = 0
    """Rows of both that have another answer in each."""
    repeated: int = 0
    """Rows whose entity and time occur more than once in a run, so that nothing tells which is which."""

    @property
    def left_out(self) -> str:
        """What was left out, in words; empty where both have the same rows."""
        parts = (
            (self.only_first, "only the first has"),
            (self.only_second, "only the second has"),
            (self.contradicted, "have another answer in each"),
            (self.repeated, "have a key that occurs more than once"),
        )
        return ", ".join(f"{count:,} {words}" for count, words in parts if count)


@dataclass(frozen=True, slots=True)
class Paired:
    """What two runs differ by in one metric on the rows that both answered: the second less the first."""

    metric: str
    first: str
    second: str
    tested: paired.Tested
    n: int
    p_adjusted: float = math.nan
    """p among all tests of one comparison."""

    @property
    def says(self) -> str:
        """Which one is higher, where so large a difference would be unlikely without one."""
        if not self.p_adjusted <= ALPHA:
            return "undecided"
        return "higher" if self.tested.estimate > 0 else "lower"


@dataclass(frozen=True, slots=True)
class Untested:
    """Why two runs were not tested; `metric` where it is this one alone."""

    first: str
    second: str
    why: str
    metric: str | None = None


@dataclass(frozen=True)
class _Rows:
    """The shared rows of a pair: what is true, (n,), both predictions, (n,) or (n, c); their entities where one has several rows."""

    shared: Shared
    target: Values
    first: Values
    second: Values
    groups: NDArray[np.int64] | None
    labels: bool
    """Whether the numbers stand for labels, by their position."""


def tested(store: Store, first: Found, second: Found, metrics: Mapping[str, Metric]) -> Iterator[Paired | Shared | Untested]:
    """The first run against the second by each metric on the held-out rows that both answered, which come before it.

    `accuracy` is tested by McNemar's test and `roc_auc` by DeLong's, where these names mean what they usually do and no entity has several
    rows; anything else by a bootstrap, which then draws whole entities.
    """
    rows = _rows(store, first, second)
    if isinstance(rows, str):
        yield Untested(first.id, second.id, rows)
        return
    yield rows.shared
    for name, metric in sorted(metrics.items()):
        try:
            yield Paired(name, first.id, second.id, _test(name, metric, rows), rows.shared.n)
        except UntestableError as error:
            yield Untested(first.id, second.id, str(error), name)
        except Exception as error:  # noqa: BLE001 - a plugin's metric may raise anything, and the others are tested all the same
            yield Untested(first.id, second.id, f"{type(error).__name__}: {error}", name)


def _test(name: str, metric: Metric, rows: _Rows) -> paired.Tested:
    alone = rows.groups is None
    if rows.labels:
        if name != "accuracy":
            raise UntestableError("of one of them only the answered class is known, or they know other classes")
        if alone:
            return paired.mcnemar(rows.first == rows.target, rows.second == rows.target)
        metric = _right
    if alone and name == "accuracy":
        found = paired.mcnemar(*(_said(given) == rows.target for given in (rows.first, rows.second)))
        if _means(metric, rows, found):
            return found
    if alone and name == "roc_auc" and rows.first.ndim == 1:
        found = paired.delong(rows.target, rows.first, rows.second)
        if _means(metric, rows, found):
            return found
    return paired.by_bootstrap(metric, rows.target, (rows.first, rows.second), seed=_SEED, groups=rows.groups)


def _said(predictions: Values) -> NDArray[Any]:
    """The answers by position: of several probabilities the greatest, of one whether it says yes."""
    return predictions.argmax(axis=1) if predictions.ndim > 1 else predictions >= _HALF


def _right(target: Values, predictions: Values) -> float:
    return float((target == predictions).mean())


def _means(metric: Metric, rows: _Rows, found: paired.Tested) -> bool:
    """Whether a metric of this name is what the test is about: a plugin may have put another in its place."""
    return abs(float(metric(rows.target, rows.second) - metric(rows.target, rows.first)) - found.estimate) <= _ALIKE


def _rows(store: Store, first: Found, second: Found) -> _Rows | str:
    """The rows of both; a text is why there are none."""
    held = [run.digests.get(HOLDOUT) for run in (first, second)]
    if None in held:
        return "no held-out predictions were kept of " + ("both" if held == [None, None] else "one of them")
    try:
        one, two = (_reference(store, run) for run in (first, second))
    except HeadraceError as error:
        return next(iter(error.report)).message
    keys, target = [str(name) for name in one.columns[:2]], _target(one)
    shared = Shared(first.id, second.id, len(one), 0)
    if held[0] != held[1]:
        matched = _matched(one, two, keys, target, shared)
        if isinstance(matched, str):
            return matched
        one, two, shared = matched
    codes, names = one[keys[0]].factorize(use_na_sentinel=False)
    entities = len(names)
    shared = replace(shared, n=len(one), entities=entities)
    if entities < FEWEST:
        what = f"{len(one):,} held-out rows" + (f" of {entities:,} entities" if entities < len(one) else "")
        return f"they share {what}, and {FEWEST} are needed" + (f"; {shared.left_out}" if shared.left_out else "")
    answers = _numbers(one, two, target)
    if isinstance(answers, str):
        return answers
    (truth, of_first, of_second), labels = answers
    return _Rows(shared, truth, of_first, of_second, codes if entities < len(one) else None, labels)


def _matched(
    one: pd.DataFrame, two: pd.DataFrame, keys: list[str], target: str, shared: Shared
) -> tuple[pd.DataFrame, pd.DataFrame, Shared] | str:
    """The rows of both whose key and answer are the same, in one order; a text is why nobody can say which are the same."""
    if (theirs := [str(name) for name in two.columns[:2]]) != keys:
        return f"the rows of one have the keys {', '.join(keys)}, and those of the other {', '.join(theirs)}"
    if (other := _target(two)) != target:
        return f"one answers `{target}`, and the other `{other}`"
    if any(_unnamed(frame, keys) for frame in (one, two)):
        return "they answered other held-out rows, and rows by number alone cannot be matched: log `entity` with the predictions"
    if any(one[key].dtype.kind != two[key].dtype.kind for key in keys):
        return f"they answered other held-out rows, whose keys {', '.join(keys)} are of other types"
    again = [frame.duplicated(keys, keep=False) for frame in (one, two)]
    left, right = (frame[~twice].set_index(keys) for frame, twice in zip((one, two), again, strict=True))
    both = left.index.intersection(right.index, sort=False)
    left, right = left.loc[both], right.loc[both]
    same = category_texts(left[target])[0] == category_texts(right[target])[0]
    only = [len(frame) - int(twice.sum()) - len(both) for frame, twice in zip((one, two), again, strict=True)]
    told = replace(
        shared,
        only_first=only[0],
        only_second=only[1],
        contradicted=int((~same).sum()),
        repeated=int(again[0].sum() + again[1].sum()),
    )
    return left[same].reset_index(), right[same].reset_index(), told


def _unnamed(frame: pd.DataFrame, keys: list[str]) -> bool:
    """Whether a notebook kept rows without saying whose they are: then their entity is their number, and their time nothing."""
    entity, time = (frame[key] for key in keys)
    return bool((time.astype(str) == "0").all() and entity.astype(str).tolist() == [str(number) for number in range(len(frame))])


def _numbers(one: pd.DataFrame, two: pd.DataFrame, target: str) -> tuple[list[Values], bool] | str:
    """What is true and both predictions as numbers, (n,) or of several (n, c); and whether they stand for labels alone."""
    columns = [one[target], one[PREDICTION], two[PREDICTION]]
    texts = [column.dtype.kind not in "biuf" for column in columns]
    if texts[1] != texts[2]:
        return "one answers labels, and the other numbers"
    keys, others = _keys(one), _keys(two)
    if texts[1] and keys and keys == others:
        return [Answers("multiclass", keys).target(columns[0]), *(_each(frame, keys) for frame in (one, two))], False
    if texts[1]:
        told = [category_texts(column)[0] for column in columns]
        return [_codes(labels, sorted({str(label) for column in told for label in column})) for labels in told], True
    if texts[0]:
        return "the answers are texts, and the predictions numbers"
    if keys != others:
        return f"one answers the quantiles {', '.join(keys) or 'none'}, and the other {', '.join(others) or 'none'}"
    truth = columns[0].to_numpy(dtype=float)
    return [truth, *(_each(frame, keys) if keys else frame[PREDICTION].to_numpy(dtype=float) for frame in (one, two))], False


def _keys(frame: pd.DataFrame) -> tuple[str, ...]:
    """What the numbers of one answer are called; empty where it is one, or was kept in short."""
    behind = list(frame.columns)[list(frame.columns).index(PREDICTION) + 1 :]
    return tuple(str(name).removeprefix(f"{PREDICTION}.") for name in behind)


def _each(frame: pd.DataFrame, keys: tuple[str, ...]) -> Values:
    return frame[[f"{PREDICTION}.{key}" for key in keys]].to_numpy(dtype=float)


def _codes(labels: NDArray[Any], classes: list[str]) -> Values:
    import numpy as np

    return np.array([classes.index(str(label)) for label in labels], dtype=np.float64)


def _reference(store: Store, run: Found) -> pd.DataFrame:
    import pandas as pd

    kept = run.artifact(REFERENCE)
    return pd.read_parquet(io.BytesIO(store.blobs.get(kept.digest if kept is not None else "")))


def _target(frame: pd.DataFrame) -> str:
    """The column of the answers: the last one before the predictions."""
    return str(frame.columns[list(frame.columns).index(PREDICTION) - 1])
