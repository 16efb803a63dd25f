from __future__ import annotations

from headrace.plan.fields import differences, plain
from headrace.spec import Channel, Effect


def test_a_number_too_large_for_json_is_kept_as_text():
    channel = Channel(kind="channel", name="a", type="log", params={"n": 2**60, "list": [2**60]})
    assert plain(channel)["params"] == {"n": str(2**60), "list": [str(2**60)]}


def test_true_is_not_one():
    old, new = {"params": {"a": True}}, {"params": {"a": 1}}
    assert [d.path for d in differences("channel", old, new)] == ["params.a"]


def test_one_is_one_however_it_is_written():
    assert differences("channel", {"params": {"a": 1.0}}, {"params": {"a": 1}}) == ()


def test_lists_of_plain_values_differ_whole():
    ((path, old, new),) = [(d.path, d.old, d.new) for d in differences("channel", {"params": {"a": [1]}}, {"params": {"a": [1, 2]}})]
    assert (path, old, new) == ("params.a", [1], [1, 2])


def test_items_without_a_name_differ_by_position():
    old, new = {"rollout": {"steps": [{"weight": "5%"}]}}, {"rollout": {"steps": [{"weight": "5%"}, {"weight": "9%"}]}}
    assert [(d.path, d.effect) for d in differences("model", old, new)] == [("rollout.steps[1]", Effect.RECONFIGURE)]


def test_a_feature_named_like_a_field_is_a_feature():
    old, new = {"features": {"column": {"range": [0, 1]}}}, {"features": {"column": {"range": [0, 2]}}}
    assert [(d.path, d.effect) for d in differences("feature_view", old, new)] == [("features.column.range", Effect.BREAKING)]


def test_a_key_that_is_gone_points_at_what_is_left():
    (found,) = differences("channel", {"params": {"a": 1, "b": 2}}, {"params": {"a": 1}})
    assert (found.path, found.at, found.new) == ("params.b", ("params",), None)


def test_a_key_that_the_language_did_not_have_and_nobody_writes_is_no_change():
    old = {"gates": [{"id": "a", "metric": "roc_auc"}], "training": {"algorithm": "x", "params": {}}}
    new = {"gates": [{"id": "a", "metric": "roc_auc", "gate": None, "params": {}}], "training": {"algorithm": "x", "params": {"own": {}}}}
    assert ["training.params.own"] == [found.path for found in differences("model", old, new)]
