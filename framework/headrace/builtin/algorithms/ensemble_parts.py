"""What ensembles have alike: members under their ids, fitted one after another, and one file that holds them all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from headrace.hooks import Algorithm, Algorithms, Component, Predictor, Signature, Task
from headrace.spec.name import AlgorithmName, Name, ParamsOf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_MARK = b"headrace-ensemble 1\n"
"""The first line; then one of JSON, which says of each part how long it is, and the parts' own bytes one after another."""


MEMBERS: Mapping[Task, Sequence[Mapping[str, Any]]] = {
    "binary": (
        {"id": "trees", "algorithm": "lightgbm.classifier", "params": {"n_estimators": 20}},
        {"id": "line", "algorithm": "sklearn.logistic_regression"},
    ),
    "multiclass": (
        {"id": "trees", "algorithm": "lightgbm.multiclass", "params": {"n_estimators": 20}},
        {"id": "line", "algorithm": "sklearn.logistic_regression_multiclass"},
    ),
    "regression": (
        {"id": "trees", "algorithm": "lightgbm.regressor", "params": {"n_estimators": 20}},
        {"id": "line", "algorithm": "sklearn.ridge"},
    ),
}
"""Two members by task, as examples."""


class MemberError(Exception):
    """A part failed; says which."""


class Part(BaseModel):
    """One algorithm with its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    algorithm: AlgorithmName = Field(description="A registered algorithm of the same task; none that is an ensemble itself.")
    params: Annotated[dict[str, Any], ParamsOf("algorithm")] = Field(default={}, description="Its parameters.")


class Member(Part):
    """One of several."""

    id: Name = Field(description="What the member is called.")


def _distinct(members: tuple[Any, ...]) -> tuple[Any, ...]:
    ids = [member.id for member in members]
    if double := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"two members are called `{double[0]}`")
    return members


Distinct = AfterValidator(_distinct)
"""No two members of one id."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A part that was fitted, or read."""

    id: str
    algorithm: str
    params: Mapping[str, Any]
    predictor: Predictor

    def predict(self, matrix: Values) -> Values:
        """Its answers to (n, k); MemberError where it raises."""
        import numpy as np

        try:
            return np.asarray(self.predictor.predict(matrix), dtype=np.float64)
        except Exception as error:  # a plugin may raise anything
            raise MemberError(f"`{self.id}`: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class Rows:
    """What each part is fitted on, and what it may answer."""

    matrix: Values
    target: Values
    signature: Signature
    seed: int
    task: Task

    @property
    def classes(self) -> int:
        """How many there are; 0 where there are none."""
        return int(self.target.max()) + 1 if self.task == "multiclass" else 0


def fit_part(algorithms: Algorithms, part: Part, name: str, rows: Rows, where: str = "") -> Fitted:
    """One part under its name; MemberError tells it, and where it was fitted, where it raises or is for another task."""
    try:
        task = algorithms.task(part.algorithm)
        if task != rows.task:
            raise TypeError(f"`{part.algorithm}` is of the task `{task}`, and the ensemble of `{rows.task}`")  # noqa: TRY301 - named below
        model = algorithms.fit(part.algorithm, part.params, rows.matrix, rows.target, signature=rows.signature, seed=rows.seed)
    except Exception as error:  # a plugin may raise anything
        raise MemberError(f"`{name}`{where}: {type(error).__name__}: {error}") from error
    return Fitted(name, part.algorithm, part.params, model)


def answers(part: Fitted, matrix: Values, classes: int) -> Values:
    """A part's answers to (n, k), (n,) or (n, c); MemberError where they have another shape, or one is no number."""
    import numpy as np

    given = part.predict(matrix)
    wanted = (len(matrix), classes) if classes else (len(matrix),)
    if given.shape != wanted:
        raise MemberError(f"`{part.id}`: it gave an answer of shape {given.shape}, and not {wanted}")
    if not np.isfinite(given).all():
        raise MemberError(f"`{part.id}`: it gave {int((~np.isfinite(given)).sum()):,} answers that are no number")
    return given


def pack(algorithms: Algorithms, parts: Sequence[Fitted], told: Mapping[str, Any]) -> bytes:
    """The file of an ensemble: equal parts are equal bytes."""
    kept = [algorithms.save(part.algorithm, part.predictor) for part in parts]
    said = [
        {"id": part.id, "algorithm": part.algorithm, "params": dict(part.params), "length": len(data)}
        for part, data in zip(parts, kept, strict=True)
    ]
    header = json.dumps({**told, "parts": said}, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _MARK + header.encode() + b"\n" + b"".join(kept)


def unpack(data: bytes) -> tuple[dict[str, Any], list[Component]]:
    """The inverse of `pack`, no part read yet; ValueError or KeyError where it is no such file."""
    if not data.startswith(_MARK):
        raise ValueError("it is no file of an ensemble")
    line, _, rest = data[len(_MARK) :].partition(b"\n")
    told: dict[str, Any] = json.loads(line)
    found = []
    for part in told.pop("parts"):
        found.append(Component(part["id"], part["algorithm"], part["params"], rest[: part["length"]]))
        if len(found[-1].data) != part["length"]:
            raise ValueError("the file ends before its parts do")
        rest = rest[part["length"] :]
    return told, found


def components(data: bytes) -> list[Component]:
    """The parts of a file."""
    return unpack(data)[1]


def read(algorithms: Algorithms, part: Component, signature: Signature) -> Fitted:
    """A part from its own bytes; MemberError names it."""
    try:
        return Fitted(part.id, part.algorithm, part.params, algorithms.load(part.algorithm, part.data, signature=signature))
    except Exception as error:  # a plugin may raise anything
        raise MemberError(f"`{part.id}`: {type(error).__name__}: {error}") from error


def algorithm(module: str, name: str, params: type[BaseModel], *, folds: bool = False) -> Algorithm:
    """What a module registers whose functions are `fit`, `save` and `load`; `params` has its task as `task`."""
    return Algorithm(
        name=f"ensemble.{name}",
        task=params.task,  # type: ignore[attr-defined]
        params=f"{module}:{params.__name__}",
        fit=f"{module}:fit",
        save=f"{module}:save",
        load=f"{module}:load",
        format="headrace-ensemble",
        components=f"{module}:components",
        folds=folds,
    )
