"""The difference between what is wanted and what is recorded, as a value; nothing has happened yet."""

from headrace.plan.change import Action, AliasBack, Change, FileChange, Forecast, Item, Judging, Plan, Selection, Training
from headrace.plan.diff import diff, fingerprint
from headrace.plan.past import Recorded, State
from headrace.plan.prepare import Prepared, prepare
from headrace.plan.view import SCHEMA, canonical, seal, to_json, to_text
from headrace.plan.wanted import Observed, Wanted

__all__ = [
    "SCHEMA",
    "Action",
    "AliasBack",
    "Change",
    "FileChange",
    "Forecast",
    "Item",
    "Judging",
    "Observed",
    "Plan",
    "Prepared",
    "Recorded",
    "Selection",
    "State",
    "Training",
    "Wanted",
    "canonical",
    "diff",
    "fingerprint",
    "prepare",
    "seal",
    "to_json",
    "to_text",
]
