"""The conformance kit over all that is registered: what of it keeps its contract, and what does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import assert_never

from headrace.hooks import (
    AXES,
    Algorithm,
    ChannelType,
    Detector,
    Exporter,
    Gate,
    Item,
    Metric,
    Plugins,
    Reader,
    Rule,
    Strategy,
    Tracker,
    Transform,
)
from headrace.hooks.limit import OutOfTime, within
from headrace.testing.algorithm import check_algorithm
from headrace.testing.channel import check_channel
from headrace.testing.detector import check_detector
from headrace.testing.exporter import check_exporter
from headrace.testing.fault import Broken
from headrace.testing.gate import check_gate
from headrace.testing.metric import check_metric
from headrace.testing.reader import check_reader, is_read
from headrace.testing.rule import check_rule
from headrace.testing.strategy import check_strategy
from headrace.testing.tracker import check_tracker
from headrace.testing.transform import check_transform

SECONDS = 120.0
"""How long the checks of one thing may take."""


def left(plugins: Plugins, axis: str, name: str) -> str | None:
    """What is left to the plugin's own tests; None where nothing is."""
    if axis == "channel":
        return "no message was sent: `check_channel` does, with parameters of a receiver"
    if axis == "tracker":
        return "no server was asked: `check_tracker` does, with parameters of one"
    if axis == "reader" and not is_read(plugins.readers[name]):
        return "no file of its format was read: `check_reader` does, with a function that writes one"
    return None


def check_plugins(
    plugins: Plugins, only: Collection[tuple[str, str]] | None = None, seconds: float = SECONDS
) -> Iterator[tuple[str, str, list[Broken]]]:
    """Axis, name and what is wrong, of everything or of these by axis and name; no message is sent.

    What takes longer than `seconds` of wall time is stopped, and is broken.
    """
    for axis in AXES:
        for item in plugins.of(axis).values():
            if only is None or (axis.word, item.name) in only:
                try:
                    yield axis.word, item.name, within(seconds, _check, item)
                except OutOfTime as error:
                    yield axis.word, item.name, [Broken("time", str(error))]


def _check(item: Item) -> list[Broken]:  # noqa: C901, PLR0911 - one line an axis
    match item:
        case Algorithm():
            return check_algorithm(item)
        case Metric():
            return check_metric(item)
        case Detector():
            return check_detector(item)
        case ChannelType():
            return check_channel(item)
        case Reader():
            return check_reader(item)
        case Rule():
            return check_rule(item)
        case Strategy():
            return check_strategy(item)
        case Gate():
            return check_gate(item)
        case Exporter():
            return check_exporter(item)
        case Transform():
            return check_transform(item)
        case Tracker():
            return check_tracker(item)
        case _:
            assert_never(item)
