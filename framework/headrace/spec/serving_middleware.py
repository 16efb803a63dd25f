"""The key `middleware` of a model's serving: a user's own Python around every request."""

from __future__ import annotations

from typing import Any

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Implementation


class Middleware(Spec):
    """One ASGI middleware: it is called with the app that it stands around, and every request goes through it, those for health too."""

    python: Implementation = field(
        "The class, `package.module:Class`; the module stands in the project's folder or is installed.",
        Effect.REDEPLOY,
        example="mycompany.web:Stamp",
    )
    params: dict[str, Any] = field("Its keyword arguments beside the app.", Effect.REDEPLOY, default={}, example={"header": "X-Company"})
