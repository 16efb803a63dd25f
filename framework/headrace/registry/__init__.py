"""Which versions of a model there are, what each was made of, how far each has come, and which name stood for which at what time."""

from headrace.registry.alias import CANDIDATE, CHAMPION, PREVIOUS, aliases, move, promote, reject, rollback
from headrace.registry.as_of import Held, Then, as_of
from headrace.registry.card import Approved, CardOf, card_approved, card_history, card_of, cards
from headrace.registry.card_evidence import Declared, declared
from headrace.registry.card_writing import approve_card, archive_card, card_judged, card_now, refuse_card, submit_card, write_card
from headrace.registry.conflict import ANY
from headrace.registry.exported import Written, export, verified
from headrace.registry.golden import answers_to, replay
from headrace.registry.indexed import set_tag
from headrace.registry.loading import Loaded, load, load_part
from headrace.registry.probe import probe
from headrace.registry.promotion import Check, Promotion, Way
from headrace.registry.registration import adopt, register, set_semver
from headrace.registry.semver import SemVer
from headrace.registry.soundness import Checked, checked, statement_of
from headrace.registry.stage import Stay, set_stage, stage_of
from headrace.registry.tombstone import withdraw
from headrace.registry.version import Version, by_run, find, get, versions
from headrace.store.kinds import Stage

__all__ = [
    "ANY",
    "CANDIDATE",
    "CHAMPION",
    "PREVIOUS",
    "Approved",
    "CardOf",
    "Check",
    "Checked",
    "Declared",
    "Held",
    "Loaded",
    "Promotion",
    "SemVer",
    "Stage",
    "Stay",
    "Then",
    "Version",
    "Way",
    "Written",
    "adopt",
    "aliases",
    "answers_to",
    "approve_card",
    "archive_card",
    "as_of",
    "by_run",
    "card_approved",
    "card_history",
    "card_judged",
    "card_now",
    "card_of",
    "cards",
    "checked",
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
    "reject",
    "replay",
    "rollback",
    "set_semver",
    "set_stage",
    "set_tag",
    "stage_of",
    "statement_of",
    "submit_card",
    "verified",
    "versions",
    "withdraw",
    "write_card",
]
