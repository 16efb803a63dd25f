"""The workers of one model's server on one machine: started, watched, replaced, and as many as the load asks for."""

from headrace.serving.fleet.scale import Facts, Pace, decide
from headrace.serving.fleet.supervisor import Fleet, Limits, oversee, single_threaded

__all__ = ["Facts", "Fleet", "Limits", "Pace", "decide", "oversee", "single_threaded"]
