"""`kind: overlay`: what differs in one environment."""

from __future__ import annotations

from typing import Any, Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Name


class Overlay(Spec):
    """Patches of documents, for one environment: merged first, then the result is judged as if it had been written so."""

    kind: Literal["overlay"]
    name: Name = field("The overlay's name.", Effect.METADATA, example="staging")
    description: str = field("Why it differs.", Effect.METADATA, default="", example="smaller and faster, with one approver")
    environment: Name = field("The environment that it is for.", Effect.METADATA, example="staging")
    patches: dict[str, dict[str, Any]] = field(
        "By address, what differs: mappings merge, lists merge by `id` (judges by `metric`), another value replaces, `null` removes.",
        Effect.METADATA,
        default={},
        example={"model/employment": {"training": {"seed": 8}}},
    )
