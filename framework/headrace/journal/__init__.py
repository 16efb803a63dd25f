"""What was answered and what turned out: serving spools it durably, a shipper brings it into the store, and others read it there."""

from headrace.journal import beside, reader
from headrace.journal.block import PredictionBlock
from headrace.journal.mirrored import SHADOW
from headrace.journal.presence import present, shipping_now
from headrace.journal.records import MeasureRecord, OutcomeRecord, PredictionRecord, Record, microseconds
from headrace.journal.shipping import Backlog, Shipped, backlog, ship, ship_everywhere, ship_pass, unshipped
from headrace.journal.spool import Spool, SpoolFull, Terms

__all__ = [
    "SHADOW",
    "Backlog",
    "MeasureRecord",
    "OutcomeRecord",
    "PredictionBlock",
    "PredictionRecord",
    "Record",
    "Shipped",
    "Spool",
    "SpoolFull",
    "Terms",
    "backlog",
    "beside",
    "microseconds",
    "present",
    "reader",
    "ship",
    "ship_everywhere",
    "ship_pass",
    "shipping_now",
    "unshipped",
]
