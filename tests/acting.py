"""Cases that do something: command lines, Python and requests to a served model, over projects that were prepared once."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent / "backtest"))  # `answering`, a real server that says what a case says

from headrace.apply.prefect import Door
from headrace.cli import main
from headrace.diagnostics import HeadraceError
from headrace.testing.prefect import MemoryDoor, MemoryServer

ACTS = ("console", "python", "http")
"""The first word of a block that does something; the second one names the project that it starts from."""
EXPECTED = re.compile(r"\b(error|warning|note): \[([a-z0-9-]+)\](?: \"([^\"]*)\")?")
ENDED = re.compile(r"^# (?:exit|status) (\d+)", flags=re.MULTILINE)
_TOLD = re.compile(r"^(error|warning|note)\[([a-z0-9-]+)\]", flags=re.MULTILINE)
_NUMBERS = itertools.count()
_AWAY = "http://127.0.0.1:9/api"

Said = list[tuple[str, str]]
"""Severity and id of what is said, sorted."""


def acts(blocks: list[tuple[str, str]]) -> bool:
    """Whether a case does something, and so is not of YAML alone."""
    return any(info.split()[0] in ACTS for info, _ in blocks)


def starting_point(blocks: list[tuple[str, str]]) -> str:
    """The prepared project that a case starts from."""
    named = [info.split()[1:] for info, _ in blocks if info.split()[0] in ACTS]
    return next((words[0] for words in named if words), "specs")


# Prepared projects --------------------------------------------------------------------------------------------


def data(root: Path) -> None:
    """The rows of the base project: 300 people, 60 of later years, and what became of these."""
    random, begin = Random(7), datetime(2014, 1, 1, tzinfo=UTC)
    ages = [random.uniform(18, 70) for _ in range(360)]
    answers = [int(age + random.gauss(0, 8) > 42) for age in ages]
    sexes = [random.choice("12") for _ in ages]
    people = [f"{n},{ages[n]:.1f},{sexes[n]},{begin + timedelta(days=n):%Y-%m-%dT%H:%M:%SZ},{answers[n]}" for n in range(300)]
    later = [f"{n},{ages[n]:.1f},{sexes[n]},{2016 + n % 3}" for n in range(300, 360)]
    told = [f"{n},{answers[n]}" for n in range(300, 360)]
    for name, head, rows in (
        ("people", "person_id,age,sex,joined,employed", people),
        ("later", "person_id,age,sex,year", later),
        ("answers", "person_id,employed", told),
    ):
        (root / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")


def flow(root: Path, model: str = "work") -> Any:
    """A model's compiled flows; what a task does is its `fn`, which needs no Prefect server."""
    spec = importlib.util.spec_from_file_location(f"case{next(_NUMBERS)}", root / "flows" / f"{model}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def train(root: Path, model: str = "work") -> Any:
    """A candidate, by the steps of the compiled flow."""
    made = flow(root, model)
    return made.training.fn(made.features.fn(None, None))


def promote(root: Path, number: int = 1, model: str = "work") -> None:
    """Make a version the champion."""
    from headrace import registry
    from headrace.steps.workspace import workspace

    with workspace() as place, place.store.transaction("user:test", "promote", model) as session:
        registry.promote(session, model=model, number=number, at=place.store.clock.now(), reason="a case")


@dataclass
class Prepared:
    """The projects that cases start from, each made once and copied."""

    folder: Path
    base: str
    """The text of the base project's specs."""
    made: dict[str, Path] = field(default_factory=dict)

    def copy(self, name: str, root: Path) -> None:
        """The project of this name in an empty folder."""
        if name == "empty":
            return
        if name not in self.made:
            self.made[name] = self.folder / name
            self.made[name].mkdir()
            self._make(name, self.made[name])
        shutil.copytree(self.made[name], root, dirs_exist_ok=True)

    def _make(self, name: str, root: Path) -> None:
        before = Path.cwd()
        try:
            match name:
                case "specs":
                    data(root)
                    (root / "specs").mkdir()
                    (root / "specs" / "base.yaml").write_text(self.base)
                case "compiled":
                    self.copy("specs", root)
                    os.chdir(root)
                    with pytest.raises(SystemExit) as ended:
                        main(["compile"])
                    assert ended.value.code == 0
                case "trained" | "served":
                    self.copy("compiled" if name == "trained" else "trained", root)
                    os.chdir(root)
                    if name == "trained":
                        train(root)
                        promote(root)
                case _:
                    raise AssertionError(f"there is no prepared project `{name}`")
        finally:
            os.chdir(before)


# What a case does ---------------------------------------------------------------------------------------------


class HeldDoor(MemoryDoor):
    """A door to a Prefect in memory, as a command opens it; runs that are started stay scheduled."""

    def __init__(self, server: MemoryServer, url: str, project: str) -> None:
        super().__init__(project, server)
        self.url = url

    def ready(self, timeout: float = 2.0) -> bool:
        """It is."""
        del timeout
        return True

    def wait_ready(self, timeout: float = 60.0) -> None:
        """It is."""

    def runs(self, *_: str, **__: object) -> list[Any]:
        """None that Prefect would tell of."""
        return []

    def run_state(self, run_id: str) -> tuple[str, str, str]:
        """What the case said of the run, or that it waits."""
        return self.server.states.get(run_id, self.server.states.get("", ("SCHEDULED", "Scheduled", "")))  # type: ignore[attr-defined]

    def pause_schedules(self) -> None:
        """None runs."""

    def resume_schedules(self) -> None:
        """None runs."""

    wait = Door.wait


class HeldServer(MemoryServer):
    """What is said of runs as well."""

    states: dict[str, tuple[str, str, str]]


@dataclass
class Acting:
    """One case while it is done."""

    root: Path
    patch: pytest.MonkeyPatch
    told: Callable[[], tuple[str, str]]
    """What was printed since the last look."""
    stack: ExitStack
    names: dict[str, Any] = field(default_factory=dict)
    client: TestClient | None = None

    def __post_init__(self) -> None:
        self.patch.setattr(logging, "raiseExceptions", False)  # a flow's import hands warnings to a stream that another case has closed
        server = HeldServer()
        server.states = {}
        self.names |= {
            "__name__": "case",
            "root": self.root,
            "prefect": server,
            "store": self.store,
            "flow": partial(flow, self.root),
            "train": partial(train, self.root),
            "promote": partial(promote, self.root),
            "later": self.stack.enter_context,
            "serve": self.serve,
            "patch": self.patch,
        }

    def act(self, info: str, text: str) -> None:
        """Do what one block says, and compare."""
        match info.split(maxsplit=1)[0]:
            case "console":
                for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                    command, _, expected = part.partition("\n")
                    self.command(command, expected)
            case "python":
                self.python(text)
            case "http":
                self.http(text)

    def store(self) -> Any:
        """The project's store, open until the case ends."""
        from headrace.steps.workspace import workspace

        return self.stack.enter_context(workspace()).store

    def command(self, command: str, expected: str) -> None:
        """One command line: Headrace's own in this process, all others in a shell."""
        words = shlex.split(command)
        match words:
            case ["headrace", *arguments]:
                self.patch.setattr(sys, "argv", words)
                self.told()
                with pytest.raises(SystemExit) as ended:
                    main(arguments)
                out, err = self.told()
                code = ended.value.code
                assert (wanted(expected), exit_code(expected)) == (said(out, err), code), f"$ {command}\n{out}{err}"
                assert [] == missing(expected, out + err), f"$ {command}\n{out}{err}"
            case ["export", setting]:
                name, _, value = setting.partition("=")
                self.patch.setenv(name, value)
            case ["prefect", "in", "memory"]:
                self.patch.setenv("PREFECT_API_URL", _AWAY)
                self.patch.setattr("headrace.apply.prefect.Door", partial(HeldDoor, self.names["prefect"]))
            case _:
                done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=self.root)
                assert done.returncode == exit_code(expected), f"$ {command}\n{done.stdout}{done.stderr}"

    def python(self, text: str) -> None:
        """Python, run here; what it raises is expected in the line of the block that raises it."""
        starts = statements(text)
        lines = [(starts[number], *match.groups()) for number, line in enumerate(text.splitlines(), 1) for match in EXPECTED.finditer(line)]
        found: list[tuple[int, str, str]] = []
        message = ""
        try:
            exec(compile(text, "<case>", "exec"), self.names)  # noqa: S102 - the case's own
        except HeadraceError as error:
            at = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<case>"]
            found = sorted((starts[at[0]], str(d.severity), d.id) for d in error.report)
            message = str(error)
        except Exception as error:
            if type(error).__name__ != "Refused":  # what a request is refused by; importing it brings all of serving
                raise
            at = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<case>"]
            found, message = [(starts[at[0]], "error", error.id)], str(error)  # type: ignore[attr-defined]
        assert sorted((number, severity, id_) for number, severity, id_, _ in lines) == found, message
        assert [] == [words for *_, words in lines if words and words not in message], message

    def serve(self, model: str = "work") -> FastAPI:
        """The model's application, answering from now on."""
        from headrace.compiled import ServingConfig, read
        from headrace.serving import app
        from headrace.serving.workspace import open_workspace

        flows = self.root / "flows"
        config = read(ServingConfig, flows / f"{model}.serving.json")
        made = app(config, self.stack.enter_context(open_workspace(flows / "headrace.json", config)))
        self.client = self.stack.enter_context(TestClient(made, raise_server_exceptions=False))
        return made

    def http(self, text: str) -> None:
        """One request to the served model; what it is answered with stands in comments."""
        expected = "\n".join(line for line in text.splitlines() if line.startswith("# "))
        head, _, body = "\n".join(line for line in text.splitlines() if not line.startswith("# ")).partition("\n\n")
        (method, path), *headers = [line.split(" ", 1) for line in head.replace("{model}", "work").splitlines()]
        if self.client is None:
            self.serve()
        assert self.client is not None
        reply = self.client.request(method, path, content=body.encode(), headers={name.rstrip(":"): value for name, value in headers})
        told = reply.json() if "json" in reply.headers.get("content-type", "") else {}
        got = [("error", told["type"].removeprefix("urn:headrace:"))] if "type" in told else []
        if path.startswith("/v2") and list(told) == ["error"]:  # as the Open Inference Protocol tells of faults
            got = [("error", told["error"].partition(":")[0])]
        assert (wanted(expected), exit_code(expected, 200)) == (got, reply.status_code), reply.text
        assert [] == missing(expected, reply.text), reply.text


def statements(text: str) -> dict[int, int]:
    """By line, where the innermost statement begins that it is a part of."""
    found = {number: number for number, _ in enumerate(text.splitlines(), 1)}
    for node in ast.walk(ast.parse(text)):  # what stands within comes after what it stands in
        if isinstance(node, ast.stmt) and node.end_lineno is not None:
            found |= dict.fromkeys(range(node.lineno, node.end_lineno + 1), node.lineno)
    return found


def wanted(expected: str) -> Said:
    """What is expected to be said."""
    return sorted((match[1], match[2]) for match in EXPECTED.finditer(expected))


def missing(expected: str, told: str) -> list[str]:
    """Expected words that were not said."""
    return [match[3] for match in EXPECTED.finditer(expected) if match[3] and match[3] not in told]


def exit_code(expected: str, usual: int = 0) -> int:
    """How it is expected to end."""
    found = ENDED.search(expected)
    return int(found[1]) if found else usual


def said(out: str, err: str) -> Said:
    """What was said: a fault's headline, or the same as JSON."""
    found = [(match[1], match[2]) for text in (out, err) for match in _TOLD.finditer(text)]
    if not found and out.startswith(("[", "{")):
        found = list(_in_json(json.loads(out)))
    return sorted(found)


def _in_json(value: object) -> Any:
    match value:
        case {"severity": str(severity), "id": str(id_)}:
            yield severity, id_
        case Mapping():
            for item in value.values():
                yield from _in_json(item)
        case list():
            for item in value:
                yield from _in_json(item)
