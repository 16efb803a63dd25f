"""Who answers: assignment, weights with epochs, counts, and the abort side of the judge. The only writer of weights."""

from headrace.traffic.assignment import assign, assign_all, assigning
from headrace.traffic.counter import Counter, strata
from headrace.traffic.enrolment import OUTSIDE, Among, Slot, enrol_all, enrolling, slots
from headrace.traffic.rule import ERROR_RATE, SLOW_REQUEST, Rule
from headrace.traffic.watch import Abort, Watch, abort
from headrace.traffic.weights import CANDIDATE, CHAMPION, Arm, Weights, WeightsConflict, current, epochs, set_weights

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "ERROR_RATE",
    "OUTSIDE",
    "SLOW_REQUEST",
    "Abort",
    "Among",
    "Arm",
    "Counter",
    "Rule",
    "Slot",
    "Watch",
    "Weights",
    "WeightsConflict",
    "abort",
    "assign",
    "assign_all",
    "assigning",
    "current",
    "enrol_all",
    "enrolling",
    "epochs",
    "set_weights",
    "slots",
    "strata",
]
