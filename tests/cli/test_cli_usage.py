"""Wrong calls and interruptions of validate and explain: their exit codes, and what is said."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli import main

ROOT = Path(__file__).parents[2]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["valdate"], "Did you mean `validate`?"),
        (["rollot"], "Did you mean `rollout`?"),
        (["validate", "--fixx"], "Did you mean '--fix'?"),
        (["validate", "--format", "jsn"], "Did you mean `json`?"),
        (["validate", "--format"], "requires an argument"),
        (["validate", "--root", "/nowhere"], "does not exist"),
        (["explain"], "Missing argument"),
        (["explain", "a", "b"], "unexpected extra argument"),
        (["explain", "unknwon-key"], "did you mean `unknown-key`?"),
        (["explain", "model.training.spilt"], "did you mean `model.training.split`?"),
    ],
)
def test_a_wrong_call_is_told_what_to_type(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (64, "", True) == (code, out, says in err), err


def test_an_option_like_none_is_not_taken_for_one_that_also_has_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "validate", "--nope")
    assert (64, True) == (code, err.endswith("No such option '--nope'.\n")), err


@pytest.mark.parametrize("arguments", [["validate", "--fixx"], ["explain"]])
def test_a_wrong_call_is_told_where_the_help_is(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert f"Usage: headrace {arguments[0]}" in (err := run(capsys, *arguments)[2])
    assert "--help" in err


def test_an_unknown_subject_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["headrace", "explain", "unknwon-key", "--json"])
    code, out, _ = run(capsys, "explain", "unknwon-key", "--json")
    assert (64, ["unknown-subject"]) == (code, [d["id"] for d in json.loads(out)])


def test_an_interruption_ends_with_130(tmp_path: Path) -> None:
    """A plugin of the project is where the signal comes, so that it surely comes while `validate` works."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "stop.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "headrace", "validate", "--root", str(tmp_path)], capture_output=True, text=True, check=False, env=os.environ
    )
    assert (130, False) == (done.returncode, "Traceback" in done.stderr)


def test_colour_is_for_a_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "validate", "--root", str(tmp_path))
    assert (3, False) == (code, "\x1b" in err)
