"""Which permission each path of a server needs."""

from __future__ import annotations

from headrace.identity.scopes import Scope

_PATHS: dict[str, Scope] = {
    "/predict": "predict",
    "/predict/batch": "predict",
    "/outcomes": "outcomes",
    "/approvals": "approve",
    "/metrics": "observe",
    "/metadata": "observe",
    "/v2/repository/index": "observe",
}
_BELOW: tuple[tuple[str, Scope], ...] = (("/events/", "outcomes"), ("/approvals/", "approve"), ("/v2/repository/", "manage"))


def needed(path: str) -> Scope:
    """What whoever asks a path must be allowed; what only tells how to ask needs what asking does."""
    found = _PATHS.get(path)
    if found is not None:
        return found
    return next((scope for prefix, scope in _BELOW if path.startswith(prefix)), "predict")
