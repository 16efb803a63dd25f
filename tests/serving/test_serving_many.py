"""A model's form for many rows: the same bits as LightGBM's own answers, and left out where it differs or is no faster."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.builtin.algorithms.lightgbm_classifier import Trees
from headrace.builtin.algorithms.lightgbm_many import MOST_LEAVES, forest
from headrace.builtin.algorithms.lightgbm_quantile import Fan
from headrace.compiled import LimitsConfig
from headrace.hooks import Answers, Input, Signature
from headrace.journal import Spool
from headrace.journal.block import decode_block
from headrace.journal.segment import SUFFIX, frames
from headrace.serving.apart import Apart
from headrace.serving.bodies.columns import Columns
from headrace.serving.bulk import LEAST, Bulk
from headrace.serving.fast import widest
from headrace.serving.measures import Measures
from headrace.serving.overload import Load
from headrace.serving.snapshot import Served, Snapshot
from headrace.traffic import Counter
from headrace.transforms.calibration import Calibrated, Calibration

OBJECTIVES = ("binary", "multiclass", "regression", "regression_l1", "quantile", "poisson", "tweedie", "lambdarank")
EDGES = (0.0, -0.0, 0.5, -0.5, 1e-36, -1e-36, 1.0000000180025095e-35, 1e305, -1e305, np.inf, -np.inf, np.nan)


def trained(objective: str, seed: int, **params: Any) -> tuple[lightgbm.Booster, NDArray[np.float64]]:
    """A booster over numbers and categories, with holes and zeros, as it is loaded; and the rows that it was trained on."""
    random = np.random.default_rng(seed)
    size, width = int(random.integers(60, 700)), int(random.integers(1, 6))
    matrix = random.normal(size=(size, width)).round(int(random.integers(0, 4)))
    categories = [at for at in range(width) if random.random() < 0.4]
    for at in range(width):
        if at in categories:
            matrix[:, at] = random.integers(0, int(random.integers(2, 80)), size)
        matrix[random.random(size) < random.choice([0.0, 0.2]), at] = np.nan
        matrix[random.random(size) < random.choice([0.0, 0.4]), at] = 0.0
    said = np.nan_to_num(matrix).sum(axis=1) + random.normal(size=size)
    target: Any = said
    if objective == "binary":
        target = (said > np.median(said)).astype(int)
    elif objective in ("multiclass", "lambdarank"):
        target = np.digitize(said, np.quantile(said, [0.3, 0.7]))
    elif objective in ("poisson", "tweedie"):
        target = np.abs(said)
    told = {
        "objective": objective,
        "verbosity": -1,
        "num_threads": 1,
        "num_leaves": int(random.choice([2, 5, 31, 40, MOST_LEAVES])),
        "min_child_samples": int(random.choice([1, 20])),
        "zero_as_missing": bool(random.random() < 0.3),
        "use_missing": bool(random.random() < 0.8),
        "max_cat_to_onehot": int(random.choice([1, 4])),
        **({"num_class": 3} if objective == "multiclass" else {}),
        **params,
    }
    group = [size] if objective == "lambdarank" else None
    data = lightgbm.Dataset(matrix, target, group=group, categorical_feature=categories)
    made = lightgbm.train(told, data, int(random.choice([1, 5, 120])))
    return lightgbm.Booster(model_str=made.model_to_string()), matrix


def asked(matrix: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Rows of training, and others: at thresholds, beyond them, of categories that nobody knows, and with what is no usual number."""
    random = np.random.default_rng(seed)
    size, width = 500, matrix.shape[1]
    found = np.where(
        random.random((size, width)) < 0.5, matrix[random.integers(0, len(matrix), size)], random.normal(size=(size, width)) * 20
    )
    strange = random.random((size, width)) < 0.2
    found[strange] = random.choice(EDGES, int(strange.sum()))
    return found


@pytest.mark.parametrize("objective", OBJECTIVES)
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_many_rows_are_answered_to_the_same_bits_as_by_lightgbm(objective: str, seed: int) -> None:
    booster, matrix = trained(objective, seed)
    rows = asked(matrix, seed)
    form = forest(booster)
    assert form is not None
    np.testing.assert_array_equal(booster.predict(rows, num_threads=1), form.predict(rows))


def test_rows_of_a_batch_are_answered_as_each_alone() -> None:
    booster, matrix = trained("binary", 3)
    form, rows = forest(booster), asked(matrix, 3)
    assert form is not None
    assert form.predict(rows).tolist() == [float(form.predict(row[None])[0]) for row in rows]


@pytest.mark.parametrize(
    "params", [{"num_leaves": 200}, {"objective": "huber"}, {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}]
)
def test_a_booster_that_masks_do_not_hold_has_no_such_form(params: dict[str, Any]) -> None:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(3000, 4))
    told = {"objective": "regression", "verbosity": -1, "num_threads": 1, "min_child_samples": 2} | params
    assert forest(lightgbm.train(told, lightgbm.Dataset(matrix, matrix[:, 0] * matrix[:, 1]), 3)) is None


def test_masks_of_more_bytes_than_may_be_are_not_made() -> None:
    random = np.random.default_rng(1)
    far, near = (random.integers(0, 50, size=(3000, 1)) * step for step in (4000.0, 1.0))
    told = {"objective": "regression", "verbosity": -1, "num_threads": 1}
    made = [lightgbm.train(told, lightgbm.Dataset(one, one[:, 0] % 7, categorical_feature=[0]), 200) for one in (far, near)]
    assert [True, False] == [forest(booster) is None for booster in made]


def test_a_booster_asked_of_other_inputs_says_so() -> None:
    form = forest(trained("binary", 5)[0])
    assert form is not None
    with pytest.raises(ValueError, match="99 inputs"):
        form.predict(np.zeros((1, 99)))


def served(predictor: Any, width: int, answers: Answers | None = None) -> tuple[Served, int]:
    """A version with what `widest` makes of it, and how often that failed."""
    told: list[None] = []
    signature = Signature(tuple(Input(f"f{at}", "number") for at in range(width)))
    return widest(Served(1, signature, predictor, predictor, answers=answers or Answers()), lambda: told.append(None)), len(told)


def large() -> tuple[lightgbm.Booster, NDArray[np.float64]]:
    random = np.random.default_rng(7)
    matrix = random.normal(size=(2000, 10))
    made = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1}, lightgbm.Dataset(matrix, matrix[:, 0] * matrix[:, 1] > 0), 200
    )
    return made, matrix


def test_a_version_of_trees_has_a_form_for_many_rows_behind_its_calibration() -> None:
    booster, matrix = large()
    predictor = Calibrated(Trees(booster), Calibration("isotonic", (0.0, 0.3, 1.0), (0.1, 0.2, 0.9)))
    found, failed = served(predictor, 10)
    assert found.many is not None
    assert 0 == failed
    assert predictor.predict(matrix).tolist() == found.many.predict(matrix).tolist()


def test_quantiles_have_a_form_for_many_rows_of_all_levels() -> None:
    booster, matrix = large()
    other, _ = large()
    fan = Fan((Trees(booster), Trees(other)))
    form = fan.many()
    assert form is not None
    np.testing.assert_array_equal(fan.predict(matrix), form.predict(matrix))


@dataclass(frozen=True)
class Differing:
    """A model whose form for many rows answers something else."""

    by: float

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(matrix), 0.5)

    def many(self) -> "Differing | Shifted":
        if np.isnan(self.by):
            raise RuntimeError("no such thing")
        return Shifted(self.by)


@dataclass(frozen=True)
class Shifted:
    by: float

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(matrix), 0.5 + self.by)


@pytest.mark.parametrize("by", [2**-53, np.nan, np.inf])
def test_a_form_that_differs_or_fails_is_left_out_and_counted(by: float) -> None:
    found, failed = served(Differing(by), 3)
    assert (None, 1) == (found.many, failed)


def test_a_model_without_such_a_form_is_asked_plainly() -> None:
    found, failed = served(Shifted(0.0), 3)
    assert (None, 0) == (found.many, failed)


@dataclass(frozen=True)
class Waiting:
    """A model that answers once it may."""

    asked: threading.Event
    may: threading.Event

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        self.asked.set()
        self.may.wait(30)
        return np.full(len(matrix), 0.5)


@pytest.mark.parametrize(("leaves", "expected"), [(False, 2 * LEAST), (True, 0)])
def test_a_batch_that_nobody_waits_for_is_not_journalled(tmp_path: Path, leaves: bool, expected: int) -> None:  # noqa: FBT001
    model = Waiting(threading.Event(), threading.Event())
    served = Served(1, Signature((Input("x", "number"),)), model, model)
    snapshot = Snapshot(1, (("champion", 1.0),), {"champion": served})
    columns = Columns([str(at) for at in range(2 * LEAST)], {"x": np.zeros(2 * LEAST)}, ("x",))
    apart, spool = Apart(Load(LimitsConfig())), Spool.open(tmp_path)
    bulk = Bulk("m", spool=spool, counter=Counter("a", model="m"), rules=(), measures=Measures("m"), apart=apart, by_row=False)

    async def ask() -> None:
        asking = asyncio.create_task(bulk.answer(snapshot, columns, datetime.now(UTC), 0.0))
        await asyncio.to_thread(model.asked.wait, 30)
        if leaves:
            asking.cancel()
            await asyncio.wait([asking])
        model.may.set()
        await asyncio.wait([asking])
        await apart(lambda: None)  # behind what it did

    asyncio.run(ask())
    spool.close()
    (segment,) = tmp_path.glob(f"*{SUFFIX}")
    told = frames(segment.read_bytes(), final=True, whole=False).bodies
    assert expected == sum(len(decode_block(body)) for body in told)
