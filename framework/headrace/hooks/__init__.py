"""The contracts a plugin fulfils, and the values that cross them."""

from headrace.hooks.contracts import Algorithm, ChannelType, Detector, Metric, Reader, resolve
from headrace.hooks.plugins import Plugins, load_plugins
from headrace.hooks.specs import hookimpl
from headrace.hooks.values import Comparison, Input, Message, Predictor, Signature

__all__ = [
    "Algorithm",
    "ChannelType",
    "Comparison",
    "Detector",
    "Input",
    "Message",
    "Metric",
    "Plugins",
    "Predictor",
    "Reader",
    "Signature",
    "hookimpl",
    "load_plugins",
    "resolve",
]
