"""Which rows a model is trained on: read from a source and from the journal, as they were known at a moment, each on its side for ever."""

from headrace.features.arrival import arrivals
from headrace.features.checks import Checked, check, tell
from headrace.features.engine import Origins
from headrace.features.joined import joined
from headrace.features.landing import Landed, landed
from headrace.features.remake import remake
from headrace.features.rows import training_rows
from headrace.features.source import read_source, typed
from headrace.features.values import Category, Number, RandomSplit, Rows, Target, Text, TimeSplit

__all__ = [
    "Category",
    "Checked",
    "Landed",
    "Number",
    "Origins",
    "RandomSplit",
    "Rows",
    "Target",
    "Text",
    "TimeSplit",
    "arrivals",
    "check",
    "joined",
    "landed",
    "read_source",
    "remake",
    "tell",
    "training_rows",
    "typed",
]
