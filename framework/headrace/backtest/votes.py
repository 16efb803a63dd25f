"""Which versions wait for people's votes and for nothing else: a driven clock stands still until they are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlmodel import Session

from headrace import governance
from headrace.compiled import GovernanceConfig
from headrace.registry import asked


@dataclass(frozen=True, slots=True)
class Votes:
    """Where votes are asked for: by the policies that were applied, or those that are `compiled` where nothing was."""

    project: str = ""
    environment: str = ""
    compiled: GovernanceConfig = field(default_factory=GovernanceConfig)

    def awaited(self, session: Session, model: str) -> dict[int, str]:
        """The versions of a model that votes alone are missing for, each with what is missing."""
        rows = [row for row in governance.listed(session, self.environment, model) if row.number is not None]
        if not rows:
            return {}
        governing = governance.in_force(session, self.project, self.compiled)
        missing = {row.number: asked.missing(session, governing, row) for row in rows if row.number is not None}
        return {number: why for number, why in missing.items() if why is not None}
