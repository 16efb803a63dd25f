"""What whole projects compile to, byte by byte, and that it passes our formatter, linter and type checker as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.compiler import compile_project

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = Path(__file__).parents[2]
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/specs"))


def contents(folder: Path) -> dict[str, str]:
    return {f"flows/{path.name}": path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())} if folder.is_dir() else {}


@pytest.mark.parametrize("case", CASES)
def test_a_project_compiles_to_what_was_reviewed(case, project_of):
    compiled = compile_project(project_of(case))
    flows = GOLDEN / case / "flows"
    if os.environ.get("HEADRACE_UPDATE"):
        flows.mkdir(exist_ok=True)
        for path in flows.iterdir():
            path.unlink()
        for path, text in compiled.items():
            (GOLDEN / case / path).write_text(text, encoding="utf-8", newline="\n")
    assert contents(flows) == compiled


def test_the_reference_project_is_compiled():
    assert contents(GOLDEN / "census" / "flows") == contents(ROOT / "flows")


@pytest.mark.parametrize("arguments", [("format", "--check"), ("check",)])
def test_compiled_flows_pass_formatter_and_linter(arguments):
    flows = [*GOLDEN.glob("*/flows"), ROOT / "flows"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--no-cache", *flows], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert (0, "") == (done.returncode, done.stdout if done.returncode else "")


def standing() -> bool:
    return "Canary" in (ROOT / "framework" / "headrace" / "steps" / "__init__.py").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(not standing(), reason="headrace.steps does not stand yet")
def test_compiled_flows_pass_the_type_checker():
    modules = sorted(GOLDEN.glob("*/flows/*.py"))
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", *modules], check=False, cwd=ROOT, capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stdout if done.returncode else "")


@pytest.mark.slow
@pytest.mark.skipif(not standing(), reason="headrace.steps does not stand yet")
def test_compiled_flows_import():
    code = "import runpy, sys; [runpy.run_path(path) for path in sys.argv[1:]]"
    modules = sorted(GOLDEN.glob("*/flows/*.py"))
    done = subprocess.run([sys.executable, "-c", code, *modules], check=False, cwd=ROOT, capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stderr if done.returncode else "")
