"""What a metric promises: one number, the same for the same rows in any order, better where it says, within its range."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from headrace.hooks import Metric
from headrace.testing.fault import Broken, Checks, Unmet, function, registered

if TYPE_CHECKING:
    from numpy.typing import NDArray

Given = tuple["NDArray[Any]", ...]
Compute = Callable[..., Any]
_TOLERANCE = 1e-12


def check_metric(metric: Metric) -> list[Broken]:
    """What is wrong with a metric."""
    if (wrong := registered(metric)) is not None:
        return [wrong]
    try:
        compute = function(metric, "compute")
    except Unmet as error:
        return [Broken("import", str(error))]
    checks = Checks()
    for word, check in _CHECKS.items():
        checks.run(word, lambda check=check: check(metric, compute))  # type: ignore[misc]
    return checks.broken


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


def _ordinary(metric: Metric) -> Given:
    """Rows as they come: predictions that know something, groups that differ."""
    import numpy as np

    rng = np.random.default_rng(7)
    if metric.needs == "latency":
        return (rng.gamma(2.0, 0.001, 400),)
    target = (rng.random(400) < 0.4).astype(float)  # noqa: PLR2004 - a share of positives
    predictions = np.clip(0.25 + 0.4 * target + rng.normal(0, 0.2, 400), 0.001, 0.999)
    groups = np.array(["north", "south", "west"], dtype=object)[rng.integers(0, 3, 400)]
    return (target, predictions) if metric.needs == "probability" else (target, predictions, groups)


def _good_and_bad(metric: Metric) -> tuple[Given, Given]:
    """Rows on which a model is as good as can be, and such on which it is as bad."""
    import numpy as np

    if metric.needs == "latency":
        seconds = np.linspace(0.001, 0.002, 400)
        return (seconds,), (seconds * 50,)
    target = np.tile([0.0, 1.0], 200)
    if metric.needs == "probability":
        return (target, 0.01 + 0.98 * target), (target, 0.99 - 0.98 * target)
    groups = np.repeat(np.array(["north", "south"], dtype=object), 200)
    return (target, 0.01 + 0.98 * target, groups), (target, np.where(groups == "north", 0.99, 0.01), groups)


def _gives_a_number(metric: Metric, compute: Compute) -> Iterator[str]:
    value = _value(compute, _ordinary(metric), "ordinary rows")
    if math.isnan(value):
        yield "on ordinary rows it gives NaN"


def _deterministic(metric: Metric, compute: Compute) -> Iterator[str]:
    given = _ordinary(metric)
    values = {_value(compute, given, "ordinary rows") for _ in range(3)}
    if len(values) > 1:
        yield f"the same rows gave {', '.join(f'{value:g}' for value in sorted(values))}"


def _order(metric: Metric, compute: Compute) -> Iterator[str]:
    import numpy as np

    given, rng = _ordinary(metric), np.random.default_rng(3)
    cases = {"the same rows": given}
    if metric.needs != "latency":
        cases["the same rows with equal predictions among them"] = (given[0], given[1].round(1), *given[2:])
        cases["the same rows with predictions that are all equal"] = (given[0], np.full_like(given[1], 0.5), *given[2:])
    for on, rows in cases.items():
        one = _value(compute, rows, on)
        for order in (rng.permutation(len(given[0])) for _ in range(3)):
            other = _value(compute, tuple(part[order] for part in rows), on)
            if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) and not (math.isnan(one) and math.isnan(other)):
                yield f"{on} in another order gave {other:g} instead of {one:g}"
                return


def _direction(metric: Metric, compute: Compute) -> Iterator[str]:
    good, bad = (_value(compute, given, "rows of a good and a bad model") for given in _good_and_bad(metric))
    if math.isnan(good) or math.isnan(bad):
        yield f"it is not defined for a good or a bad model (it gives {good:g} and {bad:g})"
    elif not (good > bad if metric.better == "higher" else good < bad):
        what = {"probability": "perfect predictions give", "groups": "equal treatment gives", "latency": "fast answers give"}[metric.needs]
        yield f"it says that {metric.better} is better, and yet {what} {good:g} and the opposite {bad:g}"


def _range(metric: Metric, compute: Compute) -> Iterator[str]:
    low, high = metric.range
    for given in (_ordinary(metric), *_good_and_bad(metric)):
        value = _value(compute, given, "rows")
        if value < low - _TOLERANCE or value > high + _TOLERANCE:
            yield f"it gives {value:g}, and its `range` says {low:g} to {high:g}"
            return


def _edges(metric: Metric, compute: Compute) -> Iterator[str]:
    """NaN is an answer, and an exception is none: a report goes on to the next metric."""
    import numpy as np

    given = _ordinary(metric)
    cases: dict[str, Given] = {"no rows": tuple(part[:0] for part in given), "one row": tuple(part[:1] for part in given)}
    if metric.needs != "latency":
        for answer in (0.0, 1.0):
            cases[f"answers that are all {answer:g}"] = (np.full_like(given[0], answer), *given[1:])
        cases["predictions that are all the same"] = (given[0], np.full_like(given[1], 0.5), *given[2:])
    if metric.needs == "groups":
        cases["one group"] = (*given[:2], np.full(len(given[0]), "north", dtype=object))
    for on, rows in cases.items():
        try:
            _value(compute, rows, on)
        except Unmet as error:
            yield str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, NaN was wanted
            yield f"on {on} it raises {type(error).__name__}, and should give NaN where it is not defined: {error}"


def _inputs(metric: Metric, compute: Compute) -> Iterator[str]:
    given = _ordinary(metric)
    mine = tuple(part.copy() for part in given)
    _value(compute, mine, "ordinary rows")
    if any((a != b).any() for a, b in zip(given, mine, strict=True)):
        yield "it changes the rows that it is given"


_CHECKS: dict[str, Callable[[Metric, Compute], Iterator[str]]] = {
    "number": _gives_a_number,
    "deterministic": _deterministic,
    "order-of-rows": _order,
    "direction": _direction,
    "range": _range,
    "edges": _edges,
    "inputs-unchanged": _inputs,
}
"""Every check by its word."""
