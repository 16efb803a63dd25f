"""P28: in every compiled project a training leads through its gates, and their verdict is what is announced; without gates is no model."""

import ast
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from contest_machine import Contests, hold
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.project import load
from headrace.registry import Stage

SPECS = Path(__file__).parents[2] / "specs"
OPTIONAL = ("serving", "rollout", "monitoring", "retraining")
MODEL = yaml.load((SPECS / "employment.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only, as our own loader has it


def compiled(model):
    """The reference project with this model; None, and the faults, where it is refused."""
    with TemporaryDirectory() as folder:
        specs = Path(folder) / "specs"
        shutil.copytree(SPECS, specs)
        (specs / "replay.yaml").unlink()
        (specs / "employment.yaml").write_text(yaml.dump(model, sort_keys=False), encoding="utf-8")
        report = Report()
        project = load(Path(folder), report)
        return (None if project is None or report.errors else compile_project(project)), report


def typed(value):
    """BaseLoader's text with numbers and booleans as YAML would write them plain."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    loaded = yaml.safe_load(value)
    return loaded if isinstance(loaded, int | float | bool) else value


def called(node, name):
    return [call for call in ast.walk(node) if isinstance(call, ast.Call) and ast.unparse(call.func) == name]


@settings(max_examples=12, deadline=None)
@given(
    dropped=st.sets(st.sampled_from(OPTIONAL)),
    gates=st.lists(st.integers(0, len(MODEL["gates"]) - 1), min_size=1, unique=True),
    baseline=st.booleans(),
)
def test_a_training_always_leads_through_the_gates_to_their_verdict(dropped, gates, baseline):
    model = typed(MODEL)
    for section in dropped | ({"retraining", "rollout"} if dropped & {"monitoring", "serving"} else set()):
        model.pop(section, None)
    model["gates"] = [model["gates"][n] for n in gates]
    if not baseline:
        del model["training"]["baseline"]
        least = [{"id": "q", "metric": "roc_auc", "min": 0.5}]
        model["gates"] = [gate for gate in model["gates"] if gate.get("versus") != "baseline"] or least
    files, report = compiled(model)
    assert files is not None, list(report)
    tree = ast.parse(files["flows/employment.py"])
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    flow = functions["train"]
    assert "gates(training(features(as_of, cause)))" in ast.unparse(flow)
    assert 1 == len(called(flow, "training")) == len(called(flow, "gates")) == len(called(flow, "emit_event"))
    assert "verdict.event" in ast.unparse(called(flow, "emit_event")[0])
    (judge,) = called(functions["gates"], "steps.gates.judge")
    assert [gate["id"] for gate in model["gates"]] == [
        ast.literal_eval(keyword.value) for gate in judge.args[1:] for keyword in gate.keywords if keyword.arg == "id"
    ]
    assert ["training"] == [name for name, node in functions.items() if called(node, "steps.training.train")]
    assert ["train"] == [name for name, node in functions.items() if called(node, "training")]


def test_a_model_without_gates_is_refused():
    model = typed(MODEL)
    del model["gates"]
    assert compiled(model)[0] is None
    model["gates"] = []
    assert compiled(model)[0] is None


def test_waivers_and_slices_stand_in_the_flow_and_take_no_gate_away():
    model = typed(MODEL)
    model["gates"][0] |= {
        "waive": {"by": "alice", "reason": "late labels", "until": "2999-12-31"},
        "slices": [{"by": "sex", "min_rows": 50}],
        "proven": True,
    }
    files, report = compiled(model)
    assert files is not None, list(report)
    (judge,) = called(ast.parse(files["flows/employment.py"]), "steps.gates.judge")
    assert len(model["gates"]) == len(judge.args) - 1
    assert all(word in ast.unparse(judge.args[1]) for word in ("Waiver(by='alice'", "Slice(by='sex'", "proven=True"))


class Evaluated(Contests):
    @invariant()
    def only_what_every_gate_was_asked_about_goes_anywhere(self):
        for number in self.versions:
            asked = {"quality", "champion"} if number in self.said else set()
            assert asked == set(self.rows(number))
            assert (number in self.said) == (number in self.announced())
            assert number in self.said or (Stage.REGISTERED, False) == (self.stage(number), number in self.held.values())
        assert self.held == self.contest.aliases()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_retraining_goes_anywhere_before_every_gate_was_asked(request, tmp_path, database):
    hold(Evaluated, request, tmp_path, database)
