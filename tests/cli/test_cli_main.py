"""The command line: codes, help, and how little it loads."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from headrace import __version__
from headrace.cli import COMMANDS, headrace, main

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
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stderr.splitlines()[-1].replace("'", '"'))
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


WITHOUT_JSON = {
    "lsp": "it talks JSON-RPC, and says nothing else",
    "plugins": "it only holds commands, and each of them has it",
    "features": "likewise",
    "runs": "likewise",
    "tune": "likewise",
    "card": "likewise",
    "keys": "likewise",
    "audit": "likewise",
    "subject": "likewise",
    "golden": "likewise",
    "show": "its word `spec`, which is meant where none is said, has it",
    "models": "its word `list`, which is meant where none is said, has it",
    "gates": "likewise",
    "simulate": "it only holds a command, which has it",
    "experiment": "likewise",
}
"""Commands without `--json`, and why."""


def walked(words: tuple[str, ...], found: click.Command, context: click.Context) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, found
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            below = found.get_command(context, name)
            assert below is not None
            yield from walked((*words, name), below, context)


def every() -> list[tuple[tuple[str, ...], click.Command]]:
    with click.Context(headrace, info_name="headrace") as context:
        return [item for item in walked((), headrace, context) if item[0]]


def test_every_command_is_walked() -> None:
    assert set(COMMANDS) == {words[0] for words, _ in every()}


@pytest.mark.parametrize(("words", "found"), every(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_every_command_has_help_json_and_an_example_that_it_takes(
    words: tuple[str, ...], found: click.Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    told = capsys.readouterr().out
    examples = [line.split("#")[0].split("&&")[0].strip() for line in told.splitlines() if line.strip().startswith("headrace ")]
    mine = [shlex.split(line)[1 + len(words) :] for line in examples if line.split()[1 : 1 + len(words)] == list(words)]
    assert (0, True) == (end.value.code, bool(mine))
    assert any("--json" in option.opts for option in found.params) is not (" ".join(words) in WITHOUT_JSON)
    monkeypatch.chdir(tmp_path)
    for file in ("plan.json", "rows.json"):
        (tmp_path / file).write_text("{}")
    for arguments in mine if not isinstance(found, click.Group) else ():
        found.make_context(words[-1], arguments, resilient_parsing=False)
    for option in found.params:
        assert isinstance(option, click.Argument) or getattr(option, "help", None), f"{option.name} of {words} says nothing of itself"


def completed(typed: str, folder: Path = ROOT, shell: str = "bash") -> list[str]:
    """What a shell offers for what is typed so far."""
    told = subprocess.run(
        [sys.executable, "-m", "headrace"],
        cwd=folder,
        env=os.environ | {"_HEADRACE_COMPLETE": f"{shell}_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "" == told.stderr
    return [line.partition(",")[2] for line in told.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("headrace va", ["validate"]),
        ("headrace plugins ch", ["check"]),
        ("headrace validate --ch", ["--changed"]),
        ("headrace validate --format gi", ["github"]),
        ("headrace show model/", ["model/employment"]),
        ("headrace plan --select source/census_l", ["source/census_labels", "source/census_later"]),
        ("headrace compile --exclude +model/e", ["+model/employment"]),
        ("headrace status emp", ["employment"]),
        ("headrace rollback model/", ["model/employment"]),
        ("headrace runs sea", ["search"]),
        ("headrace runs list emp", ["employment"]),
        ("headrace runs list --order sec", ["seconds"]),
        ("headrace explain model.tr", ["model.training"]),
        ("headrace explain leaky", ["leaky-split"]),
    ],
)
def test_a_shell_completes_commands_options_and_addresses(typed: str, offered: list[str]) -> None:
    assert offered == completed(typed)


def test_a_shell_completes_in_a_project_that_is_broken_and_outside_of_one(tmp_path: Path) -> None:
    assert [] == completed("headrace show model/", tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_text("kind: model\nname: half\ntraining: [\n")
    assert ["model/half"] == completed("headrace show model/", tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_help_says_how_a_shell_learns_it(shell: str) -> None:
    assert f"_HEADRACE_COMPLETE={shell}_source headrace" in run("--help").stdout
    told = subprocess.run(
        [sys.executable, "-m", "headrace"],
        env=os.environ | {"_HEADRACE_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "headrace" in told.stdout


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
