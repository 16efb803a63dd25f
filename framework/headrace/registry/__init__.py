"""Which versions of a model there are, what each was made of, and which name stands for which."""

from headrace.registry.alias import CANDIDATE, CHAMPION, PREVIOUS, aliases, move, promote, rollback
from headrace.registry.card import Approved, CardOf, card_approved, card_history, card_of, cards
from headrace.registry.card_evidence import Declared, declared
from headrace.registry.card_writing import approve_card, archive_card, card_now, refuse_card, submit_card, write_card
from headrace.registry.exported import Written, export, verified
from headrace.registry.loading import Loaded, load, load_part
from headrace.registry.probe import probe
from headrace.registry.registration import adopt, register
from headrace.registry.version import Version, by_run, find, get, versions

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "PREVIOUS",
    "Approved",
    "CardOf",
    "Declared",
    "Loaded",
    "Version",
    "Written",
    "adopt",
    "aliases",
    "approve_card",
    "archive_card",
    "by_run",
    "card_approved",
    "card_history",
    "card_now",
    "card_of",
    "cards",
    "declared",
    "export",
    "find",
    "get",
    "load",
    "load_part",
    "move",
    "probe",
    "promote",
    "refuse_card",
    "register",
    "rollback",
    "submit_card",
    "verified",
    "versions",
    "write_card",
]
