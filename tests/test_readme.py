"""What README.md tells a reader to type exists: every command with its options, every make target, every file that it links."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from headrace.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
TYPED = [line for line in BLOCKS.replace("\\\n", " ").splitlines() if line.startswith("headrace ")]
WHOLE = re.sub(r"'[^']*'", "'{}'", BLOCKS)  # a request's JSON goes over several lines


@pytest.mark.parametrize("line", [line for line in WHOLE.splitlines() if line.startswith("headrace ")])
def test_a_command_takes_what_it_is_given(line: str) -> None:
    name, *arguments = shlex.split(line, comments=True)[1:]
    assert name in COMMANDS
    command = import_module(f"headrace.cli.{name}").command
    command.make_context(name, arguments)


def test_the_walk_is_there() -> None:
    assert {"validate", "plan", "up", "apply", "models", "status", "replay"} <= {line.split()[1] for line in TYPED}


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", README)) <= targets


def test_every_link_leads_somewhere() -> None:
    assert [] == [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http") and not (ROOT / link).exists()]
