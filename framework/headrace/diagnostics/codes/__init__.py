"""What every diagnostic means: its title, why it is a fault, one wrong example and one right."""

from __future__ import annotations

from headrace.diagnostics.codes import conditions, document, language, project
from headrace.diagnostics.codes.code import Code

__all__ = ["CODES", "Code"]

CODES: dict[str, Code] = {code.id: code for part in (document, language, project, conditions) for code in part.CODES}
"""Every code by its id. An id is stable: it is never given another meaning."""
