"""The section `serving` of a model: how it answers requests."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.quantity import Rate, Size
from headrace.spec.serving_limits import Limits


class Replicas(Spec):
    """How many servers answer, and what each may use."""

    min: int = field("The least that run.", Effect.REDEPLOY, default=1, example=1, ge=1)
    max: int = field("The most that run.", Effect.REDEPLOY, default=1, example=4, ge=1)
    memory: Size | None = field("What each may use.", Effect.REDEPLOY, default=None, example="4GiB", gt=0)


class Serving(Spec):
    """One model server."""

    traffic: Rate | None = field(
        "Requests expected, so that a plan can say what a rollout can decide.", Effect.METADATA, default=None, example="12000/d"
    )
    port: int = field("The port on loopback that it answers on.", Effect.REDEPLOY, default=8080, example=8080, ge=1, le=65535)
    replicas: Replicas | None = field(
        "How many servers answer; one, where it is not given.", Effect.REDEPLOY, default=None, example={"min": 1, "max": 4}, later=True
    )
    fallback: Literal["champion", "none"] = field(
        "Who answers when the candidate errs: the champion, or nobody (the caller gets the error).",
        Effect.REDEPLOY,
        default="champion",
        example="champion",
    )
    max_rows: int = field("The most rows that one batch request may carry.", Effect.REDEPLOY, default=1000, example=1000, ge=1, le=100_000)
    limits: Limits = field(
        "How much of a request is taken, and how many at once.",
        Effect.REDEPLOY,
        default=Limits(),
        example={"body": "8MiB", "concurrency": 128},
    )
