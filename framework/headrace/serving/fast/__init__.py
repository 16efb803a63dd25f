"""How a version answers one row, and many: compiled, in a queue, or plainly; each way only where it answers as plainly."""

from headrace.serving.fast.compile import fastest
from headrace.serving.fast.gate import PROBED
from headrace.serving.fast.many import widest

__all__ = ["PROBED", "fastest", "widest"]
