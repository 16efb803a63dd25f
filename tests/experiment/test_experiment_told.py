"""What a person reads of an experiment: a verdict in words, intervals over time, the power that is left, and a page of it."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest
from observed_world import DAY, HOUR, RETAINED, START, World, declared

from headrace.experiment.declared import Guardrail, parsed
from headrace.experiment.page import bounds, page
from headrace.experiment.told import report
from headrace.spec.quantity import Difference

RAILS = (Guardrail(metric="error_rate", worse_by_at_most=Difference(0.05, relative=False)),)


@pytest.fixture
def lived(observed: World) -> World:
    """Ten days, fifty units an arm and a day; half of the candidate's came back, and a tenth of the champion's."""
    for day in range(10):
        at = START + day * DAY
        units = [(f"{arm}-{day}-{n}", arm, n) for arm in ("champion", "candidate") for n in range(50)]
        observed.put(*(observed.asked(unit, arm, at=at, inputs={"plan": "<gold>" if n % 2 else "free"}) for unit, arm, n in units))
        observed.told(*((unit, 1, at + HOUR) for unit, arm, n in units if n < (25 if arm == "candidate" else 5)))
    return observed


def told(world: World, at: datetime = START + 10 * DAY, **more):
    about = declared(RETAINED, guardrails=RAILS)
    return report(world.store, world.row, parsed(about.to_json()), at, world.plugins, actor="user:test", **more)


def test_a_report_has_the_verdict_in_words_and_what_its_end_will_know(lived: World) -> None:
    found = told(lived)

    assert ("win", "candidate") == (found["verdict"], found["winner"])
    assert found["says"].startswith("A winner. Candidate is better on retained by +0.4 ("), found["says"]
    assert found["says"].endswith(", and every guardrail is within its margin.")
    assert ({"champion": 500, "candidate": 500}, 1000, 2800) == (found["units"], found["power"]["have"], found["power"]["expected_at_end"])
    assert 0 < found["power"]["power_at_end"] < 1
    assert found["sample_ratio"]["kept"]
    assert found == json.loads(json.dumps(found))


def test_intervals_over_time_are_of_what_was_known_then(lived: World) -> None:
    series = told(lived)["series"]
    widths = [one["intervals"][0]["high"] - one["intervals"][0]["low"] for one in series if one["intervals"][0]["high"] is not None]

    assert 12 == len(series)
    assert "no_data" == series[0]["verdict"]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) > 5


def test_looks_that_were_taken_are_the_moments_that_are_told(lived: World) -> None:
    lived.row.details = {"looks": [{"at": (START + day * DAY).isoformat(), "information": day / 100} for day in (4, 8, 20)]}

    assert [START + 4 * DAY, START + 8 * DAY, START + 10 * DAY] == [datetime.fromisoformat(one["at"]) for one in told(lived)["series"]]


def test_a_segment_is_told_beside(lived: World) -> None:
    segments = {one["segment"] for one in told(lived, segment="plan")["comparisons"]}

    assert {None, "plan=<gold>", "plan=free"} == segments


def test_a_page_stands_alone_and_escapes_what_was_sent(lived: World) -> None:
    html = page(told(lived, segment="plan"))

    assert "plan=&lt;gold&gt;" in html
    assert not {"<gold>", "<script", "http:", "https:"} & {word for word in ("<gold>", "<script", "https:") if word in html}
    drawings = [html[start : html.index("</svg>", start) + 6] for start in range(len(html)) if html.startswith("<svg", start)]
    assert ["retained: candidate less champion", "each metric, as a share of the champion's value"] == [
        re.search("<title>(.*?)</title>", one)[1].replace("&#x27;", "'") for one in drawings
    ]


def test_an_experiment_nobody_was_asked_in_is_told_all_the_same(observed: World) -> None:
    found = told(observed, START)

    assert ("no_data", 0.0) == (found["verdict"], found["power"]["power_at_end"])
    assert "no_data" in page(found)


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(None, None, ""), (None, 0.5, "-inf to +0.5"), (-0.25, None, "-0.25 to inf"), (-1.0, 1.0, "-1 to +1")]
)
def test_a_side_that_nothing_bounds_is_infinite(low: float | None, high: float | None, shown: str) -> None:
    assert shown == bounds({"low": low, "high": high})
