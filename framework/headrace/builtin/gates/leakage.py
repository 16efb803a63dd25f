"""The held-out rows tell how good the candidate is, because nothing of them was known in training and no input gives the answer away.

Kaufman et al., "Leakage in Data Mining", KDD 2011. Each thing that is looked at has a bound; one without a bound is measured and told.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.gates.ordered import row_hashes
from headrace.hooks import Duration, Gate, HeldOut, Percentage, Ruling, Sample

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_BINS = 64
_TOLD = 5


class Params(BaseModel):
    """The parameters of `leakage`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    duplicates: Percentage | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The greatest share of held-out rows that stand among the training rows with all inputs and the answer.",
        examples=["1%"],
    )
    repeated: int = Field(
        default=0, ge=0, description="How many held-out rows may be training rows: of the same entity at the same time.", examples=[0]
    )
    entities: Percentage | None = Field(
        default=None, ge=0, le=1, description="The greatest share of held-out rows whose entity has training rows.", examples=["0%"]
    )
    alone: float = Field(
        default=0.95,
        gt=0.5,
        le=1,
        description="The most that one input may tell by itself: area under the ROC curve, of classes the mean; R² of a number.",
        examples=[0.95],
    )
    copy_at: float = Field(
        default=0.99,
        gt=0,
        le=1,
        description="From which correlation on an input is the answer itself, or that of the same entity's next row.",
    )
    after: Duration | None = Field(
        default=None, description="How long after the newest training row every held-out row lies at least.", examples=["1d"]
    )


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """Whether each bound is kept; `value` is what the most telling input tells. Nothing is drawn."""
    del seed
    training, held = held_out.training, held_out.known
    if training is None or held is None:
        return Ruling(passed=False, reason="the training rows are not here")
    n = len(held.target)
    if not n or not len(training.target):
        return Ruling(passed=False, reason=f"there are {len(training.target):,} training and {n:,} held-out rows: nothing can be compared")
    task = held_out.answers.task
    faults: list[str] = []
    found = {
        "duplicates": _duplicates(training, held, params, faults),
        "repeated": _repeated(training, held, params, faults),
        "time": _time(training, held, params, faults),
        "alone": _alone(training, held, task, params, faults),
        "copies": _copies(held, training, task, params, faults),
    }
    most = found["alone"].get("most")
    reason = "; ".join(faults) if faults else f"nothing leaks by what was looked at: {', '.join(found)}"
    evidence = {**found, "rows": {"training": len(training.target), "held_out": n}}
    return Ruling(passed=not faults, reason=reason, value=most, threshold=params.alone, n=n, evidence=evidence)


def _duplicates(training: Sample, held: Sample, params: Params, faults: list[str]) -> dict[str, Any]:
    """The share of held-out rows with a twin on the other side, and that of training rows with one on their own, which chance gives."""
    import numpy as np

    one, other = (_whole(sample) for sample in (training, held))
    share = float(np.isin(other, one).mean())
    _, counts = np.unique(one, return_counts=True)
    usual = float(counts[counts > 1].sum() / len(one))
    if params.duplicates is not None and share > params.duplicates:
        faults.append(f"{share:.2%} of the held-out rows stand among the training rows, and at most {params.duplicates:.10g} may")
    return {"share": share, "within_training": usual, "max": params.duplicates}


def _whole(sample: Sample) -> NDArray[np.uint64]:
    return row_hashes(sample.rows.assign(**{"\0target": sample.target}))


def _repeated(training: Sample, held: Sample, params: Params, faults: list[str]) -> dict[str, Any]:
    """Rows, and entities, that stand on both sides."""
    import numpy as np
    import pandas as pd

    if training.entity is None or held.entity is None:
        faults.append("it is not known whose the rows are")
        return {"known": False}
    of = float(np.isin(held.entity.astype(str), training.entity.astype(str)).mean())
    if params.entities is not None and of > params.entities:
        faults.append(f"the entities of {of:.2%} of the held-out rows have training rows, and at most {params.entities:.10g} may")
    told: dict[str, Any] = {"entities": of, "max_entities": params.entities}
    if training.time is None or held.time is None:
        return told
    one, other = (pd.MultiIndex.from_frame(pd.DataFrame({"of": side.entity, "at": side.time})) for side in (training, held))
    rows = int(other.isin(one).sum())
    if rows > params.repeated:
        faults.append(
            f"{rows:,} held-out rows are training rows, of the same entity at the same time, and at most {params.repeated:,} may be"
        )
    return {**told, "rows": rows, "max": params.repeated}


def _time(training: Sample, held: Sample, params: Params, faults: list[str]) -> dict[str, Any]:
    """How far the sides lie apart; held-out rows that are older than training rows are told."""
    import numpy as np

    if training.time is None or held.time is None:
        if params.after is not None:
            faults.append("it is not known when the rows are of")
        return {"known": False}
    newest = training.time.max()
    between = timedelta(seconds=float((held.time.min() - newest) / np.timedelta64(1, "s")))
    told = {"older": float((held.time <= newest).mean()), "seconds_between": between.total_seconds()}
    if params.after is not None and between < params.after:
        word = "after" if between > timedelta(0) else "before"
        faults.append(f"the oldest held-out row lies {abs(between)} {word} the newest training row, and {params.after} after it is wanted")
    return told


def _alone(training: Sample, held: Sample, task: str, params: Params, faults: list[str]) -> dict[str, Any]:
    """What each input tells by itself: the mean answer of training rows that have about its value, held against the held-out answers."""
    if task == "ranking":
        return {"known": False}
    tells = {str(name): _tells(training, held, str(name), task) for name in held.rows.columns}
    known = {name: value for name, value in tells.items() if not math.isnan(value)}
    if not known:
        faults.append("what one input tells is not defined on these rows")
        return {"known": False}
    first = sorted(known, key=known.__getitem__, reverse=True)[:_TOLD]
    over = [name for name in first if known[name] > params.alone]
    faults += [f"`{name}` alone tells {known[name]:.4g} of the answer, and at most {params.alone:g} is allowed" for name in over]
    return {"most": known[first[0]], "inputs": {name: known[name] for name in first}, "max": params.alone}


def _tells(training: Sample, held: Sample, name: str, task: str) -> float:
    import numpy as np

    where, at = _binned(training.rows[name], held.rows[name])
    classes = np.unique(training.target) if task == "multiclass" else [None]
    found = []
    for code in classes:
        learned, truth = ((side if code is None else (side == code).astype(float)) for side in (training.target, held.target))
        total, count = (np.bincount(where, weights=weights, minlength=_BINS + 2) for weights in (learned, None))
        # A bin of few rows says little: it leans to the mean of all.
        said = ((total + learned.mean()) / (count + 1))[at]
        found.append(_explained(truth, said) if task in ("regression", "quantile") else _area(truth, said))
    known = [value for value in found if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def _binned(train: pd.Series[Any], held: pd.Series[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The bin of each training row's value, and of each held-out one's: quantiles of a number, common categories, one for missing."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(train):
        values = [side.to_numpy(dtype=np.float64, na_value=np.nan) for side in (train, held)]
        finite = values[0][np.isfinite(values[0])]
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, _BINS)[1:-1])) if len(finite) else np.empty(0)
        first, second = (
            np.where(np.isnan(side), _BINS + 1, np.searchsorted(edges, side, side="right")).astype(np.int64) for side in values
        )
        return first, second
    common = train.value_counts().index[:_BINS]
    codes = [pd.Categorical(side, categories=list(common)).codes.astype(np.int64) for side in (train, held)]
    first, second = (
        np.where(side.isna().to_numpy(), _BINS + 1, np.where(code < 0, _BINS, code))
        for side, code in zip((train, held), codes, strict=True)
    )
    return first, second


def _area(truth: Values, said: Values) -> float:
    """The area under the ROC curve, whichever way round."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    if len(np.unique(truth)) != 2:  # noqa: PLR2004 - a yes and a no
        return math.nan
    area = float(roc_auc_score(truth, said))
    return max(area, 1 - area)


def _explained(truth: Values, said: Values) -> float:
    total = float(((truth - truth.mean()) ** 2).sum())
    return 1 - float(((truth - said) ** 2).sum()) / total if total > 0 else math.nan


def _copies(held: Sample, training: Sample, task: str, params: Params, faults: list[str]) -> dict[str, Any]:
    """The numbers among the inputs that are the answer, or the one of the same entity's next row, which is not known yet."""
    import pandas as pd

    if task == "multiclass":
        return {"known": False}
    told: dict[str, Any] = {}
    for word, sample in (("held_out", held), ("training", training)):
        numbers = [str(name) for name in sample.rows.columns if pd.api.types.is_numeric_dtype(sample.rows[name])]
        kinds = {"answer": sample.target, "next answer": _next(sample)}
        for name in numbers:
            for kind, wanted in kinds.items():
                related = _correlation(sample.rows[name].to_numpy(dtype=float, na_value=math.nan), wanted)
                if abs(related) >= params.copy_at:
                    told[f"{name}: {kind}"] = related
                    fault = f"`{name}` is the {kind} of the row (correlation {related:.4f})"
                    if fault.partition(" (")[0] not in {one.partition(" (")[0] for one in faults}:
                        faults.append(fault)
        told[f"{word}_inputs"] = len(numbers)
    return told


def _next(sample: Sample) -> Values | None:
    """The answer of the same entity's next row; NaN at its last. None where entities or times are not known, or no entity has two rows."""
    import numpy as np
    import pandas as pd

    if sample.entity is None or sample.time is None:
        return None
    frame = pd.DataFrame({"entity": sample.entity, "time": sample.time, "target": sample.target})
    moved = frame.sort_values(["entity", "time"], kind="stable").groupby("entity")["target"].shift(-1)
    found = moved.sort_index().to_numpy(dtype=np.float64)
    return None if np.isnan(found).all() else found


def _correlation(values: Values, wanted: Values | None) -> float:
    """Pearson's, over rows that have both; 0 where it is not defined or there are fewer than thirty."""
    import numpy as np

    if wanted is None:
        return 0.0
    both = np.isfinite(values) & np.isfinite(wanted)
    if both.sum() < 30 or values[both].std() == 0 or wanted[both].std() == 0:  # noqa: PLR2004 - fewer are alike by chance
        return 0.0
    return float(np.corrcoef(values[both], wanted[both])[0, 1])


GATE = Gate(
    name="leakage",
    judge=f"{__name__}:judge",
    params=f"{__name__}:Params",
    asks=("training",),
    tasks=("binary", "multiclass", "regression", "quantile", "ranking"),
)
