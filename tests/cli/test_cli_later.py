"""What nothing runs by yet is valid, and refused by each command that would run it."""

import shutil
from pathlib import Path

import pytest

from headrace.cli import main

ROOT = Path(__file__).parents[2]
RETIREMENT = """
retirement: {when: {no_traffic: 90d}}
"""
REPORT = "kind: report\nname: monthly\n"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "tests" / "plan" / "reference" / "specs", tmp_path / "specs")
    return tmp_path


@pytest.fixture
def later(root: Path) -> Path:
    path = root / "specs" / "employment.yaml"
    path.write_text(path.read_text() + RETIREMENT)
    return root


def test_validate_takes_it_with_a_note(capsys: pytest.CaptureFixture[str], later: Path) -> None:
    code, out, err = run(capsys, "validate", "--strict", "--root", str(later))
    assert (0, True) == (
        code,
        out.startswith("note[not-yet-supported]: `retirement` is a word of the language that nothing runs by yet"),
    ), out + err


@pytest.mark.parametrize("command", ["compile", "compile --check", "plan", "apply --yes", "run train", "up", "replay"])
def test_what_would_run_it_refuses_it(capsys: pytest.CaptureFixture[str], later: Path, command: str) -> None:
    code, out, err = run(capsys, *command.split(), "--root", str(later))
    assert (4, "") == (code, out)
    assert (
        "error[not-yet-supported]: `retirement` is a word of the language that nothing runs by yet\n  --> specs/employment.yaml:61:1" in err
    )
    assert "help: remove `retirement`, or keep it for `headrace validate` alone" in err
    assert 1 == err.count("not-yet-supported")
    assert ["specs"] == [path.name for path in later.iterdir()]


def test_a_kind_is_refused_at_its_kind(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    (root / "specs" / "reports.yaml").write_text(REPORT)
    code, _, err = run(capsys, "plan", "--root", str(root))
    assert (4, True) == (code, "`kind: report` is a word of the language that nothing runs by yet\n --> specs/reports.yaml:1:7" in err), err
