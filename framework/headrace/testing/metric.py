"""What a metric promises: one number, the same for the same rows in any order, better where it says, within its range."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace.hooks import Metric, Task
from headrace.testing.fault import Broken, Checks, Unmet, function, registered

if TYPE_CHECKING:
    from numpy.typing import NDArray

Given = tuple["NDArray[Any]", ...]
Compute = Callable[..., Any]
_TOLERANCE = 1e-12
_LEVELS = (0.25, 0.5, 0.75)


def check_metric(metric: Metric) -> list[Broken]:
    """What is wrong with a metric, for each task that it is for."""
    if (wrong := registered(metric)) is not None:
        return [wrong]
    try:
        compute = function(metric, "compute")
    except Unmet as error:
        return [Broken("import", str(error))]
    checks = Checks()
    for task in metric.of if metric.needs != "latency" else metric.of[:1]:
        given = _Given(metric, task)
        for word, check in _CHECKS.items():
            checks.run(word, lambda check=check, given=given: check(given, given.named(compute)))  # type: ignore[misc]
    return checks.broken


@dataclass(frozen=True)
class _Given:
    """A metric, and rows of one of its tasks."""

    metric: Metric
    task: Task

    def named(self, compute: Compute) -> Compute:
        """The function with what the task adds by name."""
        if self.metric.needs == "quantiles":
            return partial(compute, quantiles=_LEVELS)
        if self.task == "multiclass" and self.metric.averages:
            return partial(compute, average="macro")
        return compute

    @property
    def same(self) -> NDArray[Any]:
        """One answer, as it would stand in every row."""
        import numpy as np

        if self.metric.needs == "quantiles":
            return np.array([0.25, 0.5, 0.75])
        return np.array([0.5, 0.3, 0.2]) if self.task == "multiclass" else np.array(0.5)

    def ordinary(self) -> Given:  # noqa: PLR0911 - one for each need
        """Rows as they come: predictions that know something, groups that differ."""
        import numpy as np

        rng = np.random.default_rng(7)
        if self.metric.needs == "latency":
            return (rng.gamma(2.0, 0.001, 400),)
        if self.metric.needs == "noise":
            before = rng.dirichlet((1.0, 1.0, 1.0), 400) if self.task == "multiclass" else rng.random(400)
            return before, np.clip(before + rng.normal(0, 0.1, before.shape), 0, 1)
        if self.metric.needs == "ranking":
            target = rng.integers(0, 4, 400).astype(float)
            return target, target + rng.normal(0, 2.0, 400)
        if self.metric.needs == "number":
            target = rng.gamma(2.0, 10.0, 400)
            return target, target * rng.normal(1.05, 0.2, 400)
        if self.metric.needs == "quantiles":
            target = rng.normal(0.0, 1.0, 400)
            return target, np.sort(0.5 * target[:, None] + np.array([-1.0, 0.1, 1.2]) + rng.normal(0, 0.1, (400, 3)), axis=1)
        if self.task == "multiclass":
            target = rng.integers(0, 3, 400).astype(float)
            given = rng.gamma(1.0, 1.0, (400, 3)) + 1.5 * (target[:, None] == np.arange(3))
            return target, given / given.sum(axis=1, keepdims=True)
        target = (rng.random(400) < 0.4).astype(float)  # noqa: PLR2004 - a share of positives
        predictions = np.clip(0.25 + 0.4 * target + rng.normal(0, 0.2, 400), 0.001, 0.999)
        groups = np.array(["north", "south", "west"], dtype=object)[rng.integers(0, 3, 400)]
        return (target, predictions, groups) if self.metric.needs == "groups" else (target, predictions)

    def good_and_bad(self) -> tuple[Given, Given]:  # noqa: PLR0911 - one for each need
        """Rows on which a model is as good as can be, and such on which it is as bad; of quantiles, such as differ in what is measured."""
        import numpy as np

        if self.metric.needs == "noise":
            (before, _) = self.ordinary()
            return (before, before), (before, 1 - before)
        if self.metric.needs == "latency":
            seconds = np.linspace(0.001, 0.002, 400)
            return (seconds,), (seconds * 50,)
        if self.metric.needs == "ranking":
            target = np.repeat([0.0, 1.0, 2.0, 0.0], 100)
            return (target, target), (target, -target)
        if self.metric.needs == "number":
            target = np.linspace(1.0, 9.0, 400)
            return (target, target), (target, 20.0 - 3.0 * target)
        if self.metric.needs == "quantiles":
            target = np.linspace(0.0, 1.0, 400)
            known = np.quantile(target, _LEVELS)
            return (target, np.tile(known, (400, 1))), (target, np.tile(known + 2.0, (400, 1)) * np.array([1.0, 2.0, 3.0]))
        if self.task == "multiclass":
            target = np.tile([0.0, 1.0, 2.0], 134)
            true = target[:, None] == np.arange(3)
            return (target, np.where(true, 0.98, 0.01)), (target, np.where(true, 0.01, 0.495) + [0.01, 0.0, -0.01] * (~true))
        return self._good_and_bad_of_two()

    def _good_and_bad_of_two(self) -> tuple[Given, Given]:
        """Those of a yes or no."""
        import numpy as np

        target = np.tile([0.0, 1.0], 200)
        if self.metric.needs == "probability":
            return (target, 0.01 + 0.98 * target), (target, 0.99 - 0.98 * target)
        groups = np.repeat(np.array(["north", "south"], dtype=object), 200)
        return (target, 0.01 + 0.98 * target, groups), (target, np.where(groups == "north", 0.99, 0.01), groups)


def _value(compute: Compute, given: Given, on: str) -> float:
    """The number; Unmet where it is none."""
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = compute(*given)
    if isinstance(value, bool | np.bool_) or not isinstance(value, float | int | np.floating | np.integer):
        shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
        raise Unmet(f"on {on} it gives {type(value).__name__}{shape}, and not a number")
    return float(value)


def _gives_a_number(of: _Given, compute: Compute) -> Iterator[str]:
    value = _value(compute, of.ordinary(), "ordinary rows")
    if math.isnan(value):
        yield "on ordinary rows it gives NaN"


def _deterministic(of: _Given, compute: Compute) -> Iterator[str]:
    given = of.ordinary()
    values = {_value(compute, given, "ordinary rows") for _ in range(3)}
    if len(values) > 1:
        yield f"the same rows gave {', '.join(f'{value:g}' for value in sorted(values))}"


def _order(of: _Given, compute: Compute) -> Iterator[str]:
    import numpy as np

    given, rng = of.ordinary(), np.random.default_rng(3)
    cases = {"the same rows": given}
    if of.metric.needs != "latency":
        cases["the same rows with equal predictions among them"] = (given[0], given[1].round(1), *given[2:])
        cases["the same rows with predictions that are all equal"] = (given[0], np.broadcast_to(of.same, given[1].shape).copy(), *given[2:])
    for on, rows in cases.items():
        one = _value(compute, rows, on)
        for order in (rng.permutation(len(given[0])) for _ in range(3)):
            other = _value(compute, tuple(part[order] for part in rows), on)
            if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) and not (math.isnan(one) and math.isnan(other)):
                yield f"{on} in another order gave {other:g} instead of {one:g}"
                return


def _direction(of: _Given, compute: Compute) -> Iterator[str]:
    if of.metric.partial:
        return
    good, bad = (_value(compute, given, "rows of a good and a bad model") for given in of.good_and_bad())
    if math.isnan(good) or math.isnan(bad):
        yield f"it is not defined for a good or a bad model (it gives {good:g} and {bad:g})"
    elif not (good > bad if of.metric.better == "higher" else good < bad):
        what = {"groups": "equal treatment gives", "latency": "fast answers give"}.get(of.metric.needs, "perfect predictions give")
        yield f"it says that {of.metric.better} is better, and yet {what} {good:g} and the opposite {bad:g}"


def _range(of: _Given, compute: Compute) -> Iterator[str]:
    low, high = of.metric.range
    for given in (of.ordinary(), *of.good_and_bad()):
        value = _value(compute, given, "rows")
        if value < low - _TOLERANCE or value > high + _TOLERANCE:
            yield f"it gives {value:g}, and its `range` says {low:g} to {high:g}"
            return


def _edges(of: _Given, compute: Compute) -> Iterator[str]:
    """NaN is an answer, and an exception is none: a report goes on to the next metric."""
    import numpy as np

    given = of.ordinary()
    cases: dict[str, Given] = {"no rows": tuple(part[:0] for part in given), "one row": tuple(part[:1] for part in given)}
    if of.metric.needs != "latency":
        for answer in (0.0, 1.0):
            cases[f"answers that are all {answer:g}"] = (np.full_like(given[0], answer), *given[1:])
        cases["predictions that are all the same"] = (given[0], np.broadcast_to(of.same, given[1].shape).copy(), *given[2:])
    if of.metric.needs == "groups":
        cases["one group"] = (*given[:2], np.full(len(given[0]), "north", dtype=object))
    for on, rows in cases.items():
        try:
            _value(compute, rows, on)
        except Unmet as error:
            yield str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, NaN was wanted
            yield f"on {on} it raises {type(error).__name__}, and should give NaN where it is not defined: {error}"


def _inputs(of: _Given, compute: Compute) -> Iterator[str]:
    given = of.ordinary()
    mine = tuple(part.copy() for part in given)
    _value(compute, mine, "ordinary rows")
    if any((a != b).any() for a, b in zip(given, mine, strict=True)):
        yield "it changes the rows that it is given"


def _each(of: _Given, compute: Compute) -> Iterator[str]:
    """Of a metric that says its rows, each row's value depends on that row alone, and their mean is its value."""
    import numpy as np

    if of.metric.each is None:
        return
    given = of.ordinary()
    values = np.asarray(function(of.metric, "each")(*given))
    if values.shape != (len(given[0]),):
        yield f"`each` gives shape {values.shape} for {len(given[0])} rows"
        return
    whole = _value(compute, given, "ordinary rows")
    if not math.isclose(float(values.mean()), whole, rel_tol=1e-9, abs_tol=1e-9):
        yield f"the mean of `each` is {values.mean():g}, and its value {whole:g}"
    alone = np.asarray(function(of.metric, "each")(*(part[:7] for part in given)))
    if alone.shape != (7,) or not np.allclose(alone, values[:7]):
        yield "a row's value depends on the other rows"


_CHECKS: dict[str, Callable[[_Given, Compute], Iterator[str]]] = {
    "number": _gives_a_number,
    "deterministic": _deterministic,
    "order-of-rows": _order,
    "direction": _direction,
    "range": _range,
    "edges": _edges,
    "inputs-unchanged": _inputs,
    "each": _each,
}
"""Every check by its word."""
