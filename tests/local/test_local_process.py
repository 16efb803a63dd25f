"""A child is ended whole: with what it started, and also when it does not listen."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from headrace.local import process
from headrace.local.process import group_alive, spawn, stop


def started(child: process.Child, word: str) -> None:
    until = time.monotonic() + 60
    while word not in child.tail() and time.monotonic() < until:
        time.sleep(0.02)
    assert word in child.tail()


def test_a_child_ends_with_what_it_started(tmp_path: Path) -> None:
    code = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("grandchild", child.pid, flush=True)
time.sleep(600)
"""
    child = spawn("parent", [sys.executable, "-c", code], root=tmp_path)
    started(child, "grandchild")
    grandchild = int(child.tail().split()[-1])

    assert stop(child)
    assert not group_alive(child.process.pid)
    with pytest.raises(ProcessLookupError):
        os.kill(grandchild, 0)


def test_what_a_child_started_in_a_session_of_its_own_ends_too(tmp_path: Path) -> None:
    code = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("elsewhere", child.pid, flush=True)
time.sleep(600)
"""
    child = spawn("parent", [sys.executable, "-c", code], root=tmp_path)
    started(child, "elsewhere")
    elsewhere = int(child.tail().split()[-1])

    assert stop(child)
    assert not psutil.pid_exists(elsewhere) or psutil.Process(elsewhere).status() == psutil.STATUS_ZOMBIE


def test_a_deaf_child_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ESCALATION", tuple((number, 0.3 if number != 9 else 5.0) for number, _ in process.ESCALATION))
    code = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
    child = spawn("deaf", [sys.executable, "-c", code], root=tmp_path)
    started(child, "deaf")

    assert stop(child)
    assert child.process.returncode == -9


def test_a_child_that_has_ended_is_stopped_already(tmp_path: Path) -> None:
    child = spawn("short", [sys.executable, "-c", "print('done')"], root=tmp_path)
    child.process.wait()

    assert not child.alive
    assert stop(child)


def test_the_log_keeps_both_outputs_and_the_environment_is_added_to(tmp_path: Path) -> None:
    code = "import os,sys; print(os.environ['ADDED'], 'PATH' in os.environ); print('to stderr', file=sys.stderr)"
    child = spawn("told", [sys.executable, "-c", code], root=tmp_path, env={"ADDED": "here"})
    child.process.wait()

    assert sorted(["here True", "to stderr"]) == sorted(child.tail().splitlines())
    assert tmp_path / ".headrace" / "logs" / "told.log" == child.log


def test_a_log_that_is_gone_has_no_tail(tmp_path: Path) -> None:
    child = spawn("short", [sys.executable, "-c", ""], root=tmp_path)
    child.process.wait()
    child.log.unlink()

    assert child.tail() == ""
