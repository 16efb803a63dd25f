"""Files well under every cap that were written to hurt: what is looked at grows as the file does."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from headrace import project
from headrace.diagnostics import Report, render
from headrace.document import Entry, Mapping, Scalar
from headrace.hooks import Plugins
from headrace.project.rules.moved import _circles
from headrace.spec.missing import Missing
from headrace.spec.wording import certain, guessing, nearest

BASE = (Path(__file__).parents[1] / "cases" / "base.yaml").read_text().split("---\n")
MODEL = next(part for part in BASE if part.startswith("kind: model"))
PROJECT = "kind: project\nname: labour\nlanguage: 1\n"
NO_PLUGINS = Plugins({}, {}, {}, {}, {})
COLUMNS = "kind: source\nname: wide\nuri: a.pq\ncolumns:\n"
VIEW = "kind: feature_view\nname: w\nfrom: source/wide\nentity: c0\ntime: c1\nfeatures:\n"
SHAPES = {
    "unknown keys": MODEL + "".join(f"kez{i}: 1\n" for i in range(20_000)),
    "long unknown keys": MODEL + "".join(f"{'k' * 790}{i:06}: 1\n" for i in range(2_000)),
    "a chain of moves": PROJECT + "moved:\n" + "".join(f"  - {{from: model/m{i}, to: model/m{i + 1}}}\n" for i in range(5_000)),
    "misspelt ids": MODEL.partition("gates:")[0]
    + "gates:\n"
    + "".join(f"  - {{idd: g{i}, metric: roc_auc, min: 0.5}}\n" for i in range(4_000)),
    "unknown columns": COLUMNS
    + "".join(f"  c{i}: {{type: float}}\n" for i in range(4_000))
    + "---\n"
    + VIEW
    + "".join(f"  f{i}: {{column: d{i}}}\n" for i in range(4_000)),
    "rare schedules": MODEL
    + "retraining:\n"
    + "".join(f'  - {{id: r{i}, schedule: "{i % 60} 3 30 2 *", while_deciding: replace}}\n' for i in range(1_000)),
}
JUDGE = """
import sys
from pathlib import Path
from headrace import project
from headrace.diagnostics import Report, render
report = Report()
project.judge(Path(sys.argv[1]), report)
render.to_text(report)
print(len(report.found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_answered(shape: str, tmp_path: Path) -> None:
    """A generous limit, which a square of the file's size passes by far."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_text(SHAPES[shape])
    done = subprocess.run([sys.executable, "-c", JUDGE, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) > 0


def test_what_was_meant_is_asked_only_so_often() -> None:
    words = [f"word{i}" for i in range(10)]
    with guessing(100):
        found = [nearest("wrod1", words) is not None for _ in range(1_000)]
    assert Counter({False: 990, True: 10}) == Counter(found)


def test_a_long_word_is_no_slip() -> None:
    assert (None, False) == (nearest("k" * 800, ["k" * 799]), certain("k" * 800, ["k" * 799]))


def test_all_faults_are_counted_beyond_the_last_guess(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_text("---\n".join([*BASE]))
    (tmp_path / "specs" / "b.yaml").write_text("kind: environment\nname: other\n" + "".join(f"kez{i}: 1\n" for i in range(3_000)))
    report = Report()
    project.judge(tmp_path, report)
    assert 3_000 == sum(d.id == "unknown-key" for d in report)
    assert "… and " in render.to_text(report)


def test_a_key_is_found_by_a_table() -> None:
    class Counted(str):
        __slots__ = ()
        asked = 0

        def __eq__(self, other: object) -> bool:
            Counted.asked += 1
            return super().__eq__(other)

        __hash__ = str.__hash__

    from headrace.diagnostics import Span

    place = Span("f", 1, 1, 1, 1)
    node = Mapping(tuple(Entry(Counted(f"k{i}"), place, Scalar(i, "", place)) for i in range(1_000)), place)
    assert list(range(1_000)) == [entry.value.value for i in range(1_000) if (entry := node.get(f"k{i}")) is not None]
    assert Counted.asked < 10_000


def test_moves_are_walked_once() -> None:
    class Counted(dict[str, str]):
        asked = 0

        def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
            Counted.asked += 1
            return super().get(key, default)

    chain = Counted({f"m{i:05}": f"m{i + 1:05}" for i in range(2_000)} | {"a": "b", "b": "a"})
    assert ({"a": ["a", "b"], "b": []}, 2_003) == (_circles(chain), Counted.asked)


def test_missing_keys_are_dropped_by_name_and_by_mapping() -> None:
    missing = Missing([("gates", 0, "id"), ("gates", 1, "id"), ("gates", 1, "metric")])
    missing.drop([("gates", 0, "id"), ("gates", 7, "id")])
    assert (("gates", 1, "id"), True, [[("gates", 1, "id"), ("gates", 1, "metric")]]) == (
        missing.once("id"),
        missing.ever("id"),
        missing.by_mapping(),
    )


@pytest.mark.parametrize("style", ["text", "json", "concise", "github"])
def test_no_format_shows_a_secret(style: str, tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    faults = 'store: "postgresql://me:hunter2@db/headrace"\nblobs: [s3://KEY:hunter2@bucket, 1]\n'
    (tmp_path / "specs" / "a.yaml").write_text("---\n".join([*BASE, "kind: environment\nname: other\n" + faults]))
    report = Report()
    project.judge(tmp_path, report)
    shown = {
        "text": render.to_text(report),
        "json": json.dumps(render.to_json(report)),
        "concise": render.to_concise(report),
        "github": render.to_github(report),
    }
    assert "literal-secret" in {d.id for d in report}
    assert "hunter2" not in shown[style]


def test_a_long_value_is_cut_in_its_message(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    window = f"monitoring:\n  window: {{every: {'9' * 100_000}d}}\n"
    (tmp_path / "specs" / "a.yaml").write_text("kind: model\nname: a\n" + window)
    report = Report()
    project.judge(tmp_path, report)
    assert [] == [d.id for d in report if len(d.message) + len(d.help or "") > 2_000]


def test_variables_that_double_become_no_more_than_a_document_may(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    doubled = "".join(f'  v{i + 1}: "${{var.v{i}}}${{var.v{i}}}"\n' for i in range(200))
    (tmp_path / "specs" / "a.yaml").write_text(f"{PROJECT}variables:\n  v0: aaaaaaaaaa\n{doubled}")
    report = Report()
    project.judge(tmp_path, report)
    assert ["expressions-too-long"] == [d.id for d in report if d.id != "no-project"]


def calls(root: Path, environments: int) -> int:
    """How many functions of Python are called to judge a project with so many environments, all beside an expression."""
    (root / "specs").mkdir(parents=True)
    source = "kind: source\nname: people\nuri: ${var.where}.csv\ncolumns: {person_id: {type: int64}}\n"
    each = [f"kind: environment\nname: e{i}\nvariables: {{where: part{i}}}\n" for i in range(environments)]
    (root / "specs" / "a.yaml").write_text("---\n".join([f"{PROJECT}variables:\n  where: here\n", source, *each]))
    counted = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal counted
        counted += event == "call"

    report = Report()
    sys.setprofile(count)
    try:
        project.judge(root, report, plugins=NO_PLUGINS)
    finally:
        sys.setprofile(None)
    assert [] == report.errors
    return counted


def test_an_environment_is_not_judged_beside_all_others_again(tmp_path: Path) -> None:
    calls(tmp_path / "first", 1)
    # Four times as many: 16 times the cost where each is held against each.
    few, many = calls(tmp_path / "few", 30), calls(tmp_path / "many", 120)
    assert many < 9 * few, (many, few)
