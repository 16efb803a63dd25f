"""Several models answered on one port, each below `/models/NAME` with its own journal, counts and circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.serving.together.application import Member, Together

__all__ = ["Member", "Together"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module has
    """Import what is asked for when it is asked for: a supervisor needs nothing of it."""
    if name in __all__:
        from headrace.serving.together import application

        return getattr(application, name)
    raise AttributeError(name)
