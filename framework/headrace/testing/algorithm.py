"""What an algorithm promises: the same answers for the same seed, exactly the same after a restart, in a file that runs no code."""

from __future__ import annotations

import io
import pickletools
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Report
from headrace.hooks import Algorithm, Answers, EnoughError, Plugins, Predictor, Watch, load_plugins
from headrace.hooks.answers import BINARY
from headrace.hooks.composed import fitted, loaded
from headrace.spec.params import read_params
from headrace.testing import rows as worlds
from headrace.testing.fault import Broken, Checks, Unmet, examples, function, params_are_closed, params_model, registered
from headrace.testing.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RANKED = 0.6
"""An area under the ROC curve that whoever learned anything of the training rows exceeds."""
_RIGHT = 0.45
"""The share of three classes, all as frequent, that it tells."""
_APART = 1e-12
"""How far a compiled form's answers may be from the model's own, where they are not to be the same bits."""
_TIED = 0.3
"""A correlation with what is true that it exceeds."""


@dataclass(frozen=True)
class _Trial:
    """An algorithm with the functions and parameters to try it with."""

    algorithm: Algorithm
    plugins: Plugins
    save: Callable[[Any], Any]
    params: Any
    watched: bool = False
    answers: Answers = BINARY
    constant: bool = False

    def on(self, rows: Rows, seed: int = 7) -> Predictor:
        return self.watched_on(rows, None, seed)

    def watched_on(self, rows: Rows, watch: Watch | None, seed: int = 7) -> Predictor:
        folds = rows.folds() if self.algorithm.folds else ()
        made = (rows.matrix, rows.target, rows.signature, self.params, seed)
        return fitted(self.plugins, self.algorithm, *made, watch=watch, folds=folds, group=rows.group)

    def load(self, data: bytes, rows: Rows) -> Predictor:
        return loaded(self.plugins, self.algorithm, data, signature=rows.signature)

    def again(self, predictor: Predictor, rows: Rows) -> Predictor:
        return self.load(self.save(predictor), rows)


def check_algorithm(algorithm: Algorithm, params: Mapping[str, Any] | None = None) -> list[Broken]:
    """What is wrong with an algorithm; `params` are tried where its own defaults are too slow, or are not all there."""
    if (wrong := registered(algorithm)) is not None:
        return [wrong]
    checks = Checks()
    if not algorithm.python:  # whose parameters are a function's
        checks.run("params", lambda: params_are_closed(algorithm))
    try:
        function(algorithm, "fit"), function(algorithm, "load")
        settings = read_params(params_model(algorithm), examples(algorithm) if params is None else params)
        trial = _Trial(
            algorithm,
            load_plugins(None, Report()),
            function(algorithm, "save"),
            settings,
            watched=algorithm.watched,
            answers=_answers_of(algorithm, settings),
            constant=algorithm.constant,
        )
    except Unmet as error:
        return [*checks.broken, Broken("import", str(error))]
    except ValueError as error:
        return [*checks.broken, Broken("params", f"they have no usable defaults, so give `params`: {error}")]
    for word, check in _CHECKS.items():
        # Rows of its own for each: one that changes them must not hide it from the next.
        checks.run(word, lambda check=check: check(trial, worlds.of(trial.answers, worlds.mixed())))  # type: ignore[misc]
    return checks.broken


def _answers_of(algorithm: Algorithm, settings: Any) -> Answers:  # noqa: ANN401 - a pydantic model
    """What it is to answer; Unmet where an algorithm of quantiles does not say which."""
    if algorithm.task != "quantile":
        return Answers(algorithm.task, ("blue", "green", "red") if algorithm.task == "multiclass" else ())
    levels = tuple(getattr(settings, "quantiles", ()))
    if not levels or list(levels) != sorted(set(levels)) or not all(0 < level < 1 for level in levels):
        raise Unmet(f"its parameters have the `quantiles` {levels}, and not levels between 0 and 1 that rise")
    return Answers("quantile", quantiles=levels)


def _asked(predictor: Predictor, rows: Rows, on: str) -> NDArray[np.float64]:
    """The answers; Unmet where they are not what the task means."""
    import numpy as np

    given, n = predictor.predict(rows.matrix), len(rows.matrix)
    wanted = rows.answers.shape(n)
    if not isinstance(given, np.ndarray) or given.shape != wanted:
        shape = f"an array of shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
        raise Unmet(f"on {on} `predict` gives {shape}, and not an array of shape {wanted}")
    if not np.isfinite(given).all():
        raise Unmet(f"on {on} `predict` gives {int((~np.isfinite(given)).sum())} answers that are no number")
    if rows.answers.task == "binary" and ((given < 0) | (given > 1)).any():
        raise Unmet(f"on {on} `predict` gives {given.min():g} to {given.max():g}, and a probability lies between 0 and 1")
    if n and (why := rows.answers.fault(given, n)):
        raise Unmet(f"on {on} `predict` {why}")
    return given


def _answers(trial: _Trial, rows: Rows) -> Iterator[str]:
    import numpy as np
    from scipy.stats import rankdata

    given = _asked(trial.on(rows), rows, "the training rows")
    if trial.constant:
        if len(np.unique(given, axis=0)) > 1:
            yield "it says that it is `constant`, and gives different answers"
        return
    match rows.answers.task:
        case "binary":
            positive = rows.target == 1
            ones, others = int(positive.sum()), int((~positive).sum())
            area = (rankdata(given)[positive].sum() - ones * (ones + 1) / 2) / (ones * others)
            if area < _RANKED:
                yield f"it learned nothing: on its own training rows the area under the ROC curve is {area:.2f}"
        case "multiclass":
            right = float((given.argmax(axis=1) == rows.target).mean())
            if right < _RIGHT:
                yield f"it learned nothing: of three classes alike it tells {right:.0%} of its own training rows"
        case _:
            middle = rows.answers.short(given)
            tied = float(np.corrcoef(middle, rows.target)[0, 1]) if middle.std() > 0 else 0.0
            if not tied > _TIED:
                yield f"it learned nothing: on its own training rows its answers correlate with what is true by {tied:.2f}"


def _deterministic(trial: _Trial, rows: Rows) -> Iterator[str]:
    import numpy as np

    kept = np.random.get_state()  # noqa: NPY002 - it is the global one that must not matter
    try:
        np.random.seed(1)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # type: ignore[index] # noqa: NPY002
        one = trial.on(rows)
        if not np.array_equal(before, np.random.get_state()[1]):  # type: ignore[index] # noqa: NPY002
            yield "it draws from numpy's global generator: give `seed` to a generator of its own"
        np.random.seed(2)  # noqa: NPY002
        other = trial.on(rows)
    finally:
        np.random.set_state(kept)  # noqa: NPY002
    differ = int((one.predict(rows.matrix) != other.predict(rows.matrix)).sum())
    if differ:
        yield f"the same rows, parameters and seed gave another model: {differ} of {len(rows.matrix)} answers differ"
    elif trial.save(one) != trial.save(other):
        yield "the same rows, parameters and seed gave other bytes: leave times, addresses and orders of sets out of the file"


def _saved(trial: _Trial, rows: Rows) -> Iterator[str]:
    predictor = trial.on(rows)
    data = trial.save(predictor)
    if not isinstance(data, bytes):
        yield f"`save` gives {type(data).__name__}, and not bytes"
        return
    if trial.save(predictor) != data:
        yield "`save` gives other bytes the second time"
    before = predictor.predict(rows.matrix)
    after = _asked(trial.load(data, rows), rows, "the training rows, once loaded,")
    if differ := int((before != after).sum()):
        gap = float(abs(before - after).max())
        yield f"a loaded model answers otherwise than the one that was saved: {differ} of {len(before)} answers, by up to {gap:g}"


def _safe_to_read(trial: _Trial, rows: Rows) -> Iterator[str]:
    data = trial.save(trial.on(rows))
    if inside := _pickled(data):
        yield f"its file is {inside}, which runs code when it is read: save in a format of data alone"
        return
    with _unpickling() as found:
        trial.load(data, rows)
    if found:
        yield f"`load` unpickles ({found[0]}), which runs code of whoever wrote the file: save in a format of data alone"


def _pickled(data: bytes) -> str | None:
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            return next((f"a zip with the pickle `{name}`" for name in file.namelist() if _pickled(file.read(name))), None)
    try:
        end = None
        for operation, _, position in pickletools.genops(data):
            end = position if operation.name == "STOP" else None
    except Exception:  # noqa: BLE001 - it is no pickle, whatever says so
        return None
    return "a pickle" if end is not None and len(data) > 1 else None


_WATCHED: list[list[str]] = []
"""Who listens for unpickling: hooks of the interpreter cannot be taken away, so one stays and is silent."""


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and _WATCHED:
        _WATCHED[-1].append(".".join(map(str, arguments)))


@contextmanager
def _unpickling() -> Iterator[list[str]]:
    """What is unpickled in here."""
    if not getattr(_unpickling, "listens", False):
        sys.addaudithook(_listen)
        _unpickling.listens = True  # type: ignore[attr-defined]
    _WATCHED.append([])
    try:
        yield _WATCHED[-1]
    finally:
        _WATCHED.pop()


def _refuses_rubbish(trial: _Trial, rows: Rows) -> Iterator[str]:
    for name, data in (("an empty file", b""), ("a text that is no model", b"this is no model")):
        try:
            trial.load(data, rows).predict(rows.matrix)
        except Exception:  # noqa: BLE001, S112 - this is what is wanted
            continue
        yield f"`load` takes {name} for a model"


def _missing_values(trial: _Trial, rows: Rows) -> Iterator[str]:
    import numpy as np

    predictor = trial.on(rows)
    _asked(predictor, replace(rows, matrix=np.full((3, rows.matrix.shape[1]), np.nan)), "rows without any value")
    gone = worlds.of(trial.answers, worlds.empty_column())
    _asked(trial.again(trial.on(gone), gone), gone, "rows with an input that is always missing")
    yield from ()


def _one_class(trial: _Trial, _: Rows) -> Iterator[str]:
    rows = worlds.one_class()
    if trial.answers.task == "multiclass":
        return  # a code that does not occur is none: one class alone is refused before anything is trained
    rows = replace(rows, answers=trial.answers)
    try:
        predictor = trial.on(rows)
    except Exception:  # noqa: BLE001 - to refuse is right, and said where a model is trained
        return
    _asked(predictor, rows, "rows whose answers were all the same")
    yield from ()


def _wide(trial: _Trial, _: Rows) -> Iterator[str]:
    rows = worlds.of(trial.answers, worlds.wide())
    _asked(trial.again(trial.on(rows), rows), rows, "more inputs than rows")
    yield from ()


def _no_rows(trial: _Trial, rows: Rows) -> Iterator[str]:
    _asked(trial.on(rows), replace(rows, matrix=rows.matrix[:0]), "no rows")
    yield from ()


def _row_by_row(trial: _Trial, rows: Rows) -> Iterator[str]:
    import numpy as np

    predictor = trial.on(rows)
    whole = predictor.predict(rows.matrix)
    single = np.array([predictor.predict(rows.matrix[i : i + 1])[0] for i in range(40)])
    if not np.allclose(whole[:40], single, rtol=0, atol=1e-9):
        yield f"a row asked alone gets another answer than among others, by up to {float(abs(whole[:40] - single).max()):g}"
    order = np.random.default_rng(7).permutation(len(rows.matrix))
    if not np.allclose(whole[order], predictor.predict(rows.matrix[order]), rtol=0, atol=1e-9):
        yield "the answers depend on the order of the rows that are asked"


def _leaves_inputs_alone(trial: _Trial, rows: Rows) -> Iterator[str]:
    mine = rows.kept()
    predictor = trial.on(mine)
    if not mine.same(rows):
        yield "`fit` changes the rows that it is given"
    mine = rows.kept()
    predictor.predict(mine.matrix)
    if not mine.same(rows):
        yield "`predict` changes the rows that it is given"


def _watched(trial: _Trial, rows: Rows) -> Iterator[str]:
    if not trial.watched:
        return
    steps: list[int] = []
    kept: dict[int, bytes] = {}
    plain = trial.save(trial.on(rows))
    mine = rows.kept()
    watch = Watch((mine.matrix, mine.target), lambda number, _: steps.append(number), kept.__setitem__, every=2, group=mine.group)
    if trial.save(trial.watched_on(rows, watch)) != plain:
        yield "watched, it gives another model"
    if steps != list(range(1, len(steps) + 1)) or not steps:
        yield f"`watch.step` is to be called after each step, from 1 on; it was called for {steps[:5]}"
    for number, data in kept.items():
        resumed = trial.watched_on(rows, Watch(resume=data))
        if (resumed.predict(rows.matrix) != trial.on(rows).predict(rows.matrix)).any():
            yield f"taken up from its checkpoint of step {number}, it gives another model"
            break

    def enough(number: int, values: Mapping[str, float]) -> None:
        del values
        if number == len(steps):
            raise EnoughError(1)

    one = trial.watched_on(rows, Watch(step=enough))
    if len(steps) > 1 and (one.predict(rows.matrix) == trial.on(rows).predict(rows.matrix)).all():
        yield "after `EnoughError(1)` it gives the whole model, and not that of one step"


def _compiled(trial: _Trial, rows: Rows) -> Iterator[str]:
    """Its form for one row, made of a loaded model, answers as the model does; a form that there is not is none that is wrong."""
    import numpy as np

    if trial.algorithm.compile is None:
        return
    predictor = trial.again(trial.on(rows), rows)
    form = function(trial.algorithm, "compile")(predictor)
    if form is None:
        return
    asked = np.vstack([rows.matrix[:40], np.full((1, rows.matrix.shape[1]), np.nan)])
    whole = predictor.predict(asked)
    single = np.array([form.predict_row(values) for values in asked.tolist()])
    if single.shape != whole.shape:
        yield f"`predict_row` gives answers of shape {single.shape[1:]} a row, and `predict` of {whole.shape[1:]}"
    elif not np.allclose(whole, single, rtol=0 if form.exact else _APART, atol=0 if form.exact else _APART):
        promised = "the same bits" if form.exact else f"within {_APART:g}"
        yield f"its compiled form `{form.path}` answers otherwise, by up to {float(abs(whole - single).max()):g}; promised is {promised}"


_CHECKS: dict[str, Callable[[_Trial, Rows], Iterator[str]]] = {
    "answers": _answers,
    "deterministic": _deterministic,
    "save-load": _saved,
    "safe-format": _safe_to_read,
    "rubbish": _refuses_rubbish,
    "missing-values": _missing_values,
    "one-class": _one_class,
    "wide": _wide,
    "no-rows": _no_rows,
    "row-by-row": _row_by_row,
    "inputs-unchanged": _leaves_inputs_alone,
    "watched": _watched,
    "compiled": _compiled,
}
"""Every check by its word."""
