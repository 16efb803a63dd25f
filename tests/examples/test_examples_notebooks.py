"""Every notebook of the examples runs from its first cell to its last, in its own folder, as Jupyter runs it."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*/notebooks/*.ipynb"))
SERVES = "headrace up"
"""Who starts Prefect's server runs alone."""


def walk(path):
    marks = [pytest.mark.slow, pytest.mark.timeout(600), *([pytest.mark.prefect] if SERVES in path.read_text(encoding="utf-8") else [])]
    return pytest.param(path, id=f"{path.parts[-3]}-{path.stem}", marks=marks)


@pytest.mark.parametrize("path", [walk(path) for path in NOTEBOOKS])
def test_a_notebook_runs_to_its_end(path, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    project = tmp_path / path.parts[-3]
    shutil.copytree(path.parents[1], project, ignore=shutil.ignore_patterns("data", "flows", ".headrace"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(project / "notebooks")}}).execute()
    said = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", ()))
    assert "error[" not in said, said  # a command after `!` that fails stops no notebook
    assert "Traceback" not in said, said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_printed(path):
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [([], None)] * len(cells) == [(cell["outputs"], cell["execution_count"]) for cell in cells]
