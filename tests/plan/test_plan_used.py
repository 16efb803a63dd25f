"""A plan tells the models whose plugins are of another release than was applied, and what that costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from headrace.plan import State, to_json, to_text, used
from headrace.spec import Effect

METRIC = """
from headrace.hooks import Metric, hookimpl

def mine(target, predictions):
    return float(((target - predictions) ** 2).mean())

@hookimpl
def headrace_metrics():
    return [Metric("{name}", f"{{__name__}}:mine", better="lower"{more})]
"""
GATE = "  - {id: fast,     metric: latency_p99, max: 40ms}\n"


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Callable[..., None]:
    """Install a release of `acme-metrics`, or upgrade to it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(version: str, name: str = "cost", more: str = "") -> None:
        for old in site.glob("*.dist-info"):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        monkeypatch.delitem(sys.modules, "acme_metrics", raising=False)
        (site / "acme_metrics.py").write_text(METRIC.format(name=name, more=more))
        info = site / f"acme_metrics-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-metrics\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("[headrace]\nplugin = acme_metrics\n")

    return install


def applied(folder) -> State:
    """The state after an apply, with the releases that it records."""
    state, project = folder.applied(), folder.project()
    resources = dict(state.resources)
    for model in project.models:
        old = resources[f"model/{model.name}"]
        resources[old.address] = replace(old, applied={**old.applied, "plugins": used.released(project, model)})
    return replace(state, resources=resources)


def told(plan) -> list[tuple[str, object, object, Effect, str | None]]:
    return [(c.path, c.old, c.new, c.effect, c.note) for item in plan.items for c in item.changes]


def test_another_release_of_a_metrics_plugin_asks_for_the_gates_again(folder, installed) -> None:
    installed("1.0")
    folder.edit("employment.yaml", GATE, f"{GATE}  - {{id: cost, metric: cost, max: 0.3}}\n")
    state = applied(folder)
    assert folder.plan(state).empty
    installed("1.1")
    plan = folder.plan(state)
    assert [("plugin acme-metrics", "1.0", "1.1", Effect.RE_EVALUATE, "metric cost")] == told(plan)
    assert "plugin acme-metrics  1.0 → 1.1  re-evaluate  metric cost" in to_text(to_json(plan))
    assert () == plan.train


def test_the_digest_of_a_plan_binds_the_releases(folder, installed) -> None:
    installed("1.0")
    folder.edit("employment.yaml", GATE, f"{GATE}  - {{id: cost, metric: cost, max: 0.3}}\n")
    state = applied(folder)
    before = folder.plan(state).digest
    installed("1.1")
    assert before != folder.plan(state).digest


def test_the_changed_text_of_a_plugin_of_the_projects_own(folder) -> None:
    plugin = folder.root / "plugins" / "mine.py"
    plugin.parent.mkdir()
    plugin.write_text(METRIC.format(name="cost", more=""))
    folder.edit("employment.yaml", GATE, f"{GATE}  - {{id: cost, metric: cost, max: 0.3}}\n")
    state, before = applied(folder), plugin.read_bytes()
    plugin.write_text(plugin.read_text() + "# another\n")
    digests = [f"sha256:{sha256(text).hexdigest()[:12]}" for text in (before, plugin.read_bytes())]
    assert [("plugin plugins/mine.py", *digests, Effect.RE_EVALUATE, "metric cost")] == told(folder.plan(state))


def test_a_plugin_that_takes_the_place_of_what_is_built_in(folder, installed) -> None:
    state = applied(folder)
    installed("1.0", "roc_auc", ", override=True")
    (change,) = [found for found in told(folder.plan(state)) if found[0].startswith("plugin")]
    assert ("plugin acme-metrics", None, "1.0", Effect.RE_EVALUATE, "metric roc_auc") == change


def test_a_plugin_that_comes_by_a_change_of_the_spec_is_no_news(folder, installed) -> None:
    state = applied(folder)
    installed("1.0")
    folder.edit("employment.yaml", GATE, f"{GATE}  - {{id: cost, metric: cost, max: 0.3}}\n")
    assert ["gates[cost]"] == [path for path, *_ in told(folder.plan(state))]


def test_what_was_applied_before_releases_were_recorded_says_nothing(folder, installed) -> None:
    installed("1.0")
    folder.edit("employment.yaml", GATE, f"{GATE}  - {{id: cost, metric: cost, max: 0.3}}\n")
    assert folder.plan(folder.applied()).empty


def test_without_plugins_nothing_is_recorded_and_no_digest_changes(folder) -> None:
    project = folder.project()
    assert {} == used.released(project, project.models[0])
    assert folder.plan(folder.applied()).digest == folder.plan(applied(folder)).digest


def test_every_axis_that_a_model_may_name_has_its_cost(folder) -> None:
    project = folder.project()
    assert {axis for model in project.models for axis, _ in used.things(project, model)} <= set(used.EFFECTS)
