"""Which versions of a model there are, what each was made of, and which name stands for which."""

from headrace.registry.alias import CANDIDATE, CHAMPION, PREVIOUS, aliases, move, promote, rollback
from headrace.registry.exported import Written, export, verified
from headrace.registry.loading import Loaded, load, load_part
from headrace.registry.probe import probe
from headrace.registry.registration import adopt, register
from headrace.registry.soundness import Checked, checked, statement_of
from headrace.registry.version import Version, by_run, find, get, versions

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "PREVIOUS",
    "Checked",
    "Loaded",
    "Version",
    "Written",
    "adopt",
    "aliases",
    "by_run",
    "checked",
    "export",
    "find",
    "get",
    "load",
    "load_part",
    "move",
    "probe",
    "promote",
    "register",
    "rollback",
    "statement_of",
    "verified",
    "versions",
]
