"""The difference between what is wanted and what is recorded, as a value; nothing has happened yet."""

from headrace.plan.change import Action, Change, FileChange, Forecast, Item, Plan, Training
from headrace.plan.diff import diff, fingerprint
from headrace.plan.state import Recorded, State
from headrace.plan.view import canonical, to_json, to_text
from headrace.plan.wanted import Observed, Wanted

__all__ = [
    "Action",
    "Change",
    "FileChange",
    "Forecast",
    "Item",
    "Observed",
    "Plan",
    "Recorded",
    "State",
    "Training",
    "Wanted",
    "canonical",
    "diff",
    "fingerprint",
    "to_json",
    "to_text",
]
