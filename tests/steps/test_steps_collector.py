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
