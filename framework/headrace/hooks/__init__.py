"""The contracts a plugin fulfils, and the values that cross them."""

from headrace.hooks.axis import AXES, Axis
from headrace.hooks.contracts import Algorithm, ChannelType, Detector, Item, Metric, Reader, Rule, resolve
from headrace.hooks.fault import Off
from headrace.hooks.found import Origin
from headrace.hooks.plugins import Plugins, load_plugins
from headrace.hooks.specs import hookimpl
from headrace.hooks.values import Comparison, Finding, Input, Message, Predictor, Signature

__all__ = [
    "AXES",
    "Algorithm",
    "Axis",
    "ChannelType",
    "Comparison",
    "Detector",
    "Finding",
    "Input",
    "Item",
    "Message",
    "Metric",
    "Off",
    "Origin",
    "Plugins",
    "Predictor",
    "Reader",
    "Rule",
    "Signature",
    "hookimpl",
    "load_plugins",
    "resolve",
]
