"""A plan's totals are the sum of its lines, in its JSON as in its text."""

from __future__ import annotations

import json
import os
import re
from collections import Counter

from hypothesis import HealthCheck, given, settings
from planned import SPECS, Specs, World

from headrace.plan import canonical, to_json, to_text

EXAMPLES = int(os.environ.get("HEADRACE_TEST_EXAMPLES", "20"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SPECS, SPECS)
def test_the_totals_of_a_plan_are_the_sum_of_its_lines(before: Specs, specs: Specs) -> None:
    with World() as world:
        world.write(before)
        world.apply()
        world.trained()
        world.write(specs)
        plan = world.plan()
    document = json.loads(canonical(plan))
    assert document == to_json(plan)
    for item in document["items"]:
        assert set(item["effects"]) == {change["effect"] for change in item["changes"]}
    effects = Counter(effect for item in document["items"] for effect in item["effects"])
    assert document["effects"] == effects
    actions = Counter(item["action"] for item in document["items"])
    assert {action: n for action, n in document["totals"].items() if n and action not in ("blocked", "unchanged")} == actions
    (total,) = re.findall("^Plan: .*", to_text(document), re.MULTILINE)
    said = re.search("Effects: (.*)[.]", total)
    assert (dict(reversed(part.split()) for part in said[1].split(", ")) if said else {}) == {word: str(n) for word, n in effects.items()}
    starts = {"training": len(document["train"]), "judgement": len(document["judge"])}
    for word, n in starts.items():
        assert re.findall(rf"(\d+) {word}s? to start", total) == ([str(n)] if n else [])
