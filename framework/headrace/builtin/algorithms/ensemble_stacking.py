"""Several models, and one that learns what their answers are worth: from answers to rows that they were not fitted on (Wolpert 1992)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from headrace.builtin.algorithms import ensemble_parts as parts
from headrace.builtin.algorithms.ensemble_parts import Distinct, Fitted, Member, MemberError, Part, Rows, answers, components, fit_part
from headrace.hooks import Algorithms, Input, Signature, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]

__all__ = ["ALGORITHM", "components"]

_FINAL = "final"


def _others(members: tuple[Member, ...]) -> tuple[Member, ...]:
    if any(member.id == _FINAL for member in members):
        raise ValueError(f"a member cannot be called `{_FINAL}`, as the one that learns from them is")
    return members


Members = Annotated[tuple[Member, ...], Field(min_length=1, max_length=100), Distinct, AfterValidator(_others)]
_MEMBERS = "The models, each trained on every fold, and once on all training rows."


class Params(BaseModel):
    """The members, and who learns from their answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    task: ClassVar[Task] = "binary"

    members: Members = Field(
        description=_MEMBERS,
        examples=[list(parts.MEMBERS["binary"])],
    )
    final: Part = Field(
        default=Part(algorithm="sklearn.logistic_regression"),
        description="Whose inputs are the members' answers, each under the member's id, to rows that these were not fitted on.",
    )


class SeveralParams(Params):
    """The members, and who learns from their answers."""

    task: ClassVar[Task] = "multiclass"

    members: Members = Field(
        description=_MEMBERS,
        examples=[list(parts.MEMBERS["multiclass"])],
    )

    final: Part = Field(
        default=Part(algorithm="sklearn.logistic_regression_multiclass"),
        description="Whose inputs are the members' probabilities of each class, to rows that these were not fitted on.",
    )


class NumberParams(Params):
    """The members, and who learns from their answers."""

    task: ClassVar[Task] = "regression"

    members: Members = Field(
        description=_MEMBERS,
        examples=[list(parts.MEMBERS["regression"])],
    )

    final: Part = Field(
        default=Part(algorithm="sklearn.ridge"),
        description="Whose inputs are the members' answers, each under the member's id, to rows that these were not fitted on.",
    )


@dataclass(frozen=True, slots=True)
class Stacked:
    """The members, and the one that is asked with their answers."""

    algorithms: Algorithms
    members: tuple[Fitted, ...]
    final: Fitted
    task: Task
    classes: int

    def predict(self, matrix: Values) -> Values:
        """Shape (n, k) to (n,), or to (n, c) of several classes."""
        import numpy as np

        return self.final.predict(np.column_stack([member.predict(matrix) for member in self.members]))


def _seen(ids: Sequence[str], classes: int) -> Signature:
    """What the last one sees: a number a member, or one for each of several classes."""
    names = [f"{name}_{code}" for name in ids for code in range(classes)] if classes else list(ids)
    return Signature(tuple(Input(name, "number", missing=False) for name in names))


def fit(
    matrix: Values, target: Values, *, signature: Signature, params: Params, seed: int, algorithms: Algorithms, folds: Folds
) -> Stacked:
    """Members on (n, k) and (n,), the last one on their answers to the rows of each fold that the fold's members were not fitted on."""
    whole = Rows(matrix, target, signature, seed, params.task)
    given, known = _unseen(algorithms, params, whole, folds)
    shown = _seen([member.id for member in params.members], whole.classes)
    if params.task == "multiclass" and len(set(target[known])) < whole.classes:
        raise MemberError(f"`{_FINAL}`: the rows of the folds lack a class that the training rows have")
    final = fit_part(algorithms, params.final, _FINAL, Rows(given[known], target[known], shown, seed, params.task))
    answers(final, given[known], whole.classes)
    members = [_member(algorithms, params, position, whole, "") for position in range(len(params.members))]
    return Stacked(algorithms, tuple(members), final, params.task, whole.classes)


def _member(algorithms: Algorithms, params: Params, position: int, rows: Rows, where: str) -> Fitted:
    member = params.members[position]
    rows = Rows(rows.matrix, rows.target, rows.signature, rows.seed + position, rows.task)
    return fit_part(algorithms, member, member.id, rows, where)


def _unseen(algorithms: Algorithms, params: Params, whole: Rows, folds: Folds) -> tuple[Values, NDArray[np.int64]]:
    """Answers of every member, (n, m) or (n, m*c), and the positions of the rows that have any."""
    import numpy as np

    each = whole.classes or 1
    given = np.full((len(whole.matrix), len(params.members) * each), np.nan)
    for number, (train, rest) in enumerate(folds, start=1):
        inner = Rows(whole.matrix[train], whole.target[train], whole.signature, whole.seed, whole.task)
        if inner.classes and len(set(inner.target)) < whole.classes:
            raise MemberError(f"fold {number} leaves no row of a class to train on: let each class have more rows")
        for position in range(len(params.members)):
            member = _member(algorithms, params, position, inner, f" (fold {number})")
            said = answers(member, whole.matrix[rest], whole.classes)
            given[rest, position * each : (position + 1) * each] = said.reshape(len(rest), each)
    if not len(folds):
        raise ValueError("there are no folds to learn from")
    return given, np.unique(np.concatenate([rest for _, rest in folds]))


def save(predictor: Stacked) -> bytes:
    """One file with all members, and the last one at its end."""
    told = {"task": predictor.task, "classes": predictor.classes}
    return parts.pack(predictor.algorithms, [*predictor.members, predictor.final], told)


def load(data: bytes, *, signature: Signature, algorithms: Algorithms) -> Stacked:
    """From its file; MemberError where a part cannot be read, ValueError or KeyError where it is no such file."""
    told, (*found, last) = parts.unpack(data)
    members = tuple(parts.read(algorithms, part, signature) for part in found)
    final = parts.read(algorithms, last, _seen([part.id for part in found], told["classes"]))
    return Stacked(algorithms, members, final, told["task"], told["classes"])


ALGORITHM = (
    parts.algorithm(__name__, "stacking_classifier", Params, folds=True),
    parts.algorithm(__name__, "stacking_multiclass", SeveralParams, folds=True),
    parts.algorithm(__name__, "stacking_regressor", NumberParams, folds=True),
)
