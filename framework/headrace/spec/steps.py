"""The section `steps` of a model: a user's own Python between two of the framework's steps, one line each."""

from __future__ import annotations

from typing import Any, Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Implementation, Name
from headrace.spec.quantity import Duration


class CustomStep(Spec):
    """One Python function that is called between two of the model's own steps; the gates judge what comes of it as of everything."""

    id: Name = field("The step's name in flows, plans and runs.", Effect.RETRAIN, example="clean")
    python: Implementation = field(
        "The function, `package.module:function`; the module stands in the project's folder or is installed.",
        Effect.RETRAIN,
        example="mycompany.steps:clean",
    )
    after: Literal["features", "training", "gates"] = field(
        "`features`: given the rows, it gives the rows to train on, and held-out rows stay as they are; `training`: given the candidate "
        "and its held-out rows with their predictions, it gives notes for the run, or raises to end it.",
        Effect.RETRAIN,
        example="features",
        later=("gates",),
    )
    params: dict[str, Any] = field("Its keyword arguments.", Effect.RETRAIN, default={}, example={"country": "US"})
    timeout: Duration | None = field("When it is ended.", Effect.RECONFIGURE, default=None, example="10m")
