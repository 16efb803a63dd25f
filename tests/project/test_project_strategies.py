"""A rollout goes by the steps that its strategy gives, and a strategy that gives none is one fault at its line."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from headrace import project
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.plan import forecast

BASE = Path(__file__).parents[1] / "cases" / "base.yaml"
PLUGIN = """
from datetime import timedelta
from pydantic import BaseModel, ConfigDict, Field
from headrace.hooks import Duration, Percentage, Rung, Strategy, hookimpl

class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    first: Percentage = Field(description="The first share.")
    factor: float = Field(default=2.0, description="How it grows.")
    hold: Duration = Field(default=timedelta(days=6), description="How long.")

def rungs(params):
    {body}

@hookimpl
def headrace_strategies():
    return [Strategy("{name}", f"{{__name__}}:rungs", f"{{__name__}}:Params"{more})]
"""
GEOMETRIC = "return [Rung(params.first * params.factor**n, params.hold) for n in range(3)]"
HOUR = timedelta(hours=1)


def load(
    root: Path, rollout: dict, body: str = GEOMETRIC, name: str = "geometric", more: str = ""
) -> tuple[project.Project | None, Report]:
    documents = [document for document in yaml.safe_load_all(BASE.read_text()) if document]
    model = next(document for document in documents if document["kind"] == "model")
    model["rollout"] = {"unit": "person_id", "judge": [{"metric": "error_rate", "negligible": "2%"}], **rollout}
    (root / "specs").mkdir(exist_ok=True)
    (root / "specs" / "all.yaml").write_text(yaml.safe_dump_all(documents))
    (root / "plugins").mkdir(exist_ok=True)
    (root / "plugins" / "mine.py").write_text(PLUGIN.format(body=body, name=name, more=more))
    report = Report()
    return project.load(root, report), report


def steps(loaded: project.Project | None) -> list[tuple[float, timedelta]]:
    assert loaded is not None
    (model,) = [model for model in loaded.models if model.rollout is not None]
    return [(step.weight, step.hold) for step in model.rollout.steps]


def test_a_plugins_strategy_is_the_same_rollout_as_its_steps_written(tmp_path) -> None:
    made, report = load(tmp_path, {"strategy": "geometric", "params": {"first": "10%", "hold": "2d"}})
    assert [] == report.errors
    assert [(0.1, 48 * HOUR), (0.2, 48 * HOUR), (0.4, 48 * HOUR)] == steps(made)
    flows = compile_project(made)
    written, _ = load(
        tmp_path,
        {
            "strategy": "canary",
            "steps": [{"weight": "10%", "hold": "2d"}, {"weight": "20%", "hold": "2d"}, {"weight": "40%", "hold": "2d"}],
        },
    )
    assert compile_project(written) == flows
    assert "Step(weight=0.2, hold=timedelta(days=2))" in flows["flows/work.py"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"from": "10%", "to": "50%", "by": "20%"}, [0.1, 0.3, 0.5]),
        ({"from": "5%", "to": "50%", "by": "20%"}, [0.05, 0.25, 0.45, 0.5]),
        ({"from": "10%", "to": "40%", "by": "10%"}, [0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_linear_rises_by_equal_shares_and_ends_where_it_says(tmp_path, params: dict, expected: list[float]) -> None:
    made, _ = load(tmp_path, {"strategy": "linear", "params": params | {"hold": "5d"}})
    assert expected == [weight for weight, _ in steps(made)]


def test_the_built_in_canary_can_be_taken_the_place_of(tmp_path) -> None:
    body = "pass\n\ndef halved(params, steps):\n    return [Rung(step.weight / 2, step.hold) for step in steps]"
    rollout = {"strategy": "canary", "params": {"first": "5%"}, "steps": [{"weight": "50%", "hold": "9d"}]}
    made, _ = load(tmp_path, rollout, body, "canary", ", steps=True, override=True")
    assert made is None  # `rungs(params)` does not take the steps
    made, report = load(tmp_path, rollout, body.replace("pass", "return params"), "canary", ", steps=True, override=True")
    assert ["plugin-failed"] == [fault.id for fault in report.errors]
    text = (tmp_path / "plugins" / "mine.py").read_text().replace(":rungs", ":halved")
    (tmp_path / "plugins" / "mine.py").write_text(text)
    assert [(0.25, 216 * HOUR)] == steps(project.load(tmp_path, Report()))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return 1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("return None", "it gave None, and not Rungs"),
        ("return []", "it gave no step"),
        ("return [0.5]", "it gave float, and not Rung"),
        ("return [Rung(1.0, params.hold)]", "step 1 has the weight 1.0, and not a share between 0 and 1"),
        ("return [Rung(float('nan'), params.hold)]", "step 1 has the weight nan"),
        ("return [Rung(0.5, 6)]", "step 1 holds for 6, and not for a time"),
        ("import itertools; return (Rung(0.5, params.hold) for _ in itertools.count())", "it gave more than 100 steps"),
    ],
)
def test_a_strategy_that_gives_no_steps_is_one_fault_at_its_line(tmp_path, body: str, says: str) -> None:
    loaded, report = load(tmp_path, {"strategy": "geometric", "params": {"first": "10%"}}, body)
    (fault,) = report.errors
    assert (None, "plugin-failed", "specs/all.yaml") == (loaded, fault.id, fault.span.file)
    assert "plugin `plugins/mine.py` failed in the strategy `geometric`" in fault.message
    assert says in fault.message
    assert "geometric" in (tmp_path / "specs" / "all.yaml").read_text().splitlines()[fault.span.line - 1]


def test_what_a_strategy_gives_is_judged_as_written_steps_are(tmp_path) -> None:
    _, report = load(tmp_path, {"strategy": "geometric", "params": {"first": "10%", "factor": 1.0}})
    assert ["rollout-weights", "rollout-weights"] == [fault.id for fault in report.errors]
    assert "params" in (tmp_path / "specs" / "all.yaml").read_text().splitlines()[report.errors[0].span.line - 1]


def test_show_says_who_made_the_steps(tmp_path) -> None:
    made, _ = load(tmp_path, {"strategy": "geometric", "params": {"first": "10%"}})
    assert made is not None
    address = next(address for address in made.specs if address.kind == "model")
    assert "made by the strategy geometric" == str(made.origin(address, ("rollout", "steps", 0, "weight")))


def test_a_fault_of_every_environment_is_said_once(tmp_path) -> None:
    load(tmp_path, {"strategy": "geometric", "params": {"first": "10%"}}, "return 1 / 0")
    environments = "---\n".join(f"kind: environment\nname: {name}\n" for name in ("production", "staging"))
    (tmp_path / "specs" / "environments.yaml").write_text(environments)
    report = Report()
    assert () == project.judge(tmp_path, report)
    assert ["plugin-failed"] == [fault.id for fault in report.errors]


def test_an_overlay_chooses_another_strategy(tmp_path) -> None:
    load(tmp_path, {"strategy": "canary", "steps": [{"weight": "10%", "hold": "5d"}]})
    overlay = {
        "kind": "overlay",
        "name": "slower",
        "environment": "dev",
        "patches": {"model/work": {"rollout": {"strategy": "geometric", "params": {"first": "5%"}, "steps": None}}},
    }
    (tmp_path / "specs" / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    report = Report()
    assert [0.05, 0.1, 0.2] == [weight for weight, _ in steps(project.load(tmp_path, report))], report.found


def test_a_plugin_that_may_not_take_part_gives_no_strategy(tmp_path) -> None:
    load(tmp_path, {"strategy": "geometric", "params": {"first": "10%"}})
    path = tmp_path / "specs" / "all.yaml"
    path.write_text(path.read_text().replace("language: 1", "language: 1\nplugins: {deny: [mine]}"))
    report = Report()
    assert None is project.load(tmp_path, report)
    assert ["unknown-strategy"] == [fault.id for fault in report.errors]


def test_another_of_the_same_name_is_a_collision(tmp_path) -> None:
    _, report = load(tmp_path, {"strategy": "linear", "params": {"first": "10%"}}, name="linear")
    assert ["plugin-collision"] == [fault.id for fault in report.errors]


def test_the_plan_reckons_with_what_a_strategy_gives(tmp_path) -> None:
    made, _ = load(tmp_path, {"strategy": "geometric", "params": {"first": "10%", "hold": "2d"}})
    assert made is not None
    (model,) = made.models
    found = forecast.rollout(model)
    assert found is not None
    assert int(12000 * 2 * (0.1 + 0.2 + 0.4)) == found.requests
