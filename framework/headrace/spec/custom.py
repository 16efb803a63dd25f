"""The section `steps` of a model: steps of one's own within its training."""

from __future__ import annotations

from typing import Any, Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Implementation, Name
from headrace.spec.quantity import Duration


class CustomStep(Spec):
    """One Python function that is called between two of the model's own steps."""

    id: Name = field("The step's name in flows, plans and runs.", Effect.RETRAIN, example="enrich")
    python: Implementation = field("The function, `package.module:function`.", Effect.RETRAIN, example="mycompany.steps:enrich")
    after: Literal["features", "training", "gates"] = field("The step that it follows.", Effect.RETRAIN, example="features")
    params: dict[str, Any] = field("Its keyword arguments.", Effect.RETRAIN, default={}, example={"country": "US"})
    timeout: Duration | None = field("When it is ended.", Effect.RECONFIGURE, default=None, example="10m")
