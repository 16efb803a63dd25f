"""What was answered and what turned out: serving spools it durably, a shipper brings it into the store, and others read it there."""

from headrace.journal import reader
from headrace.journal.block import PredictionBlock
from headrace.journal.records import OutcomeRecord, PredictionRecord, Record
from headrace.journal.shipping import Shipped, ship, ship_pass, unshipped
from headrace.journal.spool import Spool, SpoolFull

__all__ = [
    "OutcomeRecord",
    "PredictionBlock",
    "PredictionRecord",
    "Record",
    "Shipped",
    "Spool",
    "SpoolFull",
    "reader",
    "ship",
    "ship_pass",
    "unshipped",
]
