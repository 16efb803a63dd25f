"""What a project means, and what the compiler refuses."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

import pytest

from headrace.compiler import compile_specs
from headrace.compiler.lower import module_name
from headrace.diagnostics import Exit, HeadraceError
from headrace.spec.feature_view import Feature
from headrace.spec.features import Features, Target
from headrace.spec.gates import Gate
from headrace.spec.retraining import Retraining


def changed(specs, **update):
    """The specs with one model's sections replaced, unchecked."""
    (name,) = specs.models
    return replace(specs, models={name: specs.models[name].model_copy(update=update)})


def refusal(specs):
    with pytest.raises(HeadraceError) as caught:
        compile_specs(specs)
    (diagnostic,) = caught.value.report
    return diagnostic.id, caught.value.code


def inputs(specs):
    served = json.loads(compile_specs(specs)["flows/buys.serving.json"])
    return [item["name"] for item in served["inputs"]]


@pytest.mark.parametrize(
    ("model", "module"),
    [("employment", "employment"), ("buys-soon", "buys_soon"), ("class", "class_"), ("json", "json_"), ("prefect", "prefect_")],
)
def test_a_models_module_hides_nothing_that_flows_import(model, module):
    assert module == module_name(model)


def test_two_models_of_one_module_are_refused(specs_of):
    specs = specs_of("minimal")
    model = specs.models["buys"]
    two = {name: model.model_copy(update={"name": name}) for name in ("a-b", "a_b")}
    assert ("module-collision", Exit.INVALID) == refusal(replace(specs, models=two))


def test_a_gate_that_asks_for_nothing_is_refused(specs_of):
    specs = changed(specs_of("minimal"), gates=(Gate(id="empty", metric="roc_auc"),))
    assert ("gate-without-condition", Exit.INVALID) == refusal(specs)


def test_a_trigger_that_never_asks_is_refused(specs_of):
    specs = changed(specs_of("census"), retraining=(Retraining(id="never"),))
    assert ("trigger-without-condition", Exit.INVALID) == refusal(specs)


def test_a_retraining_without_monitoring_is_refused(specs_of):
    specs = changed(specs_of("minimal"), retraining=(Retraining(id="weekly", schedule="0 3 * * 1"),))
    assert ("retraining-without-monitoring", Exit.INVALID) == refusal(specs)


def test_a_named_feature_that_is_a_time_is_refused(specs_of):
    specs = specs_of("minimal")
    view = specs.views["visit"]
    views = {"visit": view.model_copy(update={"features": {**view.features, "when": Feature(column="seen_at")}})}
    features = specs.models["buys"].features.model_copy(update={"use": {"visit": ("when",)}})
    assert ("feature-without-type", Exit.INVALID) == refusal(changed(replace(specs, views=views), features=features))


def test_an_infinite_number_for_a_channel_is_refused(specs_of):
    specs = specs_of("census")
    channels = {"ml-log": specs.channels["ml-log"].model_copy(update={"params": {"limit": float("inf")}})}
    assert ("number-not-finite", Exit.INVALID) == refusal(replace(specs, channels=channels))


def test_all_means_neither_entity_nor_time_nor_target(specs_of):
    specs = specs_of("minimal")
    view = specs.views["visit"]
    more = {name: Feature(column=name) for name in ("visit_id", "seen_at", "bought")} | {"answer": Feature(column="bought")}
    views = {"visit": view.model_copy(update={"features": {**more, **view.features}})}
    assert ["pages"] == inputs(replace(specs, views=views))


def test_a_model_without_a_server_has_no_serving_config(specs_of):
    served = [path for path in compile_specs(specs_of("several")) if path.endswith(".serving.json")]
    assert ["flows/buys-soon.serving.json", "flows/random.serving.json"] == served


def test_a_changed_value_changes_one_line(specs_of):
    specs = specs_of("census")
    training = specs.models["employment"].training
    more = training.model_copy(update={"params": {**training.params, "num_leaves": 63}})
    before, after = compile_specs(specs), compile_specs(changed(specs, training=more))
    different = [
        (old.strip(), new.strip())
        for path in before
        for old, new in zip(before[path].splitlines(), after[path].splitlines(), strict=True)
        if old != new
    ]
    assert [
        (
            'params={"learning_rate": 0.05, "n_estimators": 200, "num_leaves": 31},',
            'params={"learning_rate": 0.05, "n_estimators": 200, "num_leaves": 63},',
        )
    ] == different


def test_a_flow_calls_no_word_that_it_does_not_import(specs_of):
    for case in ("census", "several", "no-rollout", "minimal"):
        for path, text in compile_specs(specs_of(case)).items():
            if path.endswith(".py"):
                tree = ast.parse(text)
                imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
                defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
                loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
                own = {"verdict", "progress", "decision", "as_of", "cause", "rows", "candidate", "windows", "str", "int"}
                assert imported == loaded - defined - own - {"alerts"}


def test_the_target_may_be_any_columns_name(specs_of):
    specs = specs_of("minimal")
    section = specs.models["buys"].features
    features = Features(
        entity=section.entity, time=section.time, target=Target(column="größe", delay="1d"), rows=section.rows, use=section.use
    )
    assert 'target=Target(column="größe", delay=timedelta(days=1))' in compile_specs(changed(specs, features=features))["flows/buys.py"]
