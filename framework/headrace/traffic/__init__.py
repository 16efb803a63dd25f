"""Who answers: assignment, weights with epochs, counts, and the abort side of the judge. The only writer of weights."""

from headrace.traffic.assignment import assign, assign_all, assigning
from headrace.traffic.counter import Counter, strata
from headrace.traffic.enrolment import OUTSIDE, Among, Slot, admit_all, admitting, enrol_all, enrolling, slots
from headrace.traffic.rule import ERROR_RATE, SERVED, SLOW_REQUEST, Rule
from headrace.traffic.units import Failing, by_unit, failing
from headrace.traffic.watch import Abort, Watch, abort
from headrace.traffic.weights import CANDIDATE, CHAMPION, Arm, Weights, WeightsConflict, current, epochs, set_weights

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "ERROR_RATE",
    "OUTSIDE",
    "SERVED",
    "SLOW_REQUEST",
    "Abort",
    "Among",
    "Arm",
    "Counter",
    "Failing",
    "Rule",
    "Slot",
    "Watch",
    "Weights",
    "WeightsConflict",
    "abort",
    "admit_all",
    "admitting",
    "assign",
    "assign_all",
    "assigning",
    "by_unit",
    "current",
    "enrol_all",
    "enrolling",
    "epochs",
    "failing",
    "set_weights",
    "slots",
    "strata",
]
