"""`headrace compile`: what it writes, removes, refuses, and how it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from headrace.cli.compile import command
from headrace.diagnostics import Exit, HeadraceError

ROOT = Path(__file__).parents[2]
REFERENCE = sorted(path.name for path in (ROOT / "flows").iterdir() if path.is_file())


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    return tmp_path


def run(folder, *arguments):
    return CliRunner().invoke(command, ["--root", str(folder), *arguments])


def names(folder):
    return sorted(path.name for path in (folder / "flows").iterdir())


def test_the_reference_project_compiles_to_the_committed_files(folder):
    assert 0 == run(folder).exit_code
    assert {name: (ROOT / "flows" / name).read_bytes() for name in REFERENCE} == {
        path.name: path.read_bytes() for path in (folder / "flows").iterdir()
    }


def test_compiling_again_writes_nothing(folder):
    run(folder)
    before = {path: path.stat().st_mtime_ns for path in (folder / "flows").iterdir()}
    result = json.loads(run(folder, "--json").output)
    assert ([], [], 4) == (result["written"], result["removed"], result["unchanged"])
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "flows").iterdir()}


def test_check_says_what_is_stale_and_writes_nothing(folder):
    run(folder)
    spec = folder / "specs" / "employment.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("num_leaves: 31", "num_leaves: 63"), encoding="utf-8")
    before = (folder / "flows" / "employment.py").read_bytes()
    done = run(folder, "--check")
    changed = [line.strip() for line in done.output.splitlines() if line.startswith(("+ ", "- "))]
    assert Exit.CHANGES == done.exit_code
    assert [
        '-        params={"learning_rate": 0.05, "n_estimators": 200, "num_leaves": 31},',
        '+        params={"learning_rate": 0.05, "n_estimators": 200, "num_leaves": 63},',
    ] == changed
    assert before == (folder / "flows" / "employment.py").read_bytes()


def test_check_of_a_project_never_compiled_shows_every_file(folder):
    done = run(folder, "--check", "--json")
    assert (Exit.CHANGES, 4, False) == (done.exit_code, len(json.loads(done.output)["written"]), (folder / "flows").exists())


def test_check_of_a_compiled_project_is_fine(folder):
    run(folder)
    done = run(folder, "--check")
    assert (0, "The compiled files are what the specs mean.\n") == (done.exit_code, done.output)


def test_what_left_the_specs_leaves_the_flows_and_nothing_else_does(folder):
    run(folder)
    flows = folder / "flows"
    for name in ("employment.py", "employment.deploy.json", "employment.serving.json"):
        text = (flows / name).read_text(encoding="utf-8")
        (flows / name.replace("employment", "gone")).write_text(text.replace("employment", "gone"), encoding="utf-8")
    (flows / "mine.py").write_text("# by hand\n", encoding="utf-8")
    (flows / "mine.deploy.json").write_text("{}", encoding="utf-8")
    (flows / "broken.serving.json").write_text("{", encoding="utf-8")
    (flows / "notes.json").write_text("{}", encoding="utf-8")
    result = json.loads(run(folder, "--json").output)
    assert ["flows/gone.deploy.json", "flows/gone.py", "flows/gone.serving.json"] == result["removed"]
    assert sorted([*REFERENCE, "mine.py", "mine.deploy.json", "broken.serving.json", "notes.json"]) == names(folder)


def test_check_shows_a_removal(folder):
    run(folder)
    (folder / "flows" / "gone.py").write_text("# Compiled by headrace from model/gone.", encoding="utf-8")
    done = run(folder, "--check")
    assert Exit.CHANGES == done.exit_code
    assert "--- a/flows/gone.py\n+++ /dev/null\n" in done.output
    assert "\\ No newline at end of file" in done.output


def test_a_file_written_by_hand_is_not_written_over(folder):
    (folder / "flows").mkdir()
    (folder / "flows" / "employment.py").write_text("print('mine')\n", encoding="utf-8")
    error = run(folder).exception
    assert isinstance(error, HeadraceError)
    assert (Exit.REFUSED, ["employment.py"]) == (error.code, names(folder))


def test_invalid_specs_compile_to_nothing(folder):
    spec = folder / "specs" / "employment.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("training:", "trainings:"), encoding="utf-8")
    error = run(folder).exception
    assert isinstance(error, HeadraceError)
    assert (Exit.INVALID, False) == (error.code, (folder / "flows").exists())


def test_an_unknown_environment_is_refused(folder):
    error = run(folder, "--environment", "nowhere").exception
    assert isinstance(error, HeadraceError)
    assert Exit.INVALID == error.code


def test_compiling_loads_no_heavy_library(folder):
    code = (
        "import sys\n"
        "from headrace.cli.compile import command\n"
        f"command(['--root', {str(folder)!r}], standalone_mode=False)\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'sklearn', 'lightgbm', 'sqlalchemy', 'prefect', 'fastapi'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stderr.strip()
