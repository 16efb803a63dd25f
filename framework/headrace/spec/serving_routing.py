"""What a server does beside answering: `serving.shadow`, a version that mirrors requests, and `serving.cache`, answers kept for a while."""

from __future__ import annotations

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Name
from headrace.spec.quantity import Duration, Percentage


class Shadow(Spec):
    """A version that is asked what the others have answered, and whose answers nobody gets."""

    version: Name = field(
        "Which version: an alias such as `candidate` or `challenger`, `latest`, or a number as `v7`.", Effect.REDEPLOY, example="latest"
    )
    share: Percentage = field(
        "The share of the answered rows that it is asked, too.",
        Effect.REDEPLOY,
        default="100%",
        example="20%",
        gt=0,
        le=1,
        validate_default=True,
    )
    queue: int = field(
        "How many rows may wait for it; more are dropped, and counted.", Effect.REDEPLOY, default=1000, example=1000, ge=1, le=100_000
    )


class Cache(Spec):
    """Predictions kept by version and exact inputs: worth it where a prediction costs more than some tenths of a millisecond."""

    predictions: int = field(
        "The most that are kept; those used longest ago go first.", Effect.REDEPLOY, example=10000, ge=1, le=10_000_000
    )
    for_: Duration = field("How long one is kept.", Effect.REDEPLOY, default="60s", alias="for", example="60s", gt=0, validate_default=True)
