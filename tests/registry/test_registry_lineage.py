"""Lineage: views, alerts and parts of ensembles are in it, and it is told as a tree and as a picture that needs nothing else."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.registry import lineage
from headrace.registry.lineage import picture
from headrace.store import digest, events, tables
from headrace.store.featured import FeatureVersion
from headrace.store.kinds import RunStatus

AT = datetime(2020, 1, 1, tzinfo=UTC)
ODD = "<script>alert(1)</script>"


@pytest.fixture
def version(store, make):
    """A version of views and parts, retrained because an alert fired of a window of its predecessor's answers."""
    make(run_id="first")
    with store.transaction("test", "live", "model/churn") as session:
        session.add(
            tables.Prediction(
                id="p1",
                model="churn",
                version=1,
                arm="champion",
                epoch=1,
                entity="7",
                at=AT,
                recorded_at=AT,
                latency_us=1,
                inputs={},
                output=0.5,
                unseen=[],
            )
        )
        session.add(tables.Window(model="churn", number=3, first_seq=1, last_seq=9, start=AT, end=AT, n=1))
        fired = events.append(
            session, model="churn", kind=events.EventKind.ALERT_FIRED, payload={"alert": "drifting", "window": {"number": 3}}, at=AT
        )
        asked = events.append(
            session,
            model="churn",
            kind=events.EventKind.RETRAINING_REQUESTED,
            payload={"trigger": ODD, "reason": "it drifts"},
            at=AT,
            cause=fired.id,
        )
        session.add(
            tables.Run(
                id="second",
                model="churn",
                flow="train",
                cause=asked.id,
                started_at=AT,
                status=RunStatus.PASSED,
                details={"views": {"basket": "sha256:1", "shelf": "sha256:2"}},
            )
        )
        session.add(FeatureVersion(view="basket", number=4, digest="sha256:1", definition={}, description="", actor="test", at=AT))
    return make(run_id="second", components=[{"id": "trees", "algorithm": "lightgbm.classifier", "digest": digest(b"part")}])


@pytest.fixture
def graph(store, version):
    with store.read() as session:
        return lineage.of_version(session, version)


def test_a_retraining_leads_back_to_the_answers_that_its_alert_was_raised_by(graph):
    back = graph.made_of("model/churn@2")
    kinds = {graph.nodes[name].kind for name in back}
    assert {"retraining", "alert", "window", "predictions", "version", "run", "data"} <= kinds
    assert {"model/churn@1", "predictions/churn@1/1/champion", "window/churn@3", "run/second", "run/first"} <= back


def test_views_are_told_by_the_number_that_was_applied_and_parts_by_their_digest(graph):
    back = graph.made_of("model/churn@2")
    assert {"feature_view/basket@4", "feature_view/shelf@sha256:2", f"part/{digest(b'part')}"} <= back


def test_every_edge_ends_in_a_node():
    with pytest.raises(ValueError, match="an edge ends in nothing"):
        lineage.Graph.of([lineage.Node("data", "a", "a")], [lineage.Edge("a", "b")])


def test_the_tree_tells_both_directions_and_each_thing_once(store, graph):
    told = lineage.tree(graph, "model/churn@2").splitlines()
    assert ("model/churn v2", "  made of", "  led to: nothing that is known") == (told[0], told[1], told[-1])
    assert 1 == sum(line.strip().startswith("run second") for line in told)
    with store.read() as session:
        first = lineage.of_version(session, registry.get(session, "churn", 1))
    assert any(
        line.strip().startswith("model/churn v2") for line in lineage.tree(first, "model/churn@1").partition("led to")[2].splitlines()
    )


def test_a_picture_is_whole_xml_with_every_node_and_edge_and_nothing_from_elsewhere(graph):
    text = lineage.svg(graph, "model/churn@2")
    root = ET.fromstring(text)  # noqa: S314 - our own
    titles = [item.text for item in root.iter("{http://www.w3.org/2000/svg}title")]
    assert set(graph.nodes) <= set(titles)
    assert len(graph.edges) == len([item for item in root.iter("{http://www.w3.org/2000/svg}path") if "marker-end" in item.attrib])
    assert not any(word in text for word in ("<script", "href", "url(http", "@import", "<image"))


def test_a_page_shows_the_picture_and_lets_no_script_run(graph):
    page = picture.html(graph, "model/churn@2")
    assert "default-src 'none'" in page
    assert (True, False) == ("&lt;script&gt;" in page, "<script" in page)


def test_pictures_of_circles_end():
    nodes = [lineage.Node("data", name, name) for name in "abc"]
    circle = lineage.Graph.of(nodes, [lineage.Edge("a", "b"), lineage.Edge("b", "c"), lineage.Edge("c", "a")])
    assert frozenset("bc") == circle.made_of("a") == circle.led_to("a")
    assert 3 == lineage.svg(circle, "a").count("<g>")
    assert "a  (above)" in lineage.tree(circle, "a").split("led to")[1]


def test_what_is_not_known_is_said(store, version):
    with store.read() as session:
        for ask in (lambda: lineage.of_prediction(session, "none"), lambda: lineage.of_source(session, "none", ["churn"])):
            with pytest.raises(HeadraceError, match="no-lineage"):
                ask()
