"""Golden requests: a file of requests and the answers that any version of a model must give to them, within a tolerance.

{"tolerance": 0.05, "requests": [
  {"id": "young", "inputs": {"age": 19, "region": "south"}, "expect": 0.12},
  {"inputs": {"age": 61, "region": null}, "between": [0.5, 1]}]}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headrace.hooks.answers import Answers, label
from headrace.hooks.values import Signature

Said = float | Mapping[str, float] | str
"""One answer: a number, a number for each class or level, or why there is none."""
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Request(BaseModel):
    """One request and what is expected: `expect` a number, one for each class or level, or a label; or `between` two numbers."""

    model_config = _STRICT

    id: str | None = None
    inputs: dict[str, float | str | None]
    expect: float | dict[str, float] | str | None = None
    between: tuple[float, float] | None = None
    tolerance: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.expect is None) == (self.between is None):
            raise ValueError("a request has either `expect` or `between`")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError("`between` has the lower number first")
        return self


class Golden(BaseModel):
    """The file: by `tolerance` an answer may lie beside what is expected, where a request does not say otherwise."""

    model_config = _STRICT

    tolerance: float = Field(default=1e-6, ge=0)
    requests: tuple[Request, ...] = Field(min_length=1, max_length=10_000)


@dataclass(frozen=True, slots=True)
class Off:
    """A request that was answered otherwise than expected."""

    id: str
    says: str


def read_golden(data: bytes) -> Golden:
    """A file of golden requests; ValueError, in one line, where it is none."""
    try:
        return Golden.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"`{'.'.join(map(str, first['loc'])) or 'the file'}`: {first['msg']}") from None


def replayed(golden: Golden, given: Sequence[Said], answers: Answers, signature: Signature) -> Iterator[Off]:
    """The requests whose answers, in the same order, are not as expected; one that does not have exactly the model's inputs is one."""
    names = {item.name for item in signature.inputs}
    for position, (request, said) in enumerate(zip(golden.requests, given, strict=True)):
        why = _inputs(request, names) or _off(request, said, answers, golden.tolerance)
        if why is not None:
            yield Off(request.id or f"request {position + 1}", why)


def _inputs(request: Request, names: set[str]) -> str | None:
    if more := sorted(request.inputs.keys() - names):
        return f"`{more[0]}` is no input of the model"
    if lacking := sorted(names - request.inputs.keys()):
        return f"it has no `{lacking[0]}`, which is an input of the model"
    return None


def _off(request: Request, said: Said, answers: Answers, usual: float) -> str | None:
    """Why an answer is not the expected one; None where it is."""
    room = usual if request.tolerance is None else request.tolerance
    match said, request.expect:
        case str(), _:
            return f"there is no answer: {said}"
        case _, None:
            low, high = request.between or (math.nan, math.nan)
            number = said if isinstance(said, float) else math.nan
            return None if low <= number <= high else f"the answer is {_told(said)}, and {low:g} to {high:g} is expected"
        case Mapping(), str(wanted):
            found = label({name: said[name] for name in answers.keys})
            return None if found == wanted and answers.classes else f"the answer is `{found}`, and `{wanted}` is expected"
        case Mapping(), dict(numbers):
            return None if _near(said, numbers, room) else f"the answer is {_told(said)}, and {_told(numbers)} is expected, by {room:g}"
        case float(), float(wanted):
            return None if abs(said - wanted) <= room else f"the answer is {said:.6g}, and {wanted:.6g} is expected, by {room:g}"
        case _:
            return f"the answer is {_told(said)}, and {_told(request.expect)} is expected"


def _near(said: Mapping[str, float], wanted: Mapping[str, float], room: float) -> bool:
    return said.keys() == wanted.keys() and all(abs(said[name] - wanted[name]) <= room for name in wanted)


def _told(value: Said | None) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {number:.6g}" for name, number in value.items()) + "}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
