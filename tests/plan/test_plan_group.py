"""Another group is another question: whoever sends requests must know of it."""

from headrace.plan.fields import differences
from headrace.spec import Effect


def test_a_change_of_the_group_breaks_what_callers_send():
    old, new = ({"kind": "model", "name": "m", "features": {"group": group}} for group in ("query_id", "page_id"))
    (found,) = differences("model", old, new)
    assert ("features.group", Effect.BREAKING) == (found.path, found.effect)
