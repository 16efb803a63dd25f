"""The section `serving` of a model: how it answers requests."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.quantity import Rate, Size
from headrace.spec.serving_access import Auth, RateLimit, Tls, Tracing
from headrace.spec.serving_journal import Journal
from headrace.spec.serving_limits import Limits
from headrace.spec.serving_middleware import Middleware
from headrace.spec.serving_routing import Cache, Shadow


class Replicas(Spec):
    """How many processes of one machine answer on the port, and what each may use. Between `min` and `max` the load decides."""

    min: int = field("The fewest processes that answer.", Effect.REDEPLOY, default=1, example=1, ge=1)
    max: int = field("The most processes that answer, when the load asks for them.", Effect.REDEPLOY, default=1, example=4, ge=1)
    memory: Size | None = field(
        "The memory above which a process is replaced: it finishes what it has once another one answers.",
        Effect.REDEPLOY,
        default=None,
        example="4GiB",
        gt=0,
    )


class Serving(Spec):
    """One model server."""

    traffic: Rate | None = field(
        "Requests expected, so that a plan can say what a rollout can decide.", Effect.METADATA, default=None, example="12000/d"
    )
    port: int = field("The port on loopback that it answers on.", Effect.REDEPLOY, default=8080, example=8080, ge=1, le=65535)
    replicas: Replicas | None = field(
        "How many processes answer on the port; one, where it is not given.", Effect.REDEPLOY, default=None, example={"min": 1, "max": 4}
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
    auth: Auth | None = field(
        "Who may ask; everybody who reaches the port, where it is not given.", Effect.REDEPLOY, default=None, example={"keys": True}
    )
    rate: RateLimit | None = field(
        "How many requests each caller may send; what is more is answered with 429.",
        Effect.REDEPLOY,
        default=None,
        example={"requests": "100/s", "burst": 200, "by": "key"},
    )
    tls: Tls | None = field(
        "Answer HTTPS, and nothing else.",
        Effect.REDEPLOY,
        default=None,
        example={"certificate": "file:tls/server.crt", "key": "file:tls/server.key"},
    )
    tracing: Tracing | None = field(
        "Send traces of requests; none where it is not given.",
        Effect.REDEPLOY,
        default=None,
        example={"endpoint": "http://127.0.0.1:4318/v1/traces"},
    )
    middleware: tuple[Middleware, ...] = field(
        "Python of your own around every request, the first one outermost; predictions are then answered by FastAPI's routes.",
        Effect.REDEPLOY,
        default=(),
        example=[{"python": "mycompany.web:Stamp", "params": {"header": "X-Company"}}],
    )
    journal: Journal = field(
        "What is promised of the record of every answer.", Effect.REDEPLOY, default=Journal(), example={"full": "drop"}
    )
    shadow: Shadow | None = field(
        "A version that mirrors requests after they were answered.",
        Effect.REDEPLOY,
        default=None,
        example={"version": "latest", "share": "20%"},
    )
    cache: Cache | None = field(
        "Predictions kept for equal inputs; none, where it is not given.",
        Effect.REDEPLOY,
        default=None,
        example={"predictions": 10000, "for": "60s"},
    )
