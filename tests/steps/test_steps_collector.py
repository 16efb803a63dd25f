"""A step's own cycles are collected while it runs; what outlives it is not walked, and is again after it."""

import gc
import subprocess
import sys
import weakref

from headrace.steps.collector import outlived


class Cycle:
    """Something that only the collector finds."""

    def __init__(self):
        self.itself = self


def test_only_what_a_step_made_is_collected_while_it_runs():
    before = Cycle()
    found = [weakref.ref(before)]
    with outlived():
        found.append(weakref.ref(Cycle()))
        del before
        gc.collect()
        within = [one() is not None for one in found]
    gc.collect()
    assert ([True, False], [False, False], 0) == (within, [one() is not None for one in found], gc.get_freeze_count())


ENDING = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 0))
from headrace.steps.collector import outlived
with outlived():
    pass
print(gc.get_freeze_count() > 0)
"""


def ended(code):
    """What a process that ran a step says on stdout and stderr."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_nothing_is_walked_at_the_end_of_a_process_that_ran_a_step():
    assert ("False\nTrue\n", "") == ended(ENDING)


def test_an_engine_that_counts_what_it_was_given_back_is_given_all():
    assert ("False\nFalse\n", "") == ended("import duckdb; duckdb.connect().execute('SELECT 1')" + ENDING)


IMPORTING = """
import gc, sys
class Seen:
    def find_spec(self, name, path=None, target=None):
        if name == "headrace.steps.rollout":
            print(gc.isenabled())
sys.meta_path.insert(0, Seen())
from headrace import steps
print("headrace.steps.rollout" in sys.modules)
steps.rollout
print("headrace.steps.rollout" in sys.modules, gc.isenabled(), gc.get_threshold())
"""


def test_a_word_is_imported_when_it_is_asked_for_and_nothing_is_walked_meanwhile():
    assert (f"False\nFalse\nTrue True {gc.get_threshold()}\n", "") == ended(IMPORTING)


def test_a_process_whose_collector_was_off_keeps_it_off():
    assert ("False\n", "") == ended("import gc; gc.disable()\nfrom headrace.steps import Rows\nprint(gc.isenabled())")


def test_new_objects_are_looked_through_seldom_within_a_step_and_as_before_after_it():
    usual = gc.get_threshold()
    with outlived():
        within = gc.get_threshold()
    assert (within[0] > usual[0], within[1:], gc.get_threshold()) == (True, usual[1:], usual)
