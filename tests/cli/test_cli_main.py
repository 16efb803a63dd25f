"""The command line: codes, help, and how little it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headrace import __version__
from headrace.cli import COMMANDS, main

HEAVY = ("numpy", "scipy", "pandas", "sklearn", "lightgbm", "sqlalchemy", "prefect", "fastapi")
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "headrace", *arguments], capture_output=True, text=True, check=False)


def loaded(*arguments: str) -> list[str]:
    """The heavy libraries that a command loads."""
    code = f"""
import sys
sys.argv = ["headrace", *{list(arguments)!r}]
from headrace.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1].replace("'", '"'))
    return found


def test_the_version() -> None:
    done = run("--version")
    assert (0, f"headrace, version {__version__}\n") == (done.returncode, done.stdout)


@pytest.mark.parametrize("arguments", [["aply"], ["--nonsense"], ["plan", "--nonsense"], ["explain"]])
def test_a_wrong_call_ends_with_64(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 64


def test_a_misspelt_command_gets_a_suggestion() -> None:
    assert "Did you mean `apply`?" in run("aply").stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_json_and_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    told = capsys.readouterr().out
    assert end.value.code == 0
    assert "Example" in told
    assert "--json" in told
    assert f"headrace {name}" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["validate", "--root", str(ROOT)],
        ["compile", "--check", "--root", str(ROOT)],
        ["show", "model/employment", "--root", str(ROOT)],
        ["explain", "unknown-key"],
        ["explain", "model.rollout.steps"],
        ["explain", "lightgbm.classifier"],
        ["schema", "--root", str(ROOT)],
    ],
)
def test_the_front_end_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(*arguments) == []


def test_init_makes_a_project_that_validates_and_compiles(tmp_path: Path) -> None:
    made = run("init", str(tmp_path / "churn"), "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["project"] == "churn"
    assert json.loads(made.stdout)["actor"].startswith("user:")
    assert run("validate", "--root", str(tmp_path / "churn")).returncode == 0
    assert run("compile", "--root", str(tmp_path / "churn")).returncode == 0
    assert run("compile", "--check", "--root", str(tmp_path / "churn")).returncode == 0


def test_init_refuses_a_folder_that_has_specs(tmp_path: Path) -> None:
    assert run("init", str(tmp_path)).returncode == 0
    again = run("init", str(tmp_path))
    assert again.returncode == 4
    assert "error[project-exists]" in again.stderr


def test_init_refuses_a_name_that_is_none(tmp_path: Path) -> None:
    refused = run("init", str(tmp_path), "--name", "No Name")
    assert refused.returncode == 64
    assert "error[bad-name]" in refused.stderr


@pytest.mark.parametrize("name", ["status", "models", "rollback", "run"])
def test_a_project_that_was_never_compiled_is_told_so(name: str, tmp_path: Path) -> None:
    arguments = [name, "train"] if name == "run" else [name]
    told = run(*arguments, "--root", str(tmp_path))
    assert told.returncode == 1
    assert "error[not-compiled]" in told.stderr
    assert "headrace compile" in told.stderr


def test_faults_as_json_go_to_stdout(tmp_path: Path) -> None:
    told = run("status", "--root", str(tmp_path), "--json")
    assert json.loads(told.stdout)[0]["id"] == "not-compiled"
