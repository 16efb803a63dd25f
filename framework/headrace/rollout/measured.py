"""What the journal says of both arms, counted like requests: answers that are shifted, that disagree, that turned out bad.

Each metric is a count of rows of one kind, so that the evidence that errors are judged by holds for it, too: exact at every look, by epoch.
What cannot be counted is no count of zero: it is said why, and the metric shows nothing until it can be counted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import Session

from headrace import registry
from headrace.hooks import Answers, Metric, resolve
from headrace.hooks.answers import BINARY, by_class
from headrace.hooks.limit import unended
from headrace.journal import judged
from headrace.journal.judged import Known
from headrace.rollout.canary import Canary, Judge
from headrace.stats.eprocess import Stratum
from headrace.traffic import CANDIDATE, CHAMPION, Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DISAGREEMENT, SHIFT, QUALITY = "prediction_disagreement", "output_shift", "quality"
USUAL, WRONG = "accuracy", 0.5
"""What `quality` is of where nothing is said: a row that is worse than this was answered wrongly."""


class Uncountable(Exception):  # noqa: N818 - a reason, told in the look's evidence
    """Why a metric could not be counted."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Strata by metric, one an epoch; `failed` says of a metric without any why it could not be counted."""

    counts: Mapping[str, Sequence[Stratum]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def measured(session: Session, canary: Canary, epochs: Sequence[Weights], metrics: Mapping[str, Metric], now: datetime) -> Measured:
    """The journal's metrics of a rollout: `epochs` are those of its two versions, oldest first."""
    found: dict[str, Sequence[Stratum]] = {}
    failed: dict[str, str] = {}
    for judge in canary.judge:
        if judge.counted or not epochs:
            continue
        try:
            found[judge.metric] = _strata(session, judge, epochs, metrics, now)
        except Uncountable as why:
            failed[judge.metric] = str(why)
    return Measured(found, failed)


def _strata(session: Session, judge: Judge, epochs: Sequence[Weights], metrics: Mapping[str, Metric], now: datetime) -> list[Stratum]:
    model, numbers, latest = epochs[-1].model, [epoch.epoch for epoch in epochs], epochs[-1]
    candidate = latest.arm(CANDIDATE)
    limit = WRONG if judge.limit is None else judge.limit
    if judge.metric == DISAGREEMENT:
        n, bad = judged.apart(session, model, numbers, arm=CHAMPION, shadow=candidate.version if candidate else 0, limit=limit)
        return [Stratum(1.0, n, bad, 0, 0)]
    if judge.metric == SHIFT:
        rows = {(row.epoch, row.arm): (row.n, row.hits) for row in judged.at_least(session, model, numbers, limit)}
    else:
        asked_by = now - (judge.delay or timedelta())
        known = judged.known(session, model, numbers, asked_by=asked_by, known_by=now)
        of = {version.number: Answers.of(version.manifest) for version in registry.versions(session, model)}
        rows = tally(known, _metric(judge, metrics), limit, of)
    return [
        Stratum(epoch.share, *rows.get((epoch.epoch, CANDIDATE), (0, 0)), *rows.get((epoch.epoch, CHAMPION), (0, 0))) for epoch in epochs
    ]


def _metric(judge: Judge, metrics: Mapping[str, Metric]) -> Metric:
    name = judge.of or USUAL
    metric = metrics.get(name)
    if metric is None:
        raise Uncountable(f"no plugin offers the metric `{name}`")
    if metric.each is None:
        raise Uncountable(f"`{name}` is no mean of rows")
    return metric


def tally(known: Sequence[Known], metric: Metric, limit: float, of: Mapping[int, Answers]) -> dict[tuple[int, str], tuple[int, int]]:
    """Rows with an outcome, and those that are worse than the limit, by epoch and arm; a row that has no value is left out.

    Uncountable where the metric fails, or is not for what the versions answer.
    """
    import numpy as np

    if not known:
        return {}
    worse = _worse(known, metric, limit, of)
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for row, bad in zip(known, worse, strict=True):
        if not np.isnan(bad):
            n, before = found.get((row.epoch, row.arm), (0, 0))
            found[row.epoch, row.arm] = (n + 1, before + int(bad))
    return found


def _worse(known: Sequence[Known], metric: Metric, limit: float, of: Mapping[int, Answers]) -> NDArray[np.float64]:
    """1 for each row that is worse than the limit, 0 for the others, NaN for one without a value, (n,)."""
    import numpy as np

    tasks = {of.get(row.version, BINARY).task for row in known}
    if len(tasks) > 1 or not tasks <= set(metric.of):
        raise Uncountable(f"`{metric.name}` is for {' and '.join(metric.of)}, and the versions answer {' and '.join(sorted(tasks))}")
    if metric.each is None:
        raise Uncountable(f"`{metric.name}` is no mean of rows")
    try:
        if tasks == {"multiclass"}:
            _, outcomes, answers = by_class([(row.answer, row.outcome) for row in known])
        else:
            outcomes, answers = np.array([(row.outcome, row.answer) for row in known], dtype=np.float64).T
        rows = resolve(metric.each)
        values = np.asarray(unended(metric.seconds, lambda: rows(outcomes, answers)), dtype=np.float64)
    except Exception as error:  # noqa: BLE001 - a plugin's metric may raise anything; the look says it
        raise Uncountable(f"`{metric.name}` failed: {type(error).__name__}: {error}") from None
    if values.shape != (len(known),):
        raise Uncountable(f"`{metric.name}` gave shape {values.shape} for {len(known)} rows")
    beyond = values > limit if metric.better == "lower" else values < limit
    return np.where(np.isnan(values), np.nan, beyond)
