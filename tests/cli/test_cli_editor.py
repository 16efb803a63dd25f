"""schema, and explain of fields and of what plugins register."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from headrace.cli import main
from headrace.cli.schema import FILE, MODELINE
from headrace.diagnostics import Report
from headrace.hooks import load_plugins

ROOT = Path(__file__).parents[2]
PLUGIN = '''
"""Plugins of this project."""
from pydantic import BaseModel, ConfigDict, Field
from headrace.hooks import Algorithm, hookimpl

class Params(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: int = Field(description="How deep.", ge=1)

@hookimpl
def headrace_algorithms():
    here = "headrace_project_plugins.own"
    return [Algorithm("own.trees", "binary", f"{here}:Params", f"{here}:fit", f"{here}:save", f"{here}:load", "text")]

def fit(matrix, target, *, signature, params, seed):
    """A test of the schema fits nothing."""

def save(predictor):
    """Nor does it save."""

def load(data, *, signature):
    """Nor does it load."""
'''


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    return tmp_path


def own(root: Path) -> None:
    (root / "plugins").mkdir()
    (root / "plugins" / "own.py").write_text(PLUGIN)


def test_in_a_project_its_names_and_its_own_plugins_are_in_the_schema(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    own(root)
    made = json.loads(run(capsys, "schema", "--root", str(root))[1])["$defs"]
    assert "channel/ml-log" in made["Alert"]["properties"]["notify"]["items"]["anyOf"][0]["enum"]
    names = [*load_plugins(None, Report(), allow=[]).algorithms, "own.trees"]
    assert sorted(names) == made["Training"]["properties"]["algorithm"]["anyOf"][0]["enum"]
    assert ["depth"] == made["algorithms.own.trees"]["required"]


def test_without_a_project_every_name_may_be_right(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    own(root)
    without = json.loads(run(capsys, "schema", "--no-project", "--root", str(root))[1])
    assert "pattern" in without["$defs"]["Alert"]["properties"]["notify"]["items"]["anyOf"][0]
    assert "own.trees" not in without["$defs"]["Training"]["properties"]["algorithm"]["anyOf"][0]["enum"]


def test_a_project_that_cannot_be_read_has_a_schema_still(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    """The names of what can be read are in it; of a model, any name may be right."""
    (root / "specs" / "employment.yaml").write_text("kind: model\nname: [")
    code, out, _ = run(capsys, "schema", "--root", str(root))
    made = json.loads(out)["$defs"]
    assert (0, True) == (code, "channel/ml-log" in made["Alert"]["properties"]["notify"]["items"]["anyOf"][0]["enum"])
    assert "pattern" in made["Backtest"]["properties"]["model"]["anyOf"][0]


def test_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(run(capsys, "schema", "--kind", "channel", "--root", str(ROOT))[1])
    assert jsonschema.Draft202012Validator(made).is_valid({"kind": "channel", "name": "a", "type": "log", "params": {"path": "x"}})


def test_a_kind_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "schema", "--kind", "modle")
    assert (64, True) == (code, "did you mean `model`?" in err)


@pytest.mark.parametrize(("options", "told"), [([], "wrote {}\n"), (["--json"], '{{\n  "written": "{}"\n}}\n')])
def test_it_is_written_to_a_file(capsys: pytest.CaptureFixture[str], root: Path, options: list[str], told: str) -> None:
    out = root / ".headrace" / "schema.json"
    assert (0, told.format(out), "") == run(capsys, "schema", "--out", str(out), "--root", str(root), *options)
    assert out.read_text() == run(capsys, "schema", "--root", str(root))[1]
    assert [out] == list(out.parent.iterdir())


def test_init_points_the_editor_to_the_schema_that_it_writes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert 0 == run(capsys, "init", str(tmp_path))[0]
    specs = sorted((tmp_path / "specs").iterdir())
    assert [MODELINE] * len(specs) == [path.read_text().splitlines()[0] for path in specs]
    pointed = (specs[0].parent / MODELINE.rpartition("=")[2]).resolve()
    assert (tmp_path / FILE).resolve() == pointed
    assert "person" in json.loads(pointed.read_text())["$defs"]["Features"]["properties"]["use"]["propertyNames"]["enum"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["model.training.params", "--of", "lightgbm.classifier"], "  num_leaves         Leaves of a tree, at most."),
        (["model.training.params"], "Its keys are those of what `algorithm` names"),
        (["model.training.params.num_leaves", "--of", "lightgbm.classifier"], "changing it costs: retrain"),
        (
            ["model.training.params.num_leaves"],
            "`lightgbm.multiclass`, `lightgbm.quantile`, `lightgbm.ranker`, `lightgbm.regressor`; `--of NAME` tells of one of them.",
        ),
        (["model.training.params.of_another"], "nothing that is registered here has this one"),
        (["model.training.split.by"], "  by: time    Hold out the newest rows."),
        (["model.training.split.gap"], "required where `by: time`"),
        (["model.training.split.stratify"], "optional where `by: random`"),
        (["model.training.split"], "gap       How much before that is left out; at least the label's delay. (required where `by: time`)"),
        (["model.gates[quality].min"], "The least value that passes."),
        (["model.training.algorithm"], "sklearn.logistic_regression"),
        (["lightgbm.classifier"], "task: binary"),
        (["lightgbm.classifier.learning_rate"], "bounds: more than 0, at most 1"),
        (["roc_auc"], "better: higher"),
        (["psi"], "psi: one of the detectors"),
        (["webhook"], "(required)"),
        (["model.rollout.steps"], "  weight  The candidate's share. (required)"),
    ],
)
def test_explain(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    code, out, _ = run(capsys, "explain", *arguments)
    assert (0, True) == (code, says in out), out


def test_explain_what_a_projects_own_plugin_adds(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    own(root)
    code, out, _ = run(capsys, "explain", "own.trees", "--root", str(root))
    assert (0, True) == (code, "depth  How deep. (required)" in out)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["roc_acu"], "roc_auc"),
        (["model.training.params.num_leafs"], "did you mean `model.training.params.num_leaves`?"),
        (["model.gates[quality].mim"], "did you mean `model.gates.min`?"),
        (["model.training.params", "--of", "catboost"], "registered are"),
    ],
)
def test_explain_of_no_plugin(capsys: pytest.CaptureFixture[str], arguments: list[str], meant: str) -> None:
    code, _, err = run(capsys, "explain", *arguments)
    assert (64, True) == (code, meant in err)
