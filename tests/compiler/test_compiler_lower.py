"""What a project means."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import keyword
import re
import sys
from datetime import timedelta

import pytest

from headrace.address import NAME
from headrace.compiler import compile_project
from headrace.compiler.hiding import HIDING
from headrace.compiler.lower import module_name
from headrace.spec.feature_view import Feature, Online
from headrace.spec.features import Target
from headrace.spec.gates import Gate
from headrace.spec.retraining import Retraining


@pytest.mark.parametrize(
    ("model", "module"),
    [
        ("employment", "employment"),
        ("buys-soon", "buys_soon"),
        ("class", "class_"),
        ("json", "json_"),
        ("prefect", "prefect_"),
        ("headrace", "headrace_"),
        ("sklearn", "sklearn_"),
        ("prometheus-client", "prometheus_client_"),
    ],
)
def test_a_models_module_hides_nothing_that_flows_import(model, module):
    assert module == module_name(model)


def test_no_word_of_this_python_is_forgotten():
    assert [] == sorted(name for name in {*sys.stdlib_module_names, *keyword.kwlist} - HIDING if NAME.fullmatch(name))


def test_a_module_that_another_python_has_is_hidden_by_none():
    assert "asyncore_" == module_name("asyncore")  # until 3.11


def test_no_dependency_is_forgotten():
    names = {re.match(r"[\w-]+", text)[0].lower() for text in importlib.metadata.requires("headrace")}
    there = importlib.metadata.packages_distributions()
    imported = {module for module, offers in there.items() if names & {name.lower().replace("_", "-") for name in offers}}
    assert [] == sorted(module for module in imported - HIDING if NAME.fullmatch(module))


def test_flows_are_named_in_prefect_as_their_deployments_say(project_of, renamed):
    code = compile_project(renamed(project_of("minimal"), "model/buys", "buys_too"))["flows/buys_too.py"]
    assert ['@flow(name="buys-too-train", flow_run_name="buys too train")'] == [s for s in code.splitlines() if "-train" in s]


def test_a_number_that_json_cannot_hold_is_never_written(project_of, changed):
    with pytest.raises(ValueError, match="finite number"):
        compile_project(changed(project_of("census"), "channel/ml-log", params={"limit": float("inf")}))


@pytest.mark.parametrize(
    ("address", "update"),
    [
        ("model/employment", {"gates": (Gate(id="empty", metric="roc_auc"),)}),
        ("model/employment", {"retraining": (Retraining(id="never"),)}),
        ("feature_view/person", {"features": {"age": Feature(column="nowhere")}}),
    ],
)
def test_what_the_rules_refuse_is_never_guessed_at(project_of, changed, address, update):
    project = changed(project_of("census"), address, **update)
    if address.startswith("feature_view"):
        features = next(iter(project.models)).features.model_copy(update={"use": {"person": ("age",)}})
        project = changed(project, "model/employment", features=features)
    with pytest.raises(AssertionError):
        compile_project(project)


def test_all_means_neither_entity_nor_time_nor_target(project_of, changed):
    more = {name: Feature(column=name) for name in ("visit_id", "seen_at", "bought", "pages")} | {"answer": Feature(column="bought")}
    files = compile_project(changed(project_of("minimal"), "feature_view/visit", features=more))
    assert ["pages"] == [item["name"] for item in json.loads(files["flows/buys.serving.json"])["inputs"]]


def test_a_model_without_a_server_has_no_serving_config(project_of):
    served = [path for path in compile_project(project_of("several")) if path.endswith(".serving.json")]
    assert ["flows/buys-soon.serving.json", "flows/random.serving.json"] == served


def test_an_alert_is_named_whatever_stands_around_it(project_of, changed):
    triggers = (Retraining(id="odd", when="( alert.degraded )"),)
    code = compile_project(changed(project_of("census"), "model/employment", retraining=triggers))["flows/employment.py"]
    assert 'OnAlert(id="odd", alert="degraded", cooldown=timedelta(days=1), new_labels=0)' in code


def test_a_changed_value_changes_one_line(project_of, changed):
    project = project_of("census")
    training = project.models[0].training
    more = training.model_copy(update={"params": {**training.params, "num_leaves": 63}})
    before, after = compile_project(project), compile_project(changed(project, "model/employment", training=more))
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


@pytest.mark.parametrize("case", ["census", "several", "no-rollout", "minimal", "hostile"])
def test_a_flow_imports_what_it_uses_and_no_more(project_of, case):
    used, imported = [], []
    for path, text in compile_project(project_of(case)).items():
        if path.endswith(".py"):
            tree = ast.parse(text)
            own = {"verdict", "progress", "decision", "str", "float"}
            own |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
            used.append({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - own)
            imported.append({alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names})
    assert used == imported


def test_a_column_may_have_any_name(project_of, changed):
    project = project_of("minimal")
    features = project.models[0].features.model_copy(update={"target": Target(column="größe", delay="1d")})
    files = compile_project(changed(project, "model/buys", features=features))
    assert 'target=Target(column="größe", delay=timedelta(days=1))' in files["flows/buys.py"]


def test_a_server_is_another_one_where_it_reads_a_view_otherwise(project_of, changed):
    def read(online):
        project = changed(project_of("windows"), "feature_view/basket", online=online)
        return dict(json.loads(compile_project(project)["flows/lapse.serving.json"])["online"])

    once, again = read(Online()), read(Online(fresh_within="1h"))
    assert (["basket"], True, {}) == (list(once), once["basket"] != again["basket"], read(None))


def _online(project) -> list[list[str]]:
    return json.loads(compile_project(project)["flows/lapse.serving.json"])["online"]


@pytest.mark.parametrize(
    ("address", "update"),
    [
        ("source/transactions", {"uri": "others.parquet"}),
        ("feature_view/basket", {"available_after": timedelta(hours=3)}),
        ("feature_view/basket", {"online": Online(fresh_within=timedelta(minutes=5))}),
        ("environment/dev", {"online": "postgresql://127.0.0.1/events"}),
    ],
)
def test_a_server_starts_again_where_it_would_read_its_view_otherwise(project_of, changed, address, update):
    project = project_of("windows")
    assert _online(project) != _online(changed(project, address, **update))


@pytest.mark.parametrize("update", [{"checks": ()}, {"fresh_within": timedelta(days=1)}, {"description": "what was bought"}])
def test_a_server_runs_on_where_only_the_judgement_of_a_source_changes(project_of, changed, update):
    project = project_of("windows")
    assert _online(project) == _online(changed(project, "source/transactions", **update))
