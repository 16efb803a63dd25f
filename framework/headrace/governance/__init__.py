"""Who must agree before a version is rolled out or a plan is carried out: a pure `decide(facts)`, and requests and votes in the store."""

from headrace.governance.decide import decide
from headrace.governance.due import alarm, late, reminds, unreviewed
from headrace.governance.force import in_force, kept, note
from headrace.governance.requests import (
    ENDED,
    Standing,
    Voter,
    bars,
    listed,
    look,
    refuse_decided,
    standing_row,
    void,
    vote,
    votes,
)
from headrace.governance.requests import asked as policies
from headrace.governance.requests import facts as facts_of
from headrace.governance.values import Ballot, Choice, Facts, Outcome, Subject, Verdict
from headrace.governance.voters import voters

__all__ = [
    "ENDED",
    "Ballot",
    "Choice",
    "Facts",
    "Outcome",
    "Standing",
    "Subject",
    "Verdict",
    "Voter",
    "alarm",
    "bars",
    "decide",
    "facts_of",
    "in_force",
    "kept",
    "late",
    "listed",
    "look",
    "note",
    "policies",
    "refuse_decided",
    "reminds",
    "standing_row",
    "unreviewed",
    "void",
    "vote",
    "voters",
    "votes",
]
