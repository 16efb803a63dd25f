from __future__ import annotations

import pytest

from headrace.plan import left
from headrace.store import lock


class Killed(BaseException):
    """What a kill looks like from inside."""


def kill(memory, step):
    """Apply, and end as a killed process ends: at its nth step, between the intent and its effect."""
    heard = []

    def told(status, said):
        heard.append(said)
        if len(heard) == 2 * step - 1:
            raise Killed

    with pytest.raises(Killed):
        memory.apply(told)
    return heard[-1]


def test_where_an_apply_was_cut_short_is_said_until_the_next_one(memory):
    assert left.note(memory.store) is None
    steps = len(memory.steps()[1])
    at = kill(memory, 3)
    said = left.note(memory.store)
    assert said is not None
    assert said.endswith(f"stopped at step 3 of {steps} (`{at}`); `headrace apply` resumes it")
    plan = memory.prepared()
    assert plan.state.left == said
    memory.apply()
    assert left.note(memory.store) is None


def test_an_apply_that_goes_on_is_not_said_to_have_stopped(memory):
    kill(memory, 2)
    with lock.hold(memory.store, "apply", "user:ana"):
        said = left.note(memory.store)
    assert said is not None
    assert said.startswith("an apply of user:ana goes on since ")
    assert ", and is at step 2 of " in said
