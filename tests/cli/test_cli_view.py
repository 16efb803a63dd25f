"""What is said while something is waited for."""

import io
import sys

import pytest

from headrace.cli.view import ended, waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_waited_for_is_said_once_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    still = waiting("waiting for its rollout …")
    for _ in range(3):
        still()
    ended("it began")
    assert ("", "waiting for its rollout …\nit began\n") == capsys.readouterr()


def test_on_a_terminal_one_line_tells_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    still = waiting("waiting …")
    still()
    still()
    ended("it began")
    assert "\r\x1b[Kwaiting … (0 s)" * 2 + "\r\x1b[Kit began\n" == screen.getvalue()
