"""What a drift detector promises: nothing where nothing moved, more where more did, and a p-value that is one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from headrace.hooks import Comparison, Detector
from headrace.testing.fault import Broken, Checks, Unmet, function, registered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

Compare = Callable[..., Any]
_QUIET = 0.05


def check_detector(detector: Detector) -> list[Broken]:
    """What is wrong with a drift detector."""
    if (wrong := registered(detector)) is not None:
        return [wrong]
    try:
        compare = function(detector, "compare")
    except Unmet as error:
        return [Broken("import", str(error))]
    checks = Checks()
    for word, check in _CHECKS.items():
        checks.run(word, lambda check=check: check(compare))  # type: ignore[misc]
    return checks.broken


def _counts(*values: int) -> Counts:
    import numpy as np

    return np.array(values, dtype=np.int64)


def _found(compare: Compare, reference: Counts, current: Counts, on: str) -> Comparison:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = compare(reference, current)
    if not isinstance(given, Comparison):
        raise Unmet(f"on {on} it gives {type(given).__name__}, and not Comparison")
    for part in ("effect", "p_value"):
        if isinstance(getattr(given, part), bool) or not isinstance(getattr(given, part), float | int):
            raise Unmet(f"on {on} its `{part}` is {type(getattr(given, part)).__name__}, and not a number")
    return given


def _nothing_moved(compare: Compare) -> Iterator[str]:
    same = _found(compare, _counts(100, 200, 300), _counts(100, 200, 300), "the same counts")
    scaled = _found(compare, _counts(100, 200, 300), _counts(1000, 2000, 3000), "the same shares of ten times the rows")
    # A detector that smooths its counts is a little off where the sides are of different sizes.
    for found, on, off in ((same, "the same counts", 1e-9), (scaled, "the same shares of ten times the rows", 0.01)):
        if not math.isclose(found.effect, 0, abs_tol=off):
            yield f"on {on} its `effect` is {found.effect:g}, and not 0"
        if not found.p_value > _QUIET:
            yield f"on {on} its `p_value` is {found.p_value:g}, as if they had moved"


def _more_is_more(compare: Compare) -> Iterator[str]:
    reference = _counts(200, 200, 200)
    little, much = (_found(compare, reference, _counts(200 - by, 200, 200 + by), "moved counts") for by in (40, 160))
    if not much.effect > little.effect:
        yield f"what moved four times as far has the `effect` {much.effect:g}, and what moved less {little.effect:g}"
    if not much.p_value <= little.p_value:
        yield f"what moved four times as far has the `p_value` {much.p_value:g}, and what moved less {little.p_value:g}"


def _probability(compare: Compare) -> Iterator[str]:
    for current in (_counts(200, 200, 200), _counts(180, 210, 210), _counts(600, 0, 0), _counts(1, 0, 0)):
        found = _found(compare, _counts(200, 200, 200), current, "counts")
        if not 0 <= found.p_value <= 1:
            yield f"its `p_value` is {found.p_value:g}, and lies between 0 and 1"
            return


def _edges(compare: Compare) -> Iterator[str]:
    import numpy as np

    cases = {
        "no row on one side": (_counts(1, 2, 3), _counts(0, 0, 0)),
        "no row on either side": (_counts(0, 0), _counts(0, 0)),
        "one bin": (_counts(7), _counts(9)),
        "a bin that nobody is in": (_counts(5, 0, 5), _counts(5, 0, 6)),
        "a bin that is new": (_counts(100, 0), _counts(50, 50)),
        "a thousand bins": (np.full(1000, 3, dtype=np.int64), np.arange(1000, dtype=np.int64)),
    }
    for on, (reference, current) in cases.items():
        try:
            found = _found(compare, reference, current, on)
        except Unmet as error:
            yield str(error)
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, NaN was wanted
            yield f"on {on} it raises {type(error).__name__}, and should give NaN where it is not defined: {error}"
            continue
        if reference.sum() and current.sum() and not math.isfinite(found.effect):
            yield f"on {on} its `effect` is {found.effect:g}: a drift that is infinite or none alarms for ever, or never"


def _deterministic(compare: Compare) -> Iterator[str]:
    found = {_found(compare, _counts(100, 200, 300), _counts(120, 190, 290), "counts") for _ in range(3)}
    if len(found) > 1:
        yield "the same counts gave several answers"


def _inputs(compare: Compare) -> Iterator[str]:
    reference, current = _counts(100, 0, 300), _counts(120, 190, 0)
    _found(compare, reference, current, "counts")
    if (reference.tolist(), current.tolist()) != ([100, 0, 300], [120, 190, 0]):
        yield "it changes the counts that it is given"


_CHECKS: dict[str, Callable[[Compare], Iterator[str]]] = {
    "nothing-moved": _nothing_moved,
    "more-is-more": _more_is_more,
    "probability": _probability,
    "edges": _edges,
    "deterministic": _deterministic,
    "inputs-unchanged": _inputs,
}
"""Every check by its word."""
