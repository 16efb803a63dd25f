"""When a new candidate is made: triggers, what is known when one is asked, and the decision."""

from headrace.retraining.decide import Decline, Facts, Request, decide
from headrace.retraining.triggers import Decision, OnAlert, OnSchedule, Trigger

__all__ = ["Decision", "Decline", "Facts", "OnAlert", "OnSchedule", "Request", "Trigger", "decide"]
