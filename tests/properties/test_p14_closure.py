"""P14: everything that a version was made of is reached from it, everything that came of it too, and no edge ends in nothing."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from lineage_values import STEPS, Life

from headrace.registry import lineage
from headrace.store import Store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request, tmp_path) -> Iterator[Store]:
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    opened = Store.open(url, "blobs", root=tmp_path)
    yield opened
    opened.close()


def lived(store, steps) -> Life:
    life = Life(store)
    for step in steps:
        life.step(*step)
    return life


def graphs(life) -> list[tuple[object, str, lineage.Graph]]:
    with life.store.read() as session:
        return [(item, f"model/{life.model}@{item.number}", lineage.of_version(session, item)) for item in life.versions]


FREELY = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FREELY
@given(STEPS)
def test_all_that_made_a_version_is_reached_and_all_that_it_made_reaches_it(store, steps):
    life = lived(store, steps)
    for version, id_, graph in graphs(life):
        manifest = version.manifest
        wanted = {f"{part}/{held}" for part, held in manifest["digests"].items() if part != "model"}
        wanted |= {f"run/{version.run_id}", f"commit/c{version.number - 1}", "plugin/headrace-torch@1.0"}
        wanted |= {name for source, held in manifest["sources"].items() for name in (f"source/{source}", f"source/{source}@{held}")}
        assert wanted <= graph.made_of(id_)
        for name in graph.nodes:
            assert (name in graph.made_of(id_)) == (id_ in graph.led_to(name))


@FREELY
@given(STEPS)
def test_from_any_answer_back_to_its_data_and_on_to_what_was_learned_of_it(store, steps):
    life = lived(store, steps)
    for answer, (number, epoch, _) in life.asked.items():
        with store.read() as session:
            graph = lineage.of_prediction(session, answer)
        version = life.versions[number - 1]
        back, on = graph.made_of(f"prediction/{answer}"), graph.led_to(f"prediction/{answer}")
        assert {
            f"model/{life.model}@{number}",
            f"weights/{life.model}@{epoch}",
            f"run/{version.run_id}",
            f"data/{version.manifest['digests']['data']}",
            f"spec/{version.manifest['digests']['spec']}",
            f"commit/c{number - 1}",
        } <= back
        known = life.known.get(answer)
        assert (f"outcome/{answer}" in on) == (known is not None)
        learned = {f"model/{life.model}@{item.number}" for item in life.versions if known is not None and known <= item.created_at}
        assert learned <= on


@FREELY
@given(STEPS)
def test_what_was_answered_in_any_epoch_is_told_with_its_counts(store, steps):
    life = lived(store, steps)
    for version, id_, graph in graphs(life):
        told = {name: node.told["n"] for name, node in graph.nodes.items() if node.kind == "predictions" and name in _next(graph, id_)}
        asked = [number for number, _, _ in life.asked.values()]
        assert asked.count(version.number) == sum(told.values())


@FREELY
@given(STEPS)
def test_what_came_of_a_source_is_what_was_made_of_it(store, steps):
    life = lived(store, steps)
    made = {f"model/{life.model}@{item.number}" for item in life.versions if "census" in item.manifest["sources"]}
    if made:
        with store.read() as session:
            graph = lineage.of_source(session, "census", [life.model])
        assert made <= graph.led_to("source/census")


def _next(graph, id_) -> set[str]:
    return {edge.end for edge in graph.edges if edge.start == id_}
