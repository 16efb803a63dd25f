"""What plugins are tested with, one check an axis; and stand-ins that pass the conformance tests of what they stand for.

A check gives all that is wrong, and nothing where the plugin keeps its contract: `assert [] == check_metric(METRIC)`.
"""

from headrace.testing.algorithm import check_algorithm
from headrace.testing.channel import check_channel
from headrace.testing.detector import check_detector
from headrace.testing.exporter import check_exporter
from headrace.testing.fault import Broken
from headrace.testing.gate import check_gate
from headrace.testing.metric import check_metric
from headrace.testing.reader import check_reader
from headrace.testing.registered import check_plugins
from headrace.testing.rule import check_rule
from headrace.testing.strategy import check_strategy
from headrace.testing.tracker import check_tracker
from headrace.testing.transform import check_transform

__all__ = [
    "Broken",
    "check_algorithm",
    "check_channel",
    "check_detector",
    "check_exporter",
    "check_gate",
    "check_metric",
    "check_plugins",
    "check_reader",
    "check_rule",
    "check_strategy",
    "check_tracker",
    "check_transform",
]
