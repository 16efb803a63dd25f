"""Documents to specs."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from headrace.diagnostics import Report
from headrace.document import Mapping, parse, write
from headrace.spec import AnyKind, Model
from headrace.spec.decode import check, decode
from headrace.spec.value import Names, Replacing
from headrace.spec.written import written

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
MODEL = """
kind: model
name: work
features: {entity: id, time: t, target: {column: y, delay: 30d}, rows: people, use: {person: all}}
training: {algorithm: a}
gates: [{id: fast, metric: latency_p99, max: 40ms}]
"""


def decoded(text: str) -> AnyKind | None:
    report = Report()
    (node,) = parse(text, "f", report)
    found = decode(node, report)
    assert report.found == []
    return found


def test_defaults_are_filled_in() -> None:
    model = decoded(MODEL)
    assert isinstance(model, Model)
    assert (timedelta(milliseconds=40), "source/people", 8080) == (model.gates[0].max, model.features.rows, model.serving.port)  # type: ignore[union-attr]


def test_serving_none() -> None:
    model = decoded(MODEL + "serving: none")
    assert isinstance(model, Model)
    assert "none" == model.serving


def test_equal_text_is_equal_specs() -> None:
    assert decoded(MODEL) == decoded(MODEL.replace("people", "source/people"))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_what_is_shown_is_the_same_spec(path: Path) -> None:
    report = Report()
    for node in parse(path.read_bytes(), path.name, report):
        spec = decode(Replacing(Names({}, {}), report).document(node), report)
        assert spec is not None
        assert spec == decoded(write(written(spec)))


@pytest.mark.parametrize("share", ["7%", "0.1%", "33.333333333%", "12.5%", "0.0001%"])
def test_a_share_is_written_as_it_was_read(share: str) -> None:
    text = MODEL + f"rollout: {{strategy: canary, unit: id, steps: [{{weight: {share}, hold: 1500ms}}], judge: [{{metric: error_rate}}]}}"
    model = decoded(text)
    assert isinstance(model, Model)
    assert model.rollout is not None
    assert {"weight": share, "hold": "1500ms"} == written(model.rollout.steps[0])


def test_a_shared_node_is_refused_wherever_it_stands() -> None:
    report = Report()
    (node,) = parse("x-a: &a {tier: 1}\n" + MODEL + "labels: *a\nannotations: *a", "f", report)
    assert decode(node, report) is None
    assert [("wrong-type", 1), ("wrong-type", 1)] == [(d.id, d.span.line) for d in report if d.span]


class Inner(BaseModel):
    items: list[str] = []


class Params(BaseModel):
    inner: Inner = Inner()
    table: dict[str, int] = {}
    either: list[int] | dict[str, int] = {}


def test_a_plugins_own_model_is_checked_alike() -> None:
    report = Report()
    (node,) = parse("inner: {items: [a, 1]}\ntable: {a: x}\neither: {b: y}", "f", report)
    assert isinstance(node, Mapping)
    assert check(Params, node, report, name="params", key=node.span) is None
    assert [("wrong-type", 1, 20), ("wrong-type", 2, 12), ("wrong-type", 3, 13)] == [
        (d.id, d.span.line, d.span.column) for d in report if d.span
    ]


def test_lists_of_a_plugins_model() -> None:
    report = Report()
    (node,) = parse("inner: {items: [a, b]}\neither: [1]", "f", report)
    assert isinstance(node, Mapping)
    assert Params(inner=Inner(items=["a", "b"]), either=[1]) == check(Params, node, report, name="params", key=node.span)
