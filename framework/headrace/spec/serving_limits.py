"""The key `limits` of a model's serving: how much of a request is taken, and how many requests at once."""

from __future__ import annotations

from datetime import timedelta

from headrace.spec.field import Effect, Spec, field
from headrace.spec.quantity import Duration, Size


class Limits(Spec):
    """What a server takes; beyond it a request is refused, and never waits without a bound."""

    body: Size = field(
        "The most bytes of one request's body.", Effect.REDEPLOY, default="1MiB", validate_default=True, example="8MiB", ge=1024, le=2**30
    )
    depth: int = field("How deep lists and objects of a JSON body may nest.", Effect.REDEPLOY, default=32, example=32, ge=4, le=128)
    time: Duration = field(
        "In which a request's head, and after it its body, must have come.",
        Effect.REDEPLOY,
        default="5s",
        validate_default=True,
        example="5s",
        gt=timedelta(0),
        le=timedelta(hours=1),
    )
    answer: Duration = field(
        "In which a request must be answered that waits: of many rows, for an explanation, for features, a token's key, a queue or a "
        "cache; one that takes longer gets 503.",
        Effect.REDEPLOY,
        default="30s",
        validate_default=True,
        example="30s",
        gt=timedelta(0),
        le=timedelta(hours=1),
    )
    concurrency: int = field(
        "Requests that are worked on at once; one more gets 503 and when to try again.",
        Effect.REDEPLOY,
        default=256,
        example=256,
        ge=1,
        le=100_000,
    )
    connections: int = field(
        "Connections that are open at once; one more is told 503 and closed.",
        Effect.REDEPLOY,
        default=10_000,
        example=10_000,
        ge=1,
        le=1_000_000,
    )
