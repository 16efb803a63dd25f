"""Each check finds the plugin that breaks its promise, and says precisely what; a right one meets none."""

import broken_plugins as broken
import pytest

from headrace.testing import (
    check_algorithm,
    check_channel,
    check_detector,
    check_exporter,
    check_gate,
    check_metric,
    check_reader,
    check_rule,
    check_strategy,
    check_tracker,
    check_transform,
)


def words(found: list) -> set[str]:
    return {item.check for item in found}


@pytest.mark.parametrize("flaw", broken.ALGORITHMS)
def test_an_algorithm(flaw: str) -> None:
    expected = broken.ALGORITHMS[flaw]
    found = check_algorithm(broken.algorithm(flaw))
    assert (expected in words(found)) if expected else found == [], found


def test_an_algorithm_is_tried_with_parameters_where_it_has_no_defaults() -> None:
    told = check_algorithm(broken.algorithm(params="Needy"))
    assert ["params"] == [item.check for item in told]
    assert "they have no usable defaults, so give `params`" in told[0].says
    assert [] == check_algorithm(broken.algorithm(params="Needy"), {"depth": 3})


@pytest.mark.parametrize(("metric", "expected"), broken.METRICS, ids=lambda value: value if isinstance(value, str) else value.compute)
def test_a_metric(metric, expected: str) -> None:
    found = check_metric(metric)
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("compare", "expected"), broken.DETECTORS)
def test_a_detector(compare: str, expected: str) -> None:
    found = check_detector(broken.detector(compare))
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("send", "params", "expected"), broken.CHANNELS)
def test_a_channel(tmp_path, send: str, params: str, expected: str) -> None:
    file = tmp_path / "alerts"
    found = check_channel(
        broken.channel(send, params),
        {"path": str(file)},
        unreachable={"path": str(tmp_path / "nowhere" / "alerts")},
        received=lambda: len(file.read_text().splitlines()) if file.exists() else 0,
    )
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("read", "names", "expected"), broken.READERS)
def test_a_reader(read: str, names: str, expected: str) -> None:
    found = check_reader(broken.reader(read, names), lambda frame, path: frame.to_csv(path, index=False))
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("check", "expected"), broken.RULES)
def test_a_rule(check: str, expected: str) -> None:
    found = check_rule(broken.rule(check))
    assert (expected in words(found)) if expected else found == [], found


def test_a_rule_needs_an_owner() -> None:
    assert ["registration"] == [item.check for item in check_rule(broken.rule("finds", "broken"))]


def test_every_check_has_a_plugin_that_breaks_it() -> None:
    from headrace.testing import algorithm, detector, metric

    assert set(algorithm._CHECKS) == set(broken.ALGORITHMS.values()) - {""}
    assert set(metric._CHECKS) <= {expected for _, expected in broken.METRICS}
    assert set(detector._CHECKS) <= {expected for _, expected in broken.DETECTORS}


def test_what_is_found_reads_as_a_sentence() -> None:
    (found,) = check_metric(broken.metric("edges"))[:1]
    assert "edges: on no rows it raises AssertionError, and should give NaN where it is not defined" in str(found)


@pytest.mark.parametrize(("rungs", "steps", "params", "expected"), broken.STRATEGIES)
def test_a_strategy(rungs: str, *, steps: bool, params: str, expected: str) -> None:
    found = check_strategy(broken.strategy(rungs, params, steps=steps))
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("judge", "params", "expected"), broken.GATES)
def test_a_gate(judge: str, params: str, expected: str) -> None:
    found = check_gate(broken.gate(judge, params))
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("export", "params", "expected"), broken.EXPORTERS)
def test_an_exporter(export: str, params: str, expected: str) -> None:
    found = check_exporter(broken.exporter(export, params))
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("fit", "apply", "params", "expected"), broken.TRANSFORMS)
def test_a_transform(fit: str, apply: str, params: str, expected: str) -> None:
    found = check_transform(broken.transform(fit, apply, params))
    assert (expected in words(found)) if expected else found == [], found


@pytest.mark.parametrize(("flaw", "expected"), broken.TRACKERS)
def test_a_tracker(flaw: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(broken.SERVERS, "here", {})
    away = {"name": "away", "token": "a-very-secret-token"}
    found = check_tracker(broken.tracker(flaw), {"name": "here"}, unreachable=away, secret=["token"])
    assert (expected in words(found)) if expected else found == [], found


def test_parameters_without_defaults_are_tried_as_given() -> None:
    assert [] == check_gate(broken.gate("judges", "Needy"), {"depth": 3})
    assert [] == check_strategy(broken.strategy("rises", "Needy", steps=False), {"depth": 3})
