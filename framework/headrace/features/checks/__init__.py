"""Whether what a spec says of a source's rows holds, and some of the rows that break it."""

from headrace.features.checks.checked import Checked, tell
from headrace.features.checks.run import check, look
from headrace.features.checks.trained import SPREAD, Trained, of_training, record, trained

__all__ = ["SPREAD", "Checked", "Trained", "check", "look", "of_training", "record", "tell", "trained"]
