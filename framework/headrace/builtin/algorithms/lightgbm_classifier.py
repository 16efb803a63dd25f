"""Gradient-boosted trees by LightGBM, for a yes or no; saved as LightGBM's own text. Its other objectives train and save alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Algorithm, Contributions, EnoughError, Predictor, Signature, Watch
from headrace.hooks.watch import LOSS

if TYPE_CHECKING:
    import lightgbm
    import numpy as np
    from lightgbm.callback import CallbackEnv
    from numpy.typing import NDArray

_VALIDATION = "validation"
_SCALES: dict[str, Literal["log", "log-odds", "softmax"]] = {
    "binary": "log-odds",
    "multiclass": "softmax",
    "poisson": "log",
    "tweedie": "log",
}
"""How a raw score becomes an answer, by LightGBM's objective; of all others it is one."""


class TreeParams(BaseModel, ABC):
    """LightGBM's parameters, under LightGBM's names: those of all its objectives."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_estimators: int = Field(default=100, ge=1, le=10_000, description="How many trees.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="How much each tree counts.")
    num_leaves: int = Field(default=31, ge=2, le=131_072, description="Leaves of a tree, at most.")
    max_depth: int = Field(default=-1, ge=-1, le=64, description="Depth of a tree, at most; -1 for any.")
    max_bin: int = Field(default=255, ge=2, le=65_535, description="Bins of a number, at most.")
    min_child_samples: int = Field(default=20, ge=1, description="Rows of a leaf, at least.")
    min_split_gain: float = Field(default=0.0, ge=0, description="What a split must gain, at least.")
    subsample: float = Field(default=1.0, gt=0, le=1, description="The share of rows that a tree sees.")
    subsample_freq: int = Field(default=0, ge=0, description="After how many trees the rows are drawn again; 0 never draws.")
    colsample_bytree: float = Field(default=1.0, gt=0, le=1, description="The share of inputs that a tree sees.")
    reg_alpha: float = Field(default=0.0, ge=0, description="L1 penalty of leaf values.")
    reg_lambda: float = Field(default=0.0, ge=0, description="L2 penalty of leaf values.")
    cat_smooth: float = Field(default=10.0, ge=0, description="How strongly rare categories are smoothed.")
    cat_l2: float = Field(default=10.0, ge=0, description="L2 penalty of splits by category.")

    @property
    def drawn(self) -> bool:
        """Whether rows or inputs are drawn at random for each tree."""
        return (self.subsample < 1 and self.subsample_freq > 0) or self.colsample_bytree < 1

    @abstractmethod
    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:
        """What LightGBM is told of the task, which answers (n,) may decide."""

    def weight(self, target: NDArray[np.float64]) -> NDArray[np.float64] | None:  # noqa: ARG002 - answers may decide it
        """How much each row counts, (n,); None for all alike."""
        return None


_SETTINGS = set(TreeParams.model_fields) - {"n_estimators"}


class ClassParams(TreeParams):
    """Those of the objectives that tell classes apart."""

    class_weight: Literal["balanced"] | None = Field(
        default=None,
        description="`balanced` counts the rows of a rare class for more; probabilities then fit such a world, and not this one.",
    )

    def weight(self, target: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Balanced, every class counts alike in all: n / (classes * rows of the class), as scikit-learn has it."""
        import numpy as np

        if self.class_weight is None:
            return None
        _, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
        return np.asarray((len(target) / (len(counts) * counts))[codes])


class Params(ClassParams):
    """LightGBM's parameters, under LightGBM's names."""

    def objective(self, target: NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """A yes or no."""
        return {"objective": "binary"}


@dataclass(frozen=True, slots=True)
class Trees:
    """A trained booster."""

    concurrent: ClassVar[bool] = True
    """Several threads may ask at once: each asks LightGBM for one thread, and LightGBM shares a model among readers."""

    booster: lightgbm.Booster

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to what the objective says: (n,), or (n, c) of several classes."""
        import numpy as np

        if not len(matrix):
            several = self.booster.num_model_per_iteration()
            return np.empty((0, several) if several > 1 else 0)
        return np.asarray(self.booster.predict(matrix, num_threads=1), dtype=np.float64)

    def many(self) -> Predictor | None:
        """Masks of its trees, where it has such."""
        from headrace.builtin.algorithms.lightgbm_many import forest

        return forest(self.booster)

    def contributions(self, matrix: NDArray[np.float64]) -> Contributions:
        """By TreeSHAP, as LightGBM computes it. Source: Lundberg et al. (2018), "Consistent individualized feature attribution"."""
        import numpy as np

        given = np.asarray(self.booster.predict(matrix, num_threads=1, pred_contrib=True), dtype=np.float64)
        objective = str(self.booster.dump_model(num_iteration=1)["objective"]).partition(" ")[0]
        return Contributions(given.reshape(len(matrix), self.booster.num_model_per_iteration(), -1), _SCALES.get(objective, "identity"))


def fit(
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    signature: Signature,
    params: TreeParams,
    seed: int,
    watch: Watch | None = None,
    group: NDArray[np.int64] | None = None,
) -> Trees:
    """Train on (n, k) and (n,); the same rows, parameters and seed give the same bytes, watched or not.

    `group` (g,) says of a ranking how many rows each group has, groups following one another.

    No checkpoint is told where rows or inputs are drawn for each tree: LightGBM's text does not hold the generator's state.
    """
    import lightgbm

    watch = watch or Watch()
    begun = lightgbm.Booster(model_str=watch.resume.decode()) if watch.resume is not None else None
    before = begun.current_iteration() if begun is not None else 0
    if begun is not None and before >= params.n_estimators:
        return Trees(begun)
    data = dataset(matrix, target, signature=signature, params=params, group=group)
    validation = [] if watch.validation is None else [beside(*watch.validation, watch.group, params=params, reference=data)]
    try:
        booster = lightgbm.train(
            settings(params, target, seed),
            data,
            num_boost_round=params.n_estimators - before,
            valid_sets=validation or None,
            valid_names=[_VALIDATION] if validation else None,
            init_model=begun,
            callbacks=[_watched(watch, drawn=params.drawn)],
        )
    except _Enough as end:
        text = end.booster.model_to_string(num_iteration=end.steps)
        return Trees(lightgbm.Booster(model_str=text))
    return Trees(booster)


def dataset(
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    signature: Signature,
    params: TreeParams,
    group: NDArray[np.int64] | None = None,
) -> lightgbm.Dataset:
    """Rows to train on, (n, k) and (n,), as LightGBM takes them."""
    import lightgbm

    return lightgbm.Dataset(
        matrix,
        label=target,
        weight=params.weight(target),
        group=group,
        feature_name=[item.name for item in signature.inputs],
        categorical_feature=list(signature.categorical),
        params={"verbosity": -1, "max_bin": params.max_bin},
    )


def settings(params: TreeParams, target: NDArray[np.float64], seed: int) -> dict[str, Any]:
    """What LightGBM is told beside the rows."""
    return params.model_dump(include=_SETTINGS) | {
        **params.objective(target),
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # More threads than cores are many times slower, and one is what a repeated run can rely on.
        "num_threads": 1,
        "verbosity": -1,
    }


def beside(
    matrix: NDArray[np.float64],
    target: NDArray[np.float64],
    group: NDArray[np.int64] | None,
    *,
    params: TreeParams,
    reference: lightgbm.Dataset,
) -> lightgbm.Dataset:
    """Rows that training is watched by, each class weighing in them as in training."""
    import lightgbm

    return lightgbm.Dataset(matrix, label=target, weight=params.weight(target), group=group, reference=reference)


class _Enough(Exception):  # noqa: N818 - it carries a model out of LightGBM's loop
    def __init__(self, booster: lightgbm.Booster, steps: int) -> None:
        self.booster, self.steps = booster, steps
        super().__init__(steps)


def _watched(watch: Watch, *, drawn: bool) -> Callable[[CallbackEnv], None]:
    """What LightGBM calls after each tree; trees of an earlier part count."""

    def after(env: CallbackEnv) -> None:
        booster = cast("lightgbm.Booster", env.model)
        steps = booster.current_iteration()
        # Of what is better when it is higher, such as NDCG, the loss is what is missing to 1.
        losses = [1 - float(item[2]) if item[3] else float(item[2]) for item in env.evaluation_result_list or () if item[0] == _VALIDATION]
        values = {LOSS: losses[0]} if losses else {}
        try:
            watch.step(steps, values)
        except EnoughError as enough:
            raise _Enough(booster, enough.steps) from None
        if steps % watch.every == 0 and not drawn:
            watch.checkpoint(steps, booster.model_to_string().encode())

    return after


def save(predictor: Trees) -> bytes:
    """The model as LightGBM writes it."""
    text: str = predictor.booster.model_to_string()
    return text.encode()


def load(data: bytes, *, signature: Signature) -> Trees:  # noqa: ARG001 - the names stand in the text
    """The model from its text; lightgbm.basic.LightGBMError where it is none."""
    import lightgbm

    return Trees(lightgbm.Booster(model_str=data.decode()))


ALGORITHM = Algorithm(
    name="lightgbm.classifier",
    task="binary",
    params=f"{__name__}:Params",
    fit=f"{__name__}:fit",
    save=f"{__name__}:save",
    load=f"{__name__}:load",
    format="lightgbm-text",
    watched=True,
    compile="headrace.builtin.algorithms.lightgbm_row:compile_trees",
)
