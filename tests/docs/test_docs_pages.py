"""The docs are true: their commands run and print what they say, and their YAML is the language."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headrace.diagnostics import Report
from headrace.document import parse
from headrace.local.process import Child, spawn, stop
from headrace.spec import Model
from headrace.spec.decode import check, decode

READY = 180.0
"""Seconds that what a second terminal starts is given."""
DOCS = Path(__file__).parents[2] / "framework" / "docs"
RUN = re.compile(r"(?:\\ )+")
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    language: str
    title: str
    text: str
    line: int


@dataclass
class Command:
    """One typed command with what the page says it prints; a line of dots stands for any lines, dots within a line for any text."""

    typed: str
    printed: list[str] = field(default_factory=list)

    @property
    def pattern(self) -> re.Pattern[str]:
        # A run of blanks is one term: of one term for each, a column's many would be tried in every way to share what is printed.
        lines = [
            "(?:.*\n)*?"
            if line == "..."
            else RUN.sub(lambda run: f"\\s{{{len(run[0]) // 2},}}", re.escape(line).replace(r"\.\.\.", ".*")) + "\n"
            for line in self.printed
        ]
        return re.compile("".join(lines))


def blocks(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(found[1], found[2] or "", found[3], text.count("\n", 0, found.start()) + 1)


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        elif found and found[-1].typed.endswith("\\"):
            found[-1].typed += f"\n{line}"
        else:
            found[-1].printed.append(line)
    return found


def pages() -> list[Path]:
    return sorted(path for path in DOCS.rglob("*.md") if path.parent.name != "reference" or path.name == "performance.md")


def ids(path: Path) -> str:
    return str(path.relative_to(DOCS))


def typed(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "console"]


def serves(page: Path) -> bool:
    """Whether a page starts a server beside: Prefect's, and so it runs alone."""
    return any(block.title == "a second terminal" for block in typed(page))


def shown(command: Command, child: Child) -> None:
    """Wait until a second terminal shows what the page shows, as its reader does."""
    until = time.monotonic() + READY
    while not command.pattern.match(child.log.read_text(encoding="utf-8")):
        assert child.alive, f"$ {command.typed}\n{child.tail()}"
        assert time.monotonic() < until, f"$ {command.typed}\n{child.tail()}"
        time.sleep(0.5)


WALKS = [
    pytest.param(page, id=ids(page), marks=[pytest.mark.slow, pytest.mark.timeout(600), *([pytest.mark.prefect] if serves(page) else [])])
    for page in pages()
    if typed(page)
]


def type_in(command: Command, folder: Path, root: Path, name: str) -> Path:
    """Type one command, hold what it prints against what the page says, and give the folder that it leaves the shell in."""
    where = root / ".folder"
    done = subprocess.run(
        ["bash", "-c", f"{command.typed}\nended=$?; pwd > {shlex.quote(str(where))}; exit $ended"],
        cwd=folder,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    printed = "".join(f"{line.rstrip()}\n" for line in (done.stderr + done.stdout).splitlines())
    assert 0 == done.returncode, f"{name}: $ {command.typed}\n{printed}"
    assert command.pattern.fullmatch(printed), f"{name}: $ {command.typed}\nprinted:\n{printed}\nand not:\n" + "\n".join(command.printed)
    return Path(where.read_text(encoding="utf-8").strip())


@pytest.mark.parametrize("page", WALKS)
def test_a_reader_who_types_what_a_page_says_sees_what_it_shows(page: Path, tmp_path: Path) -> None:
    folder, beside = tmp_path, list[Child]()
    try:
        for block in blocks(page):
            if block.title.endswith((".yaml", ".py")):
                path = folder / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif block.title == "a second terminal":
                for number, command in enumerate(commands(block)):
                    words = shlex.split(command.typed)
                    beside.append(spawn(f"beside-{number}", [sys.executable, "-m", *words], root=folder))
                    shown(command, beside[-1])
            elif block.language == "console":
                for command in commands(block):
                    folder = type_in(command, folder, tmp_path, f"{ids(page)}:{block.line}")
    finally:
        for child in reversed(beside):
            stop(child)


YAML = [pytest.param(page, block, id=f"{ids(page)}:{block.line}") for page in pages() for block in blocks(page) if block.language == "yaml"]


@pytest.mark.parametrize(("page", "block"), YAML)
def test_every_yaml_of_the_docs_is_the_language(page: Path, block: Block) -> None:
    report = Report()
    for node in parse(block.text.encode(), ids(page), report):
        if block.title != "excerpt":
            decode(node, report)
            continue
        # Each key of an excerpt is a section of a model; what it leaves out stands elsewhere.
        check(Model, node, report, name="this model", key=node.entries[0].key_span, strict=True)
    faults = [d for d in report.errors if block.title != "excerpt" or d.id != "missing-key"]
    assert [] == [f"{d.id}: {d.message}" for d in faults]


COMMAND = re.compile(r"`headrace ([a-z]+)[^`]*`")


@pytest.mark.parametrize("page", [pytest.param(page, id=ids(page)) for page in pages()])
def test_every_command_that_a_page_names_is_one(page: Path) -> None:
    from headrace.cli import COMMANDS

    assert set() == {word for word in COMMAND.findall(page.read_text(encoding="utf-8")) if word not in COMMANDS}
