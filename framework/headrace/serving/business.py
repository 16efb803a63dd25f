"""The body of business metrics: who, which of the model's metrics, how much, when, and by which id it counts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic_core import ErrorDetails, from_json

from headrace.compiled import ServingConfig
from headrace.serving.once import refuse_twice
from headrace.serving.schema import MAX_TEXT, NO_NUL, STRICT, Entity, Time, refusal, said

MEASURES = "measures"


@dataclass(frozen=True, slots=True)
class Told:
    """One valid value of a business metric."""

    id: str
    unit: str
    metric: str
    value: float
    at: datetime


class MeasuresSchema:
    """The body of a model whose experiment is judged by metrics of these names."""

    def __init__(self, config: ServingConfig) -> None:
        self._names = config.measures
        metric: Any = Literal[config.measures]
        text: Any = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=NO_NUL)]
        item = create_model(
            "Measure",
            __config__=STRICT,
            id=(text, Field(description="told twice, it counts once")),
            unit=(Entity, Field(description=f"whose, as `{config.unit}` is in a request")),
            metric=(metric, ...),
            value=(Annotated[float, Field(allow_inf_nan=False)], ...),
            at=(Time, Field(description="when it happened")),
        )
        self.body: type[BaseModel] = create_model(
            "Measures", __config__=STRICT, measures=(Annotated[list[item], Field(min_length=1, max_length=config.max_rows)], ...)
        )

    def read(self, body: bytes) -> list[Told]:
        """The values; Refused (422, naming each field) where they do not fit."""
        try:
            found: Sequence[Any] = self.body.__pydantic_validator__.validate_json(body).__dict__[MEASURES]
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        else:
            refuse_twice(body, 1 + sum(len(item.__pydantic_fields_set__) for item in found))
            return [Told(item.id, str(item.unit), item.metric, item.value, item.at) for item in found]
        raise refusal(details, self._say)

    def _say(self, name: str, detail: ErrorDetails) -> str:
        if detail["type"] == "literal_error":
            return f"is none of the metrics that this model is judged by: {', '.join(self._names)}"
        if detail["type"] == "extra_forbidden" and name == "outcomes":
            return "stands beside `measures`: send each in a request of its own"
        if name == "unit" and detail["type"] not in {"missing", "string_pattern_mismatch"}:
            return f"must be a whole number or a text of 1 to {MAX_TEXT} characters"
        return said(detail, "is required", "is no field of a measure")


def of_measures(body: bytes) -> bool:
    """Whether a body tells business metrics, and not outcomes."""
    if MEASURES.encode() not in body:
        return False
    try:
        found = from_json(body)
    except ValueError:
        return False
    return isinstance(found, dict) and MEASURES in found
