"""The contracts a plugin fulfils, and the values that cross them."""

from headrace.hooks.answers import Answers, Task
from headrace.hooks.axis import AXES, Axis
from headrace.hooks.contracts import (
    Algorithm,
    ChannelType,
    Detector,
    Exporter,
    Gate,
    Item,
    Metric,
    Reader,
    Rule,
    Strategy,
    Transform,
    resolve,
)
from headrace.hooks.fault import Off
from headrace.hooks.found import Origin
from headrace.hooks.plugins import Plugins, load_plugins
from headrace.hooks.specs import hookimpl
from headrace.hooks.values import (
    Algorithms,
    Comparison,
    Component,
    Export,
    Finding,
    HeldOut,
    Input,
    Live,
    Message,
    Predictor,
    Prepared,
    Ruling,
    Rung,
    Signature,
)
from headrace.hooks.watch import EnoughError, Watch
from headrace.spec.quantity import Duration, Percentage

__all__ = [
    "AXES",
    "Algorithm",
    "Algorithms",
    "Answers",
    "Axis",
    "ChannelType",
    "Comparison",
    "Component",
    "Detector",
    "Duration",
    "EnoughError",
    "Export",
    "Exporter",
    "Finding",
    "Gate",
    "HeldOut",
    "Input",
    "Item",
    "Live",
    "Message",
    "Metric",
    "Off",
    "Origin",
    "Percentage",
    "Plugins",
    "Predictor",
    "Prepared",
    "Reader",
    "Rule",
    "Ruling",
    "Rung",
    "Signature",
    "Strategy",
    "Task",
    "Transform",
    "Watch",
    "hookimpl",
    "load_plugins",
    "resolve",
]
