"""Gradient-boosted trees by LightGBM, for quantiles of a number: one booster a level; saved as their texts in one JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from headrace.builtin.algorithms import lightgbm_classifier as trees
from headrace.builtin.algorithms.levels import Levels
from headrace.hooks import Algorithm, Contributions, EnoughError, Predictor, Signature, Watch
from headrace.hooks.watch import LOSS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Params(trees.TreeParams):
    """LightGBM's parameters, under LightGBM's names, and the levels."""

    quantiles: Levels = Field(default=(0.1, 0.5, 0.9), description="The levels, ascending: how much of what happens lies below each.")

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """The pinball loss of the one level that is left."""
        (level,) = self.quantiles
        return {"objective": "quantile", "alpha": level}


@dataclass(frozen=True, slots=True)
class Fan:
    """A trained booster for each level."""

    levels: tuple[trees.Trees, ...]

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to (n, q), ascending in each row.

        Levels that were trained apart may cross; sorting a row's values never fits worse than leaving them crossed. Source: Chernozhukov,
        Fernandez-Val and Galichon (2010), "Quantile and probability curves without crossing".
        """
        import numpy as np

        return np.sort(np.column_stack([one.predict(matrix) for one in self.levels]), axis=1)

    def many(self) -> Predictor | None:
        """Masks of each level's trees, where all have such."""
        from headrace.builtin.algorithms.lightgbm_many import Forests, forest

        levels = [found for one in self.levels if (found := forest(one.booster)) is not None]
        return Forests(tuple(levels)) if len(levels) == len(self.levels) else None

    def contributions(self, matrix: NDArray[np.float64]) -> Contributions:
        """Of each level's own trees; where levels cross, answers are sorted and these are not."""
        import numpy as np

        return Contributions(np.concatenate([one.contributions(matrix).values for one in self.levels], axis=1), "identity")


def fit(
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    signature: Signature,
    params: Params,
    seed: int,
    watch: Watch | None = None,
) -> Fan:
    """Train on (n, k) and (n,), a tree of every level at each step; the same rows, parameters and seed give the same bytes, watched or not.

    The loss of a step is the mean of the levels' pinball losses. As of one level, what is drawn for each tree has no checkpoint.
    """
    watch = watch or Watch()
    begun = json.loads(watch.resume) if watch.resume is not None else [None] * len(params.quantiles)
    levels = [
        _Level(
            matrix,
            target,
            signature=signature,
            params=params.model_copy(update={"quantiles": (level,)}),
            seed=seed,
            watch=watch,
            begun=text,
        )
        for level, text in zip(params.quantiles, begun, strict=True)
    ]
    for steps in range(levels[0].steps + 1, params.n_estimators + 1):
        losses = [level.grow() for level in levels]
        values = {LOSS: math.fsum(losses) / len(losses)} if watch.validation is not None else {}
        try:
            watch.step(steps, values)
        except EnoughError as enough:
            return Fan(tuple(level.made(enough.steps) for level in levels))
        if steps % watch.every == 0 and not params.drawn:
            watch.checkpoint(steps, json.dumps([level.text() for level in levels]).encode())
    return Fan(tuple(level.made() for level in levels))


class _Level:
    """One level's booster, which grows by a tree at a time."""

    def __init__(
        self,
        matrix: NDArray[np.float64],
        target: NDArray[np.float64],
        *,
        signature: Signature,
        params: Params,
        seed: int,
        watch: Watch,
        begun: str | None,
    ) -> None:
        import lightgbm

        self._settings = trees.settings(params, target, seed)
        self._rows = trees.dataset(matrix, target, signature=signature, params=params)
        self._validation = [] if watch.validation is None else [trees.beside(*watch.validation, None, params=params, reference=self._rows)]
        self._booster = lightgbm.Booster(model_str=begun) if begun is not None else None
        self._trained = False

    @property
    def steps(self) -> int:
        """How many trees there are."""
        return 0 if self._booster is None else int(self._booster.current_iteration())

    def grow(self) -> float:
        """One more; the loss on the validation rows, NaN where there are none."""
        import lightgbm

        if self._trained and self._booster is not None:
            self._booster.update()
        else:
            self._booster = lightgbm.train(
                self._settings,
                self._rows,
                num_boost_round=1,
                valid_sets=self._validation or None,
                init_model=self._booster,
                keep_training_booster=True,
            )
            self._trained = True
        return float(self._booster.eval_valid()[0][2]) if self._validation else math.nan

    def text(self, steps: int | None = None) -> str:
        """The model as LightGBM writes it, or its first trees."""
        assert self._booster is not None  # noqa: S101 - it has grown
        text: str = self._booster.model_to_string(num_iteration=steps)
        return text

    def made(self, steps: int | None = None) -> trees.Trees:
        """The model apart from its rows."""
        import lightgbm

        return trees.Trees(lightgbm.Booster(model_str=self.text(steps)))


def save(predictor: Fan) -> bytes:
    """A JSON list of the models as LightGBM writes them."""
    return json.dumps([one.booster.model_to_string() for one in predictor.levels]).encode()


def load(data: bytes, *, signature: Signature) -> Fan:
    """The models from their texts; ValueError or lightgbm.basic.LightGBMError where they are none."""
    return Fan(tuple(trees.load(text.encode(), signature=signature) for text in json.loads(data)))


ALGORITHM = Algorithm(
    name="lightgbm.quantile",
    task="quantile",
    params=f"{__name__}:Params",
    fit=f"{__name__}:fit",
    save=f"{__name__}:save",
    load=f"{__name__}:load",
    format="lightgbm-text-json",
    watched=True,
    compile="headrace.builtin.algorithms.lightgbm_row:compile_fan",
)
