"""The data plane: one FastAPI app from one serving config, following the store without ever waiting for it."""

from headrace.serving.application import app

__all__ = ["app"]
