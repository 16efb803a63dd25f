"""Several models of the same rows that answer as one: by the mean of their answers, the median, or a vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from headrace.builtin.algorithms import ensemble_parts as parts
from headrace.builtin.algorithms.ensemble_parts import Distinct, Fitted, Member, Rows, answers, components, fit_part
from headrace.hooks import Algorithms, Signature, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

__all__ = ["ALGORITHM", "components"]

_HALF = 0.5


class Voter(Member):
    """One of several, with its weight."""

    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False, description="How much it counts; 0 for not at all.")


def _weighed(members: tuple[Voter, ...]) -> tuple[Voter, ...]:
    if members and not any(member.weight for member in members):
        raise ValueError("every weight is 0: nobody would answer")
    return members


Voters = Annotated[tuple[Voter, ...], Field(min_length=1, max_length=100), Distinct, AfterValidator(_weighed)]
_MEMBERS = "The models, each trained on all training rows."


class Params(BaseModel):
    """The members, and how their answers become one."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    task: ClassVar[Task] = "binary"

    members: Voters = Field(
        description=_MEMBERS,
        examples=[[{**parts.MEMBERS["binary"][0], "weight": 2}, parts.MEMBERS["binary"][1]]],
    )
    combine: Literal["mean", "vote"] = Field(
        default="mean",
        description="`mean`: of their probabilities, weighted (soft voting); `vote`: the weighted share of those that say so (hard).",
    )


class SeveralParams(Params):
    """The members, and how their answers become one."""

    task: ClassVar[Task] = "multiclass"

    members: Voters = Field(
        description=_MEMBERS,
        examples=[list(parts.MEMBERS["multiclass"])],
    )


class NumberParams(Params):
    """The members, and how their answers become one."""

    task: ClassVar[Task] = "regression"

    members: Voters = Field(
        description=_MEMBERS,
        examples=[list(parts.MEMBERS["regression"])],
    )

    combine: Literal["mean", "median"] = Field(  # type: ignore[assignment]
        default="mean", description="`mean`: weighted; `median`: weighted likewise, which one member far off does not move."
    )


@dataclass(frozen=True, slots=True)
class Voting:
    """The members with their weights, which sum to 1."""

    algorithms: Algorithms
    members: tuple[Fitted, ...]
    weights: tuple[float, ...]
    combine: str
    task: Task
    classes: int

    def predict(self, matrix: Values) -> Values:
        """Shape (n, k) to (n,), or to (n, c) of several classes."""
        import numpy as np

        return combined(np.stack([member.predict(matrix) for member in self.members]), self.weights, self.combine)


def combined(given: Values, weights: tuple[float, ...], combine: str) -> Values:
    """Answers of m members, (m, n) or (m, n, c), as one, (n,) or (n, c); weights (m,) sum to 1."""
    import numpy as np

    share = np.asarray(weights)
    if combine == "median":
        order = np.argsort(given, axis=0, kind="stable")
        values, below = np.take_along_axis(given, order, axis=0), np.cumsum(share[order], axis=0)
        # Where half of the weight lies exactly between two, it is their mean, as of the plain median.
        low, high = (np.argmax(below >= _HALF - edge, axis=0) for edge in (_EDGE, -_EDGE))
        columns = np.arange(given.shape[1])
        return np.asarray((values[low, columns] + values[high, columns]) / 2)
    if combine == "vote":
        said = given >= _HALF if given.ndim == 2 else np.eye(given.shape[2])[given.argmax(axis=2)]  # noqa: PLR2004 - rows of members
        given = said.astype(np.float64)
    mean = np.tensordot(share, given, axes=1)
    # Rounding may lift a mean above all that it is of.
    return np.asarray(np.clip(mean, given.min(axis=0), given.max(axis=0)))


_EDGE = 1e-9
"""How near to a half a sum of weights is a half."""


def fit(matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int, algorithms: Algorithms) -> Voting:
    """Each member on (n, k) and (n,), the first by the seed itself, the next by the next."""
    found, classes = [], 0
    for position, member in enumerate(params.members):
        rows = Rows(matrix, target, signature, seed + position, params.task)
        classes = rows.classes
        found.append(fit_part(algorithms, member, member.id, rows))
        answers(found[-1], matrix, classes)
    whole = sum(member.weight for member in params.members)
    return Voting(algorithms, tuple(found), tuple(item.weight / whole for item in params.members), params.combine, params.task, classes)


def save(predictor: Voting) -> bytes:
    """One file with all members."""
    told = {"weights": list(predictor.weights), "combine": predictor.combine, "task": predictor.task, "classes": predictor.classes}
    return parts.pack(predictor.algorithms, predictor.members, told)


def load(data: bytes, *, signature: Signature, algorithms: Algorithms) -> Voting:
    """From its file; MemberError where a member cannot be read, ValueError or KeyError where it is no such file."""
    told, found = parts.unpack(data)
    members = tuple(parts.read(algorithms, part, signature) for part in found)
    return Voting(algorithms, members, tuple(told["weights"]), told["combine"], told["task"], told["classes"])


ALGORITHM = (
    parts.algorithm(__name__, "voting_classifier", Params),
    parts.algorithm(__name__, "voting_multiclass", SeveralParams),
    parts.algorithm(__name__, "voting_regressor", NumberParams),
)
