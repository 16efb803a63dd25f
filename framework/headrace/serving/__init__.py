"""The data plane: one FastAPI app from one serving config, following the store without ever waiting for it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.serving.application import app as app

__all__ = ["app"]


def __getattr__(name: str) -> object:
    """`app`, loaded where it is asked for: who only watches over servers needs none of what one is made of."""
    if name == "app":
        from headrace.serving.application import app

        return app
    raise AttributeError(name)
