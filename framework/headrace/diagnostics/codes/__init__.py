"""What every diagnostic means: its title, why it is a fault, one wrong example and one right, or what to type."""

from __future__ import annotations

from headrace.diagnostics.codes import (
    access,
    approval,
    attested,
    audit,
    batch,
    bodies,
    cards,
    conditions,
    document,
    language,
    life,
    memory,
    project,
    requests,
    rows,
    running,
    tracked,
    values,
    versions,
)
from headrace.diagnostics.codes.code import Code

__all__ = ["CODES", "Code"]

_PARTS = (
    document,
    language,
    project,
    values,
    conditions,
    life,
    rows,
    versions,
    memory,
    running,
    tracked,
    requests,
    batch,
    access,
    bodies,
    attested,
    audit,
    cards,
    approval,
)

CODES: dict[str, Code] = {code.id: code for part in _PARTS for code in part.CODES}
"""Every code by its id. An id is stable: it is never given another meaning."""
