"""compile writes what is its own, and nothing else."""

import shutil
from pathlib import Path

import pytest

from headrace.cli import main
from headrace.diagnostics import Exit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    (tmp_path / "flows").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", [["compile"], ["compile", "--check"], ["plan"]])
def test_a_file_of_the_user_is_not_written_over(command: list[str], root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = root / "flows" / "employment.py"
    mine.write_text("print('mine')\n")
    with pytest.raises(SystemExit) as end:
        main([*command, "--root", str(root)])
    said = capsys.readouterr().err
    assert (Exit.REFUSED, True, True) == (
        end.value.code,
        "error[foreign-file]: flows/employment.py" in said,
        "mv flows/employment.py" in said,
    )
    assert ["employment.py"] == [path.name for path in (root / "flows").iterdir()]
    assert "print('mine')\n" == mine.read_text()
