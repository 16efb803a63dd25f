"""The candidate's answers stay, and stay good, where inputs are a little otherwise: noisy, missing, unknown, shifted, made to fool it.

The score lies in [0, 1]. Each perturbation p that the inputs admit has `stays`, the share of rows whose answer stays, and `keeps`, the
quality of the changed answers over that of the plain ones (Gini of a yes or no, accuracy of classes, R² of a number; cut to [0, 1]); its
score is the lesser of the two, and that of the search (`attack`) the share of rows for which no change within the radius was found. Of
several columns, or directions, the worst counts. The score is the mean over the perturbations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace.builtin.gates.boundary import Search, Space
from headrace.builtin.gates.ordered import ordered
from headrace.hooks import Answers, Gate, HeldOut, NoAnswer, Percentage, Ruling, Signature
from headrace.stats import perturb

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Kind = Literal["noise", "missing", "unseen", "shift", "attack"]
_UNSEEN = "headrace: a value that no training row has"
_SWAPS = 20
"""Other categories of one column that the search tries."""


class Params(BaseModel):
    """The parameters of `robustness`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min: float = Field(default=0.7, gt=0, le=1, description="The least score that passes.", examples=[0.7])
    each: float = Field(default=0.0, ge=0, le=1, description="The least score of each perturbation that passes.", examples=[0.5])
    of: tuple[Kind, ...] = Field(
        default=("noise", "missing", "unseen", "shift", "attack"), min_length=1, description="Which perturbations are tried."
    )
    noise: float = Field(default=0.1, gt=0, le=2, description="The noise added to numbers, in standard deviations of each column.")
    missing: Percentage = Field(default=0.1, gt=0, le=1, description="The share of values left out.", examples=["10%"])
    shift: float = Field(default=0.5, gt=0, le=5, description="How far one column moves, up and down, in its standard deviations.")
    radius: float = Field(default=0.25, gt=0, le=5, description="How far the search may move numbers, in their standard deviations.")
    immutable: tuple[str, ...] = Field(default=(), description="Inputs that the search leaves as they are, such as an age.")
    categories: bool = Field(default=False, description="Whether the search may also change one category of a row to another known one.")
    attacked: int = Field(default=50, ge=1, le=500, description="How many rows the search is carried out for.")
    queries: int = Field(default=200, ge=10, le=1000, description="How often the search asks about one row at most.")
    rows: int = Field(default=2000, ge=50, le=100_000, description="How many held-out rows are perturbed at most.")
    threshold: float = Field(default=0.5, gt=0, lt=1, description="From which probability on a row is decided with yes.")
    tolerance: float = Field(
        default=0.25, gt=0, le=2, description="By how much an answer that is a number may move and stay, in their standard deviations."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.of)) != len(self.of):
            raise ValueError("`of` names a perturbation twice")
        return self


@dataclass(frozen=True)
class _Plain:
    """The rows as they are, how they are answered, and what it means that an answer stays."""

    held_out: HeldOut
    params: Params
    ask: Callable[[pd.DataFrame], Values]
    signature: Signature
    quality: float

    def names(self, *types: str) -> list[str]:
        return [item.name for item in self.signature.inputs if item.type in types]

    def stays(self, given: Values, of: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Which answers are as those to the plain rows, `of` them where it is given."""
        import numpy as np

        before = self.held_out.predictions if of is None else self.held_out.predictions[of]
        match self.held_out.answers.task:
            case "binary":
                return np.asarray((given >= self.params.threshold) == (before >= self.params.threshold))
            case "multiclass":
                return np.asarray(given.argmax(axis=1) == before.argmax(axis=1))
            case _:
                answers = self.held_out.answers
                room = self.params.tolerance * _numbers(answers, self.held_out.predictions).std()
                return np.asarray(np.abs(_numbers(answers, given) - _numbers(answers, before)) <= room)

    def scored(self, rows: pd.DataFrame) -> dict[str, float | str]:
        """How the candidate does on rows that were changed; one that gives no answer scores 0."""
        try:
            given = self.ask(rows)
        except NoAnswer as why:
            return {"score": 0.0, "no_answer": str(why)[:200]}
        stays = float(self.stays(given).mean())
        keeps = min(1.0, max(0.0, _quality(self.held_out, given) / self.quality))
        return {"score": min(stays, keeps), "stays": stays, "keeps": keeps}


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """The mean over perturbations of n rows; it fails where the plain answers have no quality that could be kept."""
    import numpy as np

    if held_out.ask is None or held_out.signature is None:
        return Ruling(passed=False, reason="there is no candidate to ask", threshold=params.min)
    if unknown := sorted(set(params.immutable) - {item.name for item in held_out.signature.inputs}):
        return Ruling(passed=False, reason=f"`immutable` names `{unknown[0]}`, which is no input of the model", threshold=params.min)
    rng = np.random.default_rng(seed)
    some = _some(ordered(held_out), params.rows, rng)
    quality = _quality(some, some.predictions)
    if not quality > 0:
        told = "is not defined" if math.isnan(quality) else f"is {quality:.3g}"
        reason = f"the quality of the plain answers {told} on these {len(some.target):,} rows: there is none that could be kept"
        return Ruling(passed=False, reason=reason, threshold=params.min, n=len(some.target))
    plain = _Plain(some, params, held_out.ask, held_out.signature, quality)
    found = {kind: said for kind in params.of if (said := _TRIED[kind](plain, rng)) is not None}
    left = [kind for kind in params.of if kind not in found]
    if not found:
        return Ruling(passed=False, reason=f"the inputs admit none of {', '.join(left)}", threshold=params.min, n=len(some.target))
    scores = {kind: float(said["score"]) for kind, said in found.items()}
    score, worst = float(np.mean(list(scores.values()))), min(scores, key=scores.__getitem__)
    told = ", ".join(f"{kind} {value:.3f}" for kind, value in scores.items())
    reason = f"the robustness is {score:.3f}, and at least {params.min:g} is wanted ({told}"
    reason += f"; not tried, since no input admits it: {', '.join(left)})" if left else ")"
    if params.each and scores[worst] < params.each:
        reason += f"; {worst} is below {params.each:g}"
    return Ruling(
        passed=score >= params.min and scores[worst] >= params.each,
        reason=reason,
        value=score,
        threshold=params.min,
        n=len(some.target),
        evidence={"score": score, "worst": worst, "quality": quality, "perturbations": found, "not_tried": left},
    )


def _some(held_out: HeldOut, most: int, rng: np.random.Generator) -> HeldOut:
    from dataclasses import replace

    import numpy as np

    n = len(held_out.target)
    if n <= most:
        return held_out
    kept = np.sort(rng.choice(n, most, replace=False))
    rows = held_out.rows.iloc[kept].reset_index(drop=True)
    return replace(held_out, rows=rows, target=held_out.target[kept], predictions=held_out.predictions[kept], known=None)


def _numbers(answers: Answers, given: Values) -> Values:
    """One number a row: the answer, or the middle quantile of it."""
    return given[:, answers.middle] if answers.task == "quantile" else given


def _quality(held_out: HeldOut, given: Values) -> float:
    """How good answers are, 1 at most: NaN where it is not defined, 0 or less where they are no better than none."""
    import numpy as np

    target = held_out.target
    if not len(target) or np.isnan(target).any():
        return math.nan
    match held_out.answers.task:
        case "binary":
            from sklearn.metrics import roc_auc_score

            return 2 * float(roc_auc_score(target, given)) - 1 if len(np.unique(target)) > 1 else math.nan
        case "multiclass":
            return float((given.argmax(axis=1) == target).mean())
        case _:
            off = target - _numbers(held_out.answers, given)
            total = float(((target - target.mean()) ** 2).sum())
            return 1 - float((off**2).sum()) / total if total > 0 else math.nan


def _noise(plain: _Plain, rng: np.random.Generator) -> dict[str, Any] | None:
    names = plain.names("number")
    if not names:
        return None
    rows = plain.held_out.rows.copy()
    rows[names] = perturb.noisy(_matrix(rows, names), plain.params.noise, rng)
    return {**plain.scored(rows), "spreads": plain.params.noise}


def _missing(plain: _Plain, rng: np.random.Generator) -> dict[str, Any] | None:
    rows = plain.held_out.rows.copy()
    for name in plain.names("number", "category", "text"):
        rows[name] = rows[name].mask(rng.random(len(rows)) < plain.params.missing)
    return {**plain.scored(rows), "share": plain.params.missing} if rows.shape[1] else None


def _unseen(plain: _Plain, rng: np.random.Generator) -> dict[str, Any] | None:
    del rng

    def variants() -> Iterator[tuple[str, pd.DataFrame]]:
        for name in plain.names("category"):
            yield name, plain.held_out.rows.assign(**{name: _UNSEEN})

    return _worst(plain, variants())


def _shift(plain: _Plain, rng: np.random.Generator) -> dict[str, Any] | None:
    del rng
    names = plain.names("number")
    values = _matrix(plain.held_out.rows, names)
    steps = plain.params.shift * perturb.spread(values)
    whole = perturb.whole(values) if len(names) else ()

    def variants() -> Iterator[tuple[str, pd.DataFrame]]:
        for at, name in enumerate(names):
            # A column of whole numbers moves by a whole one, by the next where it would stay.
            step = max(1.0, round(steps[at])) if whole[at] and steps[at] > 0 else steps[at]
            for sign in (1.0, -1.0):
                yield f"{name} {sign * step:+.4g}", plain.held_out.rows.assign(**{name: values[:, at] + sign * step})

    return _worst(plain, variants())


def _worst(plain: _Plain, variants: Iterator[tuple[str, pd.DataFrame]]) -> dict[str, Any] | None:
    """The variant that does worst, and how many were tried; None where there is none."""
    found = [{**plain.scored(rows), "column": what} for what, rows in variants]
    return {**min(found, key=lambda said: float(said["score"])), "tried": len(found)} if found else None


def _attack(plain: _Plain, rng: np.random.Generator) -> dict[str, Any] | None:
    """The share of rows whose answer no change within the radius was found to change; the changes, and no row's own values, are told."""
    import numpy as np

    params, held_out = plain.params, plain.held_out
    numbers = tuple(name for name in plain.names("number") if name not in params.immutable)
    kinds = [item for item in plain.signature.inputs if item.type == "category" and item.name not in params.immutable]
    swaps = tuple((item.name, item.categories[:_SWAPS]) for item in kinds) if params.categories else ()
    space = Space.of(held_out.rows, numbers, params.radius, swaps)
    if not space.numbers and not space.swaps:
        return None
    n = min(params.attacked, len(held_out.target))
    of = np.sort(rng.choice(len(held_out.target), n, replace=False))

    def changed(frame: pd.DataFrame, among: NDArray[np.int64]) -> NDArray[np.bool_]:
        return ~plain.stays(plain.ask(frame), of[among])

    search = Search(held_out.rows.iloc[of].reset_index(drop=True), space, changed)
    try:
        search.run(params.queries, rng)
    except NoAnswer as why:
        return {"score": 0.0, "no_answer": str(why)[:200], "rows": n}
    flipped = np.isfinite(search.distance) | search.swapped
    by_number = search.distance[np.isfinite(search.distance)]
    said: dict[str, Any] = {"score": float(1 - flipped.mean()), "rows": n, "flipped": int(flipped.sum()), "asked": search.asked}
    said |= {"radius": params.radius, "by_category": int(search.swapped.sum())}
    if len(by_number):
        at = int(search.distance.argmin())
        change = search.moved[at] - search.plain[at]
        said |= {"smallest": float(by_number.min()), "median": float(np.median(by_number))}
        said["smallest_change"] = {name: float(by) for name, by in zip(space.numbers, change, strict=True) if by}
    return said


def _matrix(rows: pd.DataFrame, names: list[str]) -> Values:
    import numpy as np

    return rows[names].to_numpy(dtype=np.float64, na_value=np.nan)


_TRIED: dict[Kind, Callable[[_Plain, np.random.Generator], dict[str, Any] | None]] = {
    "noise": _noise,
    "missing": _missing,
    "unseen": _unseen,
    "shift": _shift,
    "attack": _attack,
}

GATE = Gate(
    name="robustness",
    judge=f"{__name__}:judge",
    params=f"{__name__}:Params",
    asks=("candidate",),
    tasks=("binary", "multiclass", "regression", "quantile"),
)
