"""What every run was asked for, measured and left: written while it goes on, found and compared afterwards."""

from headrace.tracking.book import begin, end, link, log_params, log_points, make_note, reopen, set_tags, write_digests
from headrace.tracking.commit import Commit, authors, commit
from headrace.tracking.compare import MISSING, Comparison, compare
from headrace.tracking.found import Found, Last, Page, Point, children, find, get, history, search
from headrace.tracking.identity import Process, new_id
from headrace.tracking.reaping import reap
from headrace.tracking.recorder import Recorder
from headrace.tracking.tested import FEWEST, HOLDOUT, REFERENCE, holdout_digest
from headrace.tracking.wanted import Order, order

__all__ = [
    "FEWEST",
    "HOLDOUT",
    "MISSING",
    "REFERENCE",
    "Commit",
    "Comparison",
    "Found",
    "Last",
    "Order",
    "Page",
    "Point",
    "Process",
    "Recorder",
    "authors",
    "begin",
    "children",
    "commit",
    "compare",
    "end",
    "find",
    "get",
    "history",
    "holdout_digest",
    "link",
    "log_params",
    "log_points",
    "make_note",
    "new_id",
    "order",
    "reap",
    "reopen",
    "search",
    "set_tags",
    "write_digests",
]
