"""A command gives back what it opened, however it ends."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import project

from headrace.cli import main


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A compiled project with a store that nobody has open; nothing is closed by the collector's chance."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    project(tmp_path).store.close()
    gc.collect()
    gc.disable()
    yield tmp_path
    gc.enable()


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "nobody"),
        ("models",),
        ("models", "nobody"),
        ("rollback",),
        ("rollback", "nobody"),
        ("rollout", "status"),
        ("rollout", "abort", "nobody"),
        ("run", "train"),
    ],
)
def test_a_command_leaves_no_store_open(root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        main([*arguments, "--root", str(root)])
    left = [file.path for file in psutil.Process().open_files() if Path(file.path).is_relative_to(root)]
    assert [] == left
