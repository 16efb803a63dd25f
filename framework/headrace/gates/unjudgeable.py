"""Why a gate cannot say more than no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Unjudgeable(Exception):  # noqa: N818 - it is no error of ours, it is a reason to fail
    """The reason, as a verdict tells it, and what is known all the same."""

    def __init__(self, reason: str, evidence: Mapping[str, Any] | None = None) -> None:
        self.evidence = evidence
        super().__init__(reason)
