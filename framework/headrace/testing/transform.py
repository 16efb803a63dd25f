"""What a transform promises: learned from training rows alone, the same each time, and done to one row as to many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.hooks import Input, Prepared, Transform
from headrace.spec.params import read_params
from headrace.testing.fault import Broken, Checks, Unmet, function, params_are_closed, params_model, settings, tried
from headrace.testing.rows import mixed, texts
from headrace.testing.variants import variants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class _Trial:
    """A transform with what it is tried on."""

    transform: Transform
    params: Any

    def rows(self) -> tuple[NDArray[Any], NDArray[np.float64], tuple[Input, ...]]:
        """Those of the inputs that it takes, in memory of their own."""
        rows = mixed()
        if self.transform.of == "text":
            return texts(len(rows.target)), rows.target.copy(), (Input("said", "text"), Input("title", "text"))
        taken = [i for i, item in enumerate(rows.signature.inputs) if self.transform.of in ("any", item.type)]
        return rows.matrix[:, taken].copy(), rows.target.copy(), tuple(rows.signature.inputs[i] for i in taken)

    def learned(self) -> Prepared:
        values, target, inputs = self.rows()
        given = function(self.transform, "fit")(values, target, inputs=inputs, params=self.params, seed=7)
        if not isinstance(given, Prepared):
            raise Unmet(f"`fit` gives {type(given).__name__}, and not Prepared")
        return given

    def done(self, values: NDArray[Any], state: Any) -> NDArray[np.float64]:  # noqa: ANN401 - JSON
        import numpy as np

        given = function(self.transform, "apply")(values, state)
        if not isinstance(given, np.ndarray):
            raise Unmet(f"`apply` gives {type(given).__name__}, and not an array")
        return given


def check_transform(transform: Transform, params: Mapping[str, Any] | None = None) -> list[Broken]:
    """What is wrong with a transform; `params` are tried where its defaults and the examples of its fields are not all there."""
    return tried(transform, lambda found: _checked(transform, params, found))


def _checked(transform: Transform, params: Mapping[str, Any] | None, checks: Checks) -> None:
    checks.run("params", lambda: params_are_closed(transform))
    trial = _Trial(transform, read_params(params_model(transform), settings(transform, params)))
    for word, check in _CHECKS.items():
        checks.run(word, lambda check=check: check(trial))  # type: ignore[misc]
    for said, other in variants(params_model(transform), settings(transform, params)):
        if said:
            checks.run("parameters", lambda said=said, other=other: _other(_Trial(transform, other), said))  # type: ignore[misc]


def _other(trial: _Trial, said: str) -> Iterator[str]:
    """With other parameters it makes what it says, too."""
    try:
        yield from (f"{broken}{said}" for broken in _shape(trial))
    except Unmet as error:
        yield f"{error}{said}"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        yield f"it raised {type(error).__name__}: {error}{said}"


def _shape(trial: _Trial) -> Iterator[str]:
    import numpy as np

    values, _, _ = trial.rows()
    given = trial.learned()
    wanted = (len(values), len(given.outputs))
    if np.shape(given.values) != wanted:
        yield f"`fit` names {wanted[1]} inputs and makes values of shape {np.shape(given.values)}, and not {wanted}"
    if (shape := trial.done(values, given.state).shape) != wanted:
        yield f"`apply` makes values of shape {shape}, and not {wanted}"
    if np.isinf(given.values).any():
        yield "it makes infinite values"
    for item in given.outputs:
        if item.type not in ("number", "category"):
            yield f"the input `{item.name}` that it makes is a {item.type!r}, and neither a `number` nor a `category`"


def _state(trial: _Trial) -> Iterator[str]:
    import numpy as np

    values, _, _ = trial.rows()
    state = trial.learned().state
    try:
        read = json.loads(json.dumps(dict(state), allow_nan=False))
    except (TypeError, ValueError) as error:
        yield f"its `state` is no JSON: {error}"
        return
    if not np.array_equal(trial.done(values, state), trial.done(values, read), equal_nan=True):
        yield "after a round trip of its `state` through JSON it makes other values"


def _deterministic(trial: _Trial) -> Iterator[str]:
    import numpy as np

    one, other = trial.learned(), trial.learned()
    if json.dumps(dict(one.state), default=str) != json.dumps(dict(other.state), default=str):
        yield "the same rows, parameters and seed gave another `state`"
    if not np.array_equal(one.values, other.values, equal_nan=True):
        yield "the same rows, parameters and seed gave other values"


def _row_by_row(trial: _Trial) -> Iterator[str]:
    import numpy as np

    values, _, _ = trial.rows()
    state = trial.learned().state
    whole = trial.done(values[:40], state)
    single = np.vstack([trial.done(values[[i]], state) for i in range(40)])
    if not np.array_equal(whole, single, equal_nan=True):
        yield "one row by itself is made into other values than among others: a request would not be what training saw"


def _missing(trial: _Trial) -> Iterator[str]:
    import numpy as np

    values, _, _ = trial.rows()
    given = trial.learned()
    nothing = np.full((2, values.shape[1]), "" if trial.transform.of == "text" else np.nan, dtype=values.dtype)
    made = trial.done(nothing, given.state)
    if made.shape != (2, len(given.outputs)) or np.isinf(made).any():
        yield "where all is missing it makes something of another shape, or infinite"


def _inputs(trial: _Trial) -> Iterator[str]:
    import numpy as np

    values, target, inputs = trial.rows()
    kept, answers = values.copy(), target.copy()
    given = function(trial.transform, "fit")(values, target, inputs=inputs, params=trial.params, seed=7)
    function(trial.transform, "apply")(values, given.state)
    same = np.array_equal(kept, values, equal_nan=values.dtype != object)
    if not same or not np.array_equal(answers, target):
        yield "it changes the rows that it is given"


_CHECKS = {
    "shape": _shape,
    "state": _state,
    "deterministic": _deterministic,
    "row-by-row": _row_by_row,
    "missing-values": _missing,
    "inputs-unchanged": _inputs,
}
