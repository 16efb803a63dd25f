"""How good each arm's answers were, once the outcomes are known: a value a row, and two sums a unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Text, and_, cast
from sqlmodel import Session

from headrace import registry
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.experiment.business import Asked, exposed
from headrace.experiment.exposure import PREDICTION, of_experiment, unit_of
from headrace.experiment.observed import Cell
from headrace.hooks import Answers, Metric, resolve
from headrace.journal import reader
from headrace.stats.moments import JointMoments
from headrace.store.tables import Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_OUTCOME = Row.metadata.tables["outcome"]
_Key = tuple[str, int, str | None]


def cells(session: Session, asked: Asked, metric: Metric, by: str | None = None) -> Iterator[Cell]:
    """A metric that is a mean over rows, as a ratio by unit: the sum of its rows' values, and how many rows there are.

    A row counts once the label's delay is over, since what is known sooner may be of another kind; and only where the unit's own arm
    answered it. HeadraceError `metric-not-by-row` of a metric that is no mean over rows, or is none of the model's task.
    """
    import numpy as np

    if metric.each is None:
        raise _no_mean(metric.name, "is no mean over rows, such as a rank is")
    values = resolve(metric.each)
    answers = {version.number: Answers.of(version.manifest) for version in registry.versions(session, asked.row.model)}
    sums: dict[_Key, dict[str, tuple[float, int]]] = defaultdict(dict)
    for version, rows in _by_version(session, asked, by).items():
        said = answers.get(version, Answers())
        if said.task not in metric.of:
            raise _no_mean(metric.name, f"is no metric of the task {said.task}")
        target, given = _arrays(rows, said)
        each = np.asarray(values(target, given), dtype=np.float64)
        if each.shape != target.shape or not np.isfinite(each).all():
            raise _no_mean(metric.name, "has no finite value for each row")
        for (unit, arm, epoch, segment, *_), value in zip(rows, each.tolist(), strict=True):
            group = sums[arm, epoch, segment]
            total, n = group.get(unit, (0.0, 0))
            group[unit] = (total + value, n + 1)
    for (arm, epoch, segment), units in sorted(sums.items(), key=str):
        y, x = zip(*units.values(), strict=True)
        yield Cell(metric=metric.name, arm=arm, epoch=epoch, segment=segment, seen=JointMoments.of(y, [float(n) for n in x]))


def _by_version(session: Session, asked: Asked, by: str | None) -> Mapping[int, list[Any]]:
    """Rows by the version that answered them: unit, arm, epoch, segment, answer, outcome."""
    p, o = PREDICTION.c, _OUTCOME.c
    units = exposed(asked, asked.as_of - asked.as_of, by).subquery()
    u = units.c
    columns = (u.unit, u.arm, u.epoch, u.segment, p.version, p.output, cast(p.answer, Text), o.value, o.label)
    upto: datetime = asked.as_of - asked.declared.delay
    query = reader.paired(columns, asked.row.model, asked.as_of).join(
        units, and_(u.unit == unit_of(asked.declared), u.arm == p.arm)
    ).where(of_experiment(asked.row, asked.declared), p.at <= upto)  # fmt: skip
    found: dict[int, list[Any]] = defaultdict(list)
    for unit, arm, epoch, segment, version, output, answer, value, label in session.connection().execute(query).tuples():
        said = output if answer is None else orjson.loads(answer)
        found[version].append((unit, arm, epoch, segment, said, value if label is None else label))
    return found


def _arrays(rows: Sequence[Any], answers: Answers) -> tuple[Values, Values]:
    """What was true, (n,), and what was answered, (n,) or (n, k); a class that training never saw has a code beyond those that it did."""
    import numpy as np

    if answers.task == "multiclass":
        place = {name: at for at, name in enumerate(answers.classes)}
        target = np.array([place.get(str(row[5]), len(place)) for row in rows], dtype=np.float64)
        return target, np.array([[row[4].get(name, 0.0) for name in answers.classes] for row in rows], dtype=np.float64)
    keys = answers.keys
    said = [[row[4][key] for key in keys] if keys else row[4] for row in rows]
    return np.array([row[5] for row in rows], dtype=np.float64), np.array(said, dtype=np.float64)


def _no_mean(name: str, why: str) -> HeadraceError:
    message = f"an experiment cannot be judged by `{name}`: it {why}"
    return HeadraceError(Diagnostic("metric-not-by-row", message, help="judge by `accuracy`, `brier`, `log_loss` or `mae`"), Exit.FAILED)
