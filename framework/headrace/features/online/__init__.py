"""Features at serving: events kept raw, and read for one entity as of one moment, by the same rules as for training."""

from headrace.features.online import backfill
from headrace.features.online.aggregate import Computing
from headrace.features.online.backfill import Part, Planned, Span
from headrace.features.online.database import location, remote
from headrace.features.online.definition import Definition, define
from headrace.features.online.event import Event, Value, entity_of, event, moment
from headrace.features.online.events import Events, Known, State, plan
from headrace.features.online.live import live
from headrace.features.online.materialize import Done, Progress, definition_of, materialize, prune

__all__ = [
    "Computing",
    "Definition",
    "Done",
    "Event",
    "Events",
    "Known",
    "Part",
    "Planned",
    "Progress",
    "Span",
    "State",
    "Value",
    "backfill",
    "define",
    "definition_of",
    "entity_of",
    "event",
    "live",
    "location",
    "materialize",
    "moment",
    "plan",
    "prune",
    "remote",
]
