"""The reference pages, written from what the package declares: fields, diagnostics, commands and plugins.

    python framework/docs/reference/generate.py [--check]

With `--check` nothing is written, and a page that is not as it would be written ends with exit code 2.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

if TYPE_CHECKING:
    from headrace.hooks.told import Told

HERE = Path(__file__).parent
NOTE = "<!-- Written by framework/docs/reference/generate.py from the package's own declarations. Change those, and run it. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated page's text by its file name."""
    return {name: ("" if name.endswith(".json") else NOTE) + text.rstrip() + "\n" for name, text in _pages()}


def _pages() -> Iterator[tuple[str, str]]:
    from headrace.spec import KINDS

    for kind in KINDS:
        yield f"spec-{kind.replace('_', '-')}.md", "\n".join(_kind(kind))
    yield "specs.md", "\n".join(_index(list(KINDS)))
    yield "diagnostics.md", "\n".join(_diagnostics())
    yield "command-line.md", "\n".join(_commands())
    yield "plugins.md", "\n".join(_plugins())
    yield "openapi.json", _openapi()


def _openapi() -> str:
    """The API of the reference project's server."""
    from headrace.compiled import ServingConfig, read
    from headrace.serving.openapi import document
    from headrace.serving.schema import Schema

    config = read(ServingConfig, HERE.parents[2] / "flows" / "employment.serving.json")
    return json.dumps(document(config, Schema(config)), indent=2, ensure_ascii=False)


def _index(kinds: list[str]) -> Iterator[str]:
    from headrace.spec.reference import about

    yield "# The language\n"
    yield "A project is a folder `specs/` of YAML documents. Each begins with its `kind`; unknown keys are errors.\n"
    yield "| kind | what it declares |"
    yield "|---|---|"
    for kind in kinds:
        told = about(kind) or {}
        yield f"| [`{kind}`](spec-{kind.replace('_', '-')}.md) | {_cell(told.get('description', ''))} |"


def _kind(kind: str) -> Iterator[str]:
    from headrace.spec.reference import about

    told = about(kind) or {}
    yield f"# `kind: {kind}`\n"
    yield f"{told['description']}\n"
    yield from _fields(kind, told, 2)


def _fields(path: str, told: dict[str, Any], level: int) -> Iterator[str]:
    from headrace.spec.reference import about, needed

    below = []
    yield "| key | type | default | a change costs | |"
    yield "|---|---|---|---|---|"
    for entry in told["keys"]:
        inner = about(f"{path}.{entry['key']}")
        if inner is None:
            continue
        must = needed(inner)
        default = must if must.startswith("required") else "" if inner["default"] is None else f"`{_flow(inner['default'])}`"
        example = f" For example `{_cell(inner['example'])}`." if inner.get("example") and "\n" not in inner["example"] else ""
        values = ", ".join(f"`{value}`" for value in inner["later"]) if isinstance(inner["later"], list) else ""
        later = f" *{values + ': v' if values else 'V'}alidated; not carried out by this version.*" if inner["later"] else ""
        said = _cell(inner["description"]) + example + later
        yield f"| `{entry['key']}` | {_cell(inner['type'])} | {_cell(default)} | {inner['effect'] or ''} | {said} |"
        if inner["keys"] and path.count(".") < 6:  # noqa: PLR2004 - no language is deeper
            below.append((f"{path}.{entry['key']}", inner))
    yield ""
    for name, inner in below:
        yield f"{'#' * min(level, 5)} `{name.partition('.')[2]}`\n"
        yield f"{inner['description']}\n"
        yield from _fields(name, inner, level + 1)


def _flow(value: object) -> str:
    from headrace.document import write_flow

    return write_flow({"x": value})[4:-1]


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _diagnostics() -> Iterator[str]:
    from headrace.diagnostics.codes import CODES

    yield "# Diagnostics\n"
    yield "Every fault has a stable id; `headrace explain ID` prints the same.\n"
    for code in sorted(CODES.values(), key=lambda c: c.id):
        yield f"## `{code.id}`\n"
        yield f"**{code.title}** {code.why}\n"
        for word, text in (("Wrong", code.wrong), ("Right", code.right)):
            if text:
                yield f'{word}:\n\n```yaml title="excerpt"\n{text.rstrip()}\n```\n'
        if code.help:
            yield f"What to do: {code.help}\n"


_STREAMS = """
stdout carries the result, and nothing else; stderr carries what is no result: progress, warnings beside a result, and the faults that
kept a command from its result. Faults are the result of `validate` alone, so it prints them on stdout, in every format; where the specs
are invalid, every other command that reads them prints the faults on stderr and nothing on stdout. With `--json`, stdout holds one JSON
value: the result, or a list of the faults that kept the command from it. A wrong call is told on stderr in any case.
"""


def _commands() -> Iterator[str]:
    from headrace.cli import COMMANDS, headrace
    from headrace.diagnostics import Exit

    yield "# Command line\n"
    yield "| command | what it does | where its work is done |"
    yield "|---|---|---|"
    with click.Context(headrace, info_name="headrace") as context:
        for name, short in COMMANDS.items():
            command = headrace.get_command(context, name)
            yield f"| [`{name}`](#headrace-{name}) | {short} | {_rooms(command)} |"
        yield _STREAMS
        yield "\n| exit code | |\n|---|---|"
        for code in Exit:
            yield f"| {int(code)} | {code.name.lower().replace('_', ' ')} |"
        yield ""
        for name in COMMANDS:
            yield from _command(["headrace", name], headrace.get_command(context, name), context)


def _command(words: list[str], command: click.Command | None, parent: click.Context) -> Iterator[str]:
    if command is None:
        return
    with click.Context(command, info_name=words[-1], parent=parent, max_content_width=100, terminal_width=100) as context:
        yield f"{'#' * len(words)} {' '.join(words)}\n"
        yield f"```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from _command([*words, name], command.get_command(context, name), context)


def _rooms(command: click.Command | None) -> str:
    """The rooms of the package that a command's module reaches for."""
    if command is None or command.callback is None:
        return ""
    module = inspect.getsource(import_module(command.callback.__module__))
    found = []
    for line in module.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "from" and words[1].startswith("headrace"):
            room = words[1].split(".")[1] if "." in words[1] else words[3].rstrip(",")
            if room not in ("cli", "diagnostics", "__version__") and room not in found:
                found.append(room)
    return ", ".join(f"`{room}`" for room in sorted(found)) or "`cli`"


def _plugins() -> Iterator[str]:
    from headrace.diagnostics import Report
    from headrace.hooks import load_plugins, specs
    from headrace.hooks.contracts import Item
    from headrace.hooks.told import told

    yield "# Plugins\n"
    yield "## Hooks\n"
    yield "| hook | |"
    yield "|---|---|"
    for name, hook in vars(specs).items():
        if name.startswith("headrace_"):
            yield f"| `{name}` | {_cell(inspect.getdoc(hook) or '')} |"
    yield "\n## What a hook returns\n"
    contracts = [told(value.__name__) for value in get_args(Item)]
    for item in contracts:
        yield from _contract(item)
    yield "## What a function of a plugin is handed, and what it answers\n"
    for name in sorted({other for item in contracts for other in item.crossing}):
        yield from _contract(told(name))
    yield "## Built in\n"
    plugins = load_plugins(HERE, Report(), allow=None, deny=())
    for axis in ("algorithms", "metrics", "detectors", "channels", "readers", "strategies", "gates", "exporters", "transforms", "trackers"):
        yield f"- {axis}: {', '.join(f'`{name}`' for name in sorted(getattr(plugins, axis)))}"


def _contract(item: Told) -> Iterator[str]:
    """A contract, or a value that crosses it, with its fields; `headrace explain` prints the same."""
    yield f"### `{item.name}`\n"
    yield f"{item.doc}\n"
    yield "| | type | default, where it may be left out | |"
    yield "|---|---|---|---|"
    for part in item.parts:
        default = f"`{_cell(part.default)}`" if part.default is not None else ""
        yield f"| `{part.name}` | `{_cell(part.type)}` | {default} | {_cell(part.description)} |"
    yield ""


def main() -> None:
    """Write the pages, or hold them against what would be written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    wanted = pages()
    for name, text in wanted.items():
        path = HERE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    for path in HERE.glob("*.md"):
        if path.name not in wanted and path.read_text(encoding="utf-8").startswith(NOTE[:40]):
            stale.append(path.name)
            if not check:
                path.unlink()
    sys.stdout.write(f"{len(wanted)} pages, {len(stale)} {'stale' if check else 'written'}\n")
    if check and stale:
        sys.exit(2)


if __name__ == "__main__":
    main()
