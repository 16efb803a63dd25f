"""Whether what a spec says of a source's rows holds, and some of the rows that break it."""

from headrace.features.checks.checked import Checked, tell
from headrace.features.checks.run import check, look

__all__ = ["Checked", "check", "look", "tell"]
