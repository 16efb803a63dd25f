"""Logs are JSON lines that say who speaks and of what."""

import json
import logging

import pytest

from headrace.diagnostics import logs


@pytest.fixture(autouse=True)
def own_root_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_carries_service_level_and_what_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("serve-employment")
    logging.getLogger("headrace.serving").info("swapped\nto version %d", 3, extra={"model": "employment"})
    (line,) = lines(capsys)
    told = {"level": "info", "service": "serve-employment", "message": "swapped\nto version 3", "model": "employment"}
    assert told == {name: line[name] for name in told}


def test_an_exception_is_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("serve-employment")
    try:
        {}["age"]
    except KeyError:
        logging.getLogger("headrace.serving").exception("no answer")
    (line,) = lines(capsys)
    assert "KeyError: 'age'" in str(line["trace"])


def test_libraries_speak_from_warnings_upward(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("serve-employment")
    logging.getLogger("alembic").info("chatter")
    logging.getLogger("alembic").warning("trouble")
    assert ["trouble"] == [line["message"] for line in lines(capsys)]
