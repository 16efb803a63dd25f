"""Runs, versions and aliases, mirrored to a tracking server of others and taken from it; a plugin speaks to the server."""

from headrace.mirroring.announcing import announce
from headrace.mirroring.outgoing import outgoing
from headrace.mirroring.pull import Pulled, pull
from headrace.mirroring.push import Pushed, push

__all__ = ["Pulled", "Pushed", "announce", "outgoing", "pull", "push"]
