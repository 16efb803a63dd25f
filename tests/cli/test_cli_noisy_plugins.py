"""Plugins that print, hang or end the process, as the command line meets them."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOUD = """\
import atexit, os, subprocess, sys
from headrace.hooks import Metric, Rule, hookimpl
print("at import")
sys.stdout.write("more\\n")
os.write(1, b"below Python\\n")
subprocess.run(["echo", "by a process"])
atexit.register(print, "at the end")

def rule(specs):
    print("in a rule")
    os.write(1, b"in a rule, below\\n")
    return []

@hookimpl
def headrace_rules():
    print("in a hook")
    return [Rule("acme/loud", f"{__name__}:rule")]
"""
HANGS = "import threading\nthreading.Event().wait()\n"
HANGING_METRIC = """\
import threading
from headrace.hooks import Metric, hookimpl

def cost(target, predictions):
    threading.Event().wait()

@hookimpl
def headrace_metrics():
    return [Metric("cost", f"{__name__}:cost", better="lower")]
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """The reference project with one plugin of this text."""

    def make(text: str) -> Path:
        shutil.copytree(ROOT / "specs", tmp_path / "specs")
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "a.py").write_text(text)
        return tmp_path

    return make


def headrace(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "headrace", *arguments], cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["validate", "--format", "json"], "{"),
        (["validate", "--format", "sarif"], "{"),
        (["validate"], "No errors"),
        (["plan", "--json"], "{"),
        (["schema"], "{"),
        (["compile", "--json"], "{"),
        (["plugins", "list", "--json"], "{"),
        (["explain", "model", "--json"], "{"),
    ],
    ids=" ".join,
)
def test_what_a_plugin_prints_goes_to_stderr(project: Callable[[str], Path], arguments: list[str], begins: str) -> None:
    done = headrace(project(LOUD), *arguments)
    assert (0, True) == (done.returncode, done.stdout.startswith(begins)), done
    if begins == "{":
        json.loads(done.stdout)
    wanted = {"at import", "more", "below Python", "by a process", "in a hook", "at the end"}
    assert wanted <= set(done.stderr.splitlines()), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "raise SystemExit"])
def test_a_plugin_that_ends_python_is_a_fault(project: Callable[[str], Path], end: str) -> None:
    done = headrace(project(f"import os, sys\n{end}\n"), "validate", "--format", "concise")
    told = "plugins/a.py:2:1: error[plugin-failed]: plugin `plugins/a.py` cannot be loaded: SystemExit"
    assert (3, True) == (done.returncode, done.stdout.startswith(told))


@pytest.mark.slow
def test_a_plugin_that_hangs_is_named_while_it_is_waited_for_and_by_the_interruption(project: Callable[[str], Path]) -> None:
    command = [sys.executable, "-m", "headrace", "validate"]
    with subprocess.Popen(command, cwd=project(HANGS), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        waiting = running.stderr.readline()
        os.kill(running.pid, signal.SIGINT)
        _, err = running.communicate()
    assert ("loading plugin `plugins/a.py` …\n", 130) == (waiting, running.returncode)
    assert "Interrupted while loading plugin `plugins/a.py`." in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HANGS, "plugin `plugins/a.py` cannot be loaded: OutOfTime: it did not end within 2 s, and was at a.py:2"),
        (HANGING_METRIC, "time: it did not end within 2 s, and was at a.py:5"),
    ],
    ids=["loading", "checking"],
)
def test_plugins_check_ends_whatever_hangs(project: Callable[[str], Path], text: str, told: str) -> None:
    done = headrace(project(text), "plugins", "check", "a", "--timeout", "2")
    assert (4, True) == (done.returncode, told in done.stdout), done
