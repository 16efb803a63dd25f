"""A project on disk, and an editor that talks to a server of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from talk import Editor

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def process(followed: None) -> None:
    """The server lives in a process of its own alone."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    return tmp_path


@pytest.fixture
def model(root: Path) -> Path:
    return root / "specs" / "employment.yaml"


@pytest.fixture
def editor() -> Iterator[Editor]:
    made = Editor()
    yield made
    made.close()
