"""Pictures of a search: SVG that can be read, whatever names and values it has."""

from xml.etree import ElementTree as ET

import pytest

from headrace.training.search.picture import pictures


def trial(number, value, **params):
    return {"number": number, "state": "complete", "values": [value], "params": params}


def kept(trials, **more):
    return {
        "objectives": [{"metric": "roc_auc", "better": "higher"}],
        "space": {
            "kind": {"of": "Choice", "values": ["a<b", None, 3]},
            "rate": {"of": "FloatRange", "low": 0.01, "high": 1.0, "log": True},
        },
        "trials": trials,
        "best": 1,
        "importance": {"rate": 0.75, "kind": 0.25},
    } | more


@pytest.mark.parametrize(
    "trials", [[], [trial(0, 0.5)], [trial(0, 0.5), trial(1, 0.9, kind="a<b", rate=0.1), trial(2, 0.9, kind=None, rate=1.0)]]
)
def test_each_picture_is_whole_xml_with_a_dot_a_trial(trials):
    drawn = {name: ET.fromstring(text) for name, text in pictures(kept(trials)).items()}  # noqa: S314 - what we drew ourselves
    assert {"history.svg", "importance.svg", "slice-kind.svg", "slice-rate.svg"} == set(drawn)
    dots = drawn["history.svg"].findall("{http://www.w3.org/2000/svg}circle")
    assert len(trials) == len(dots)
    assert len([item for item in trials if item["params"]]) == len(drawn["slice-rate.svg"].findall("{http://www.w3.org/2000/svg}circle"))


def test_the_chosen_trial_is_marked_and_drawn_last():
    text = pictures(kept([trial(0, 0.5), trial(1, 0.9, kind="a<b", rate=0.1), trial(2, 0.4, kind=3, rate=1.0)]))["history.svg"]
    assert 1 == text.count("#c0392b")
    assert text.rindex("#c0392b") > text.rindex("#3b6ea5")


def test_where_nothing_is_important_no_picture_says_so():
    assert "importance.svg" not in pictures(kept([trial(0, 0.5)], importance=None))


def of_several(*metrics):
    trials = [{**trial(number, 0.0, rate=0.1), "values": values[: len(metrics)]} for number, values in enumerate(VALUES)]
    return kept(trials, objectives=[{"metric": name, "better": "higher"} for name in metrics], front=[1, 2], importance=None)


VALUES = [[0.1, 0.1, 0.1], [0.9, 0.2, 0.2], [0.3, 0.8, 0.3]]


def test_two_goals_have_a_picture_of_their_front():
    text = pictures(of_several("roc_auc", "recall"))["front.svg"]
    drawn = ET.fromstring(text)  # noqa: S314 - what we drew ourselves
    (line,) = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    dots = [(dot.get("fill"), dot.get("fill-opacity")) for dot in drawn.findall("{http://www.w3.org/2000/svg}circle")]
    assert (2, [("#3b6ea5", "0.25"), ("#3b6ea5", "0.8"), ("#c0392b", "0.8")]) == (len((line.get("points") or "").split()), dots)
    assert "recall (higher is better)" in text


def test_three_goals_have_a_picture_of_each_two():
    drawn = pictures(of_several("roc_auc", "recall", "brier"))
    assert {"front-roc_auc-recall.svg", "front-roc_auc-brier.svg", "front-recall-brier.svg"} == {n for n in drawn if n.startswith("front")}
    assert "<polyline" not in drawn["front-recall-brier.svg"]
