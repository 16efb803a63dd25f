"""What `validate` tells again is what it would find, whatever was changed in between."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from headrace.cli import remembered
from headrace.diagnostics import render

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "tests" / "plan" / "reference" / "specs" / "employment.yaml").read_text(encoding="utf-8")
EXPERIMENT = """
experiment:
  arms: {champion: 50%, candidate: 50%}
  unit: person_id
  primary: {metric: accuracy, detect: 2pp}
  coverage: COVER
  layer: LAYER
  for: 60d
"""


def model(number: int) -> str:
    return MODEL.replace("name: employment", f"name: model_{number}", 1).replace("port: 8080", f"port: {9000 + number}")


def made(root: Path, models: int = 4) -> Path:
    specs = root / "specs"
    specs.mkdir(parents=True)
    for name in ("headrace.yaml", "sources.yaml", "features.yaml", "channels.yaml"):
        shutil.copy(ROOT / "tests" / "plan" / "reference" / "specs" / name, specs / name)
    for number in range(models):
        (specs / f"model_{number}.yaml").write_text(model(number), encoding="utf-8")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "labour")


@pytest.fixture(autouse=True)
def as_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the modules that other tests of this process wrote and loaded: they are too fresh for anything to be remembered."""
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and not Path(file).is_relative_to(ROOT) and not Path(file).is_relative_to(sys.prefix):
            stamp = remembered._stamp(file)
            if stamp is None or stamp[1] > remembered._BEGAN - remembered._FRESH:
                monkeypatch.delitem(sys.modules, name)


def told(look: remembered.Look) -> str:
    """All that a user could see of a look."""
    return json.dumps([render.to_json(look.report), render.to_text(look.report, most=None), render.counts(look.report), look.documents])


def again(root: Path) -> int | None:
    """Look with what is remembered and without; the two must be one. How many files were judged."""
    warm = remembered.look(root, None)
    assert told(remembered.look(root, None, remember=False)) == told(warm)
    return warm.judged


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "specs" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_is_unchanged_is_judged_once(folder):
    assert [again(folder), again(folder)] == [None, 0]


def test_of_changed_models_only_their_files_and_those_of_no_models_are_judged(folder):
    again(folder)
    edit(folder, "model_1.yaml", "learning_rate: 0.05", "learning_rate: 0.06")
    assert [again(folder), again(folder)] == [5, 0]
    edit(folder, "model_1.yaml", "learning_rate: 0.06", "learning_rate: 0.05")
    edit(folder, "model_2.yaml", "min: 0.85", "min: 0.8")
    assert again(folder) == 6


def test_a_warning_and_a_note_are_told_again_at_their_place(folder):
    edit(folder, "model_0.yaml", "metric: roc_auc, min: 0.85", "metric: roc_auc, min: 0.85, confidence: 0.9")
    (folder / "specs" / "model_3.yaml").write_text(
        model(3) + EXPERIMENT.replace("  coverage: COVER\n  layer: LAYER\n", "") + "retirement: {when: {no_traffic: 90d}}\n",
        encoding="utf-8",
    )
    assert again(folder) is None
    first = remembered.look(folder, None)
    assert (0, {"errors": 0, "warnings": 2, "notes": 1}) == (first.judged, render.counts(first.report))
    edit(folder, "model_0.yaml", "kind: model", "# one line more\nkind: model")
    assert again(folder) == 5
    edit(folder, "model_1.yaml", "kind: model", "# one line more\nkind: model")
    assert again(folder) == 5


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model_1.yaml", "port: 9001", "port: 9002"),
        ("model_1.yaml", "name: model_1", "name: model_2"),
        ("model_1.yaml", "name: model_1", "name: model-2"),
        ("model_1.yaml", "metric: roc_auc, min: 0.85", "metric: roc_acu, min: 0.85"),
        ("model_1.yaml", "seed: 7", "sead: 7"),
        ("model_1.yaml", "source/census", "source/cenus"),
        ("model_1.yaml", "kind: model", "kind: [model"),
        ("features.yaml", "race:               {column: race", "race:               {column: rase"),
        ("channels.yaml", "name: ml-log", "name: ml-lag"),
        ("headrace.yaml", "language: 1", "language: 9"),
    ],
)
def test_a_fault_is_found_wherever_it_comes_from(folder, name, old, new):
    again(folder)
    edit(folder, name, old, new)
    assert again(folder) is None
    assert not remembered.look(folder, None).report.ok
    edit(folder, name, new, old)
    assert again(folder) == 0


def test_what_models_have_to_do_with_one_another_is_judged_whole(folder):
    for number, cover in ((0, "60%"), (1, "30%")):
        text = model(number) + EXPERIMENT.replace("COVER", cover).replace("LAYER", "shared")
        (folder / "specs" / f"model_{number}.yaml").write_text(text, encoding="utf-8")
    assert again(folder) is None
    edit(folder, "model_1.yaml", "coverage: 30%", "coverage: 50%")
    assert again(folder) is None
    assert [d.id for d in remembered.look(folder, None).report.errors] == ["layer-conflict"]


def test_what_the_shell_or_code_outside_of_the_specs_decides_is_not_remembered(folder, monkeypatch):
    monkeypatch.setenv("TRAFFIC_PORT", "9100")
    edit(folder, "model_1.yaml", "port: 9001", 'port: "${env.TRAFFIC_PORT}"')
    assert [again(folder), again(folder)] == [None, None]
    monkeypatch.setenv("TRAFFIC_PORT", "9002")
    assert again(folder) is None
    assert not remembered.look(folder, None).report.ok
    edit(folder, "model_1.yaml", 'port: "${env.TRAFFIC_PORT}"', "port: 9001")
    (folder / "own.py").write_text("def clean(rows):\n    return rows\n", encoding="utf-8")
    (folder / "specs" / "model_2.yaml").write_text(
        model(2) + "\nsteps:\n  - {id: clean, after: features, python: own:clean}\n", encoding="utf-8"
    )
    assert [again(folder), again(folder)] == [None, None]
    (folder / "own.py").write_text("def clean():\n    return None\n", encoding="utf-8")
    assert again(folder) is None
    assert not remembered.look(folder, None).report.ok


def test_a_users_own_middleware_is_looked_at_each_time(folder):
    asked = "async def __call__(self, scope, receive, send):\n        await self.app(scope, receive, send)\n"
    module = "class Stamp:\n    def __init__(self, app):\n        self.app = app\n\n    "
    (folder / "own.py").write_text(module + asked, encoding="utf-8")
    edit(folder, "model_1.yaml", "port: 9001", 'port: 9001\n  middleware: [{python: "own:Stamp"}]')
    assert remembered.look(folder, None).report.ok
    assert [again(folder), again(folder)] == [None, None]
    (folder / "own.py").write_text(module + "ends_here = 1\n", encoding="utf-8")
    assert again(folder) is None
    assert not remembered.look(folder, None).report.ok


@pytest.mark.parametrize("within", ["{}", "{{members: [{{id: own, algorithm: python.classifier, params: {}}}]}}"])
def test_what_builds_a_users_own_estimator_is_not_remembered(folder, within):
    (folder / "own.py").write_text("def build(trees):\n    return trees\n", encoding="utf-8")
    own = within.format('{python: "own:build", trees: 3}')
    name = "python.classifier" if within == "{}" else "ensemble.voting_classifier"
    text = model(1)
    begin = text.index("training:")
    end = text.index("  split:", begin)
    (folder / "specs" / "model_1.yaml").write_text(
        f"{text[:begin]}training:\n  algorithm: {name}\n  params: {own}\n{text[end:]}", encoding="utf-8"
    )
    assert remembered.look(folder, None).report.ok
    assert [again(folder), again(folder)] == [None, None]
    (folder / "own.py").write_text("def build():\n    return None\n", encoding="utf-8")
    assert again(folder) is None
    assert not remembered.look(folder, None).report.ok


PLUGIN = """
from headrace.hooks import Metric, hookimpl


@hookimpl
def headrace_metrics():
    return [Metric(name="NAME", compute="sklearn.metrics:roc_auc_score", better="higher", range=(0.0, 1.0), needs="probability")]
"""


def test_another_text_of_the_projects_own_plugin_is_another_answer(folder):
    (folder / "plugins").mkdir()
    (folder / "plugins" / "own.py").write_text(PLUGIN.replace("NAME", "own_auc"), encoding="utf-8")
    os.utime(folder / "plugins" / "own.py", ns=(1, 1))
    edit(folder, "model_1.yaml", "metric: roc_auc, min: 0.85", "metric: own_auc, min: 0.85")
    assert [again(folder), again(folder)] == [None, 0]
    (folder / "plugins" / "own.py").write_text(PLUGIN.replace("NAME", "another_auc"), encoding="utf-8")
    os.utime(folder / "plugins" / "own.py", ns=(1, 1))
    assert again(folder) is None
    assert not remembered.look(folder, None).report.ok


def cache(root: Path) -> Path:
    (found,) = (root / ".headrace" / "cache").glob("*.json")
    return found


def test_a_torn_or_altered_file_and_one_of_another_version_are_passed_over(folder):
    again(folder)
    place = cache(folder)
    whole = place.read_bytes()
    for other in (whole[: len(whole) // 2], b"", whole.replace(b"model_1", b"model_9"), b"0 " + whole.partition(b" ")[2], b"\xff\n{}"):
        place.write_bytes(other)
        assert [again(folder), again(folder)] == [None, 0]


def test_where_nothing_can_be_written_nothing_is_remembered(folder):
    (folder / ".headrace").mkdir()
    (folder / ".headrace" / "cache").write_text("a file where the folder goes", encoding="utf-8")
    assert [again(folder), again(folder)] == [None, None]


FULL = """
import resource, signal
from headrace.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
main(["validate"])
"""


def test_on_a_full_disk_nothing_is_left_behind(folder):
    remembered_ = folder / ".headrace" / "cache"
    remembered_.mkdir(parents=True)
    command = [sys.executable, "-c", FULL]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # Python itself would leave modules behind that are cut off
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)
    assert (0, "", [".gitignore"]) == (done.returncode, done.stderr, sorted(path.name for path in remembered_.iterdir()))


def test_several_at_once_tell_the_same(folder):
    command = [sys.executable, "-m", "headrace", "validate", "--json"]
    for _ in range(2):
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda _: subprocess.run(command, cwd=folder, capture_output=True, check=False), range(4)))
        assert [0] * 4 == [one.returncode for one in done]
        assert len({one.stdout for one in done}) == 1
        edit(folder, "model_1.yaml", "kind: model", "# another\nkind: model")


def test_the_command_can_be_told_to_remember_nothing(folder):
    subprocess.run([sys.executable, "-m", "headrace", "validate", "--no-cache"], cwd=folder, check=True, capture_output=True)
    assert not (folder / ".headrace").exists()


def test_only_the_rules_of_own_steps_and_sources_read_the_projects_folder():
    """What a rule reads beside the specs has to be known to `remembered`, or what it found must not be remembered."""
    rules = ROOT / "framework" / "headrace" / "project" / "rules"
    assert ["cards.py", "composed.py", "middleware.py", "places.py", "steps.py"] == sorted(
        path.name for path in rules.glob("*.py") if "scope.root" in path.read_text(encoding="utf-8")
    )


NUMBERS = st.integers(0, 3)
WORDS = st.sampled_from(
    [
        ("kind: model", "# said\nkind: model"),
        ("learning_rate: 0.05", "learning_rate: 0.06"),
        ("learning_rate: 0.05", "learning_rat: 0.06"),
        ("min: 0.85", "min: 0.85, confidence: 0.9"),
        ("min: 0.85", 'min: "${var.least}"'),
        ("metric: roc_auc, min", "metric: accuracy, min"),
        ("seed: 7", "seed: seven"),
        ("source/census", "source/census_labels"),
        ("person: all", "person: [age, sex]"),
        ("person: all", "persn: all"),
        ("channel/ml-log", "channel/ml-lag"),
        ("port: 900", "port: 901"),
        *((f"port: 900{one}", f"port: 900{other}") for one in range(4) for other in range(5) if one != other),
        ("name: model_", "name: other_"),
        ("when: ", "whn: "),
        ("critical: 0.25", "critical: 0.05"),
        ("\nretraining:", "\nretirement: {when: {no_traffic: 90d}, traffic: [50%, 0%], replacement: model/model_2}\n\nretraining:"),
        ("\nretraining:", f"{EXPERIMENT.replace('COVER', '60%').replace('LAYER', 'shared')}\nretraining:"),
    ]
)
SHARED = st.sampled_from(
    [
        ("headrace.yaml", "language: 1", "language: 1\nvariables: {least: 0.8}"),
        ("headrace.yaml", "language: 1", "language: 1\nmoved: [{from: model/gone, to: model/model_1}]"),
        ("features.yaml", "column: age", "column: aeg"),
        ("features.yaml", "column: age", "column: race"),
        ("channels.yaml", "name: ml-log", "name: ml-lag"),
        ("sources.yaml", "type: category", "type: int64"),
    ]
)
FILES = st.sampled_from(
    [
        ("staging.yaml", "kind: environment\nname: staging\n---\nkind: environment\nname: dev\n"),
        ("lay.yaml", "kind: overlay\nname: lay\nenvironment: staging\npatches:\n  model/model_1: {serving: {port: 9002}}\n"),
        ("both.yaml", "kind: ensemble\nname: both\ncombine: mean\nmembers: [{model: model/model_0}, {model: model/model_1}]\n"),
        ("model_9.yaml", model(9)),
        ("model_8.yaml", model(8).replace("port: 9008", "port: 9001")),
        ("notes.txt", "no spec"),
        ("empty.yaml", "# nothing\n"),
    ]
)
EDITS = st.one_of(
    st.tuples(st.just("model"), NUMBERS, WORDS),
    st.tuples(st.just("model"), NUMBERS, WORDS),
    st.tuples(st.just("back"), NUMBERS, st.none()),
    st.tuples(st.just("gone"), NUMBERS, st.none()),
    st.tuples(st.just("swap"), NUMBERS, NUMBERS),
    st.tuples(st.just("shared"), st.none(), SHARED),
    st.tuples(st.just("file"), st.none(), FILES),
    st.tuples(st.just("drop"), st.none(), FILES),
)


def carried_out(root: Path, what: str, number: int | None, how: tuple[str, ...] | int | None) -> None:
    """One edit; what it would change may have been changed already."""
    specs = root / "specs"
    own = specs / f"model_{number}.yaml"
    match what:
        case "model" | "shared":
            *name, old, new = how
            path = specs / name[0] if name else own
            if path.exists():
                path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
        case "back":
            own.write_text(model(number), encoding="utf-8")
        case "gone":
            own.unlink(missing_ok=True)
        case "swap":
            other = specs / f"model_{how}.yaml"
            if own.exists() and other.exists():
                one, two = own.read_bytes(), other.read_bytes()
                own.write_bytes(two)
                other.write_bytes(one)
        case "file":
            (specs / how[0]).write_text(how[1], encoding="utf-8")
        case "drop":
            (specs / how[0]).unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.unfollowed
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(EDITS, min_size=1, max_size=2), min_size=1, max_size=5))
def test_after_any_edits_the_answer_is_that_of_a_first_look(tmp_path_factory, edits):
    root = made(tmp_path_factory.mktemp("edits") / "labour")
    again(root)
    for together in edits:
        before = {path: path.read_bytes() for path in (root / "specs").iterdir()}
        for one in together:
            carried_out(root, *one)
        judged = again(root)
        event("remembered" if judged == 0 else "whole" if judged is None else "a part")
        if not remembered.look(root, None).report.ok:  # the next edit starts from what was clean
            shutil.rmtree(root / "specs")
            (root / "specs").mkdir()
            for path, content in before.items():
                path.write_bytes(content)
    shutil.rmtree(root)


def mutations(node, here=()):
    """Every value of a document with what it is changed to; None drops its key."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*here, key), None
        match value:
            case bool():
                yield (*here, key), not value
            case int() | float():
                yield from (((*here, key), other) for other in (value + 1, value * 2, value / 2, -value))
            case str():
                yield from (((*here, key), other) for other in (f"{value}q", "model/model_2", "person_id", "20%", "9002"))
            case _:
                yield from mutations(value, (*here, key))


@pytest.mark.slow
@pytest.mark.unfollowed
def test_after_each_change_of_one_value_the_answer_is_that_of_a_first_look(folder):
    document, own = yaml.safe_load(model(1)), folder / "specs" / "model_1.yaml"
    own.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    first = told(remembered.look(folder, None, remember=False))
    assert first == told(remembered.look(folder, None))
    ways = Counter()
    for path, value in mutations(document):
        after = copy.deepcopy(document)
        owner = after
        for key in path[:-1]:
            owner = owner[key]
        if value is None:
            del owner[path[-1]]
        else:
            owner[path[-1]] = value
        own.write_text(yaml.safe_dump(after, sort_keys=False), encoding="utf-8")
        judged = again(folder)
        ways[judged] += 1
        if judged is not None:
            own.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            assert first == told(remembered.look(folder, None))
    assert ways[5] > 50
    assert ways[None] > 50
