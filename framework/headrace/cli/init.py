"""`headrace init`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from headrace.cli import schema
from headrace.cli.place import json_option
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

FILES = {
    "specs/headrace.yaml": """\
# The project: every folder of specs has one.
kind: project
name: {name}
language: 1
---
# Where what is remembered is kept. One store an environment.
kind: environment
name: dev
store: sqlite:///.headrace/state.db
blobs: .headrace/blobs
""",
    "specs/sources.yaml": """\
# Where rows come from: each column that may be read, with its type. Put your own file's path in `uri`.
kind: source
name: census
uri: package://nannyml/datasets/data/employment_MA_reference.pq   # US Census (ACS), Massachusetts, 2015; inside an installed package
columns:
  person_id: {{from: id, type: int64}}
  age:       {{from: AGEP, type: float}}
  education: {{from: SCHL, type: category}}
  sex:       {{from: SEX, type: category}}
  employed:  {{type: int64}}
  year:      {{type: int64}}
arrival: {{time: surveyed_at, spread: year, order: random, seed: 7}}   # for rows that know only their year
---
kind: feature_view
name: person
from: source/census
entity: person_id
time: surveyed_at
features:
  age:       {{column: age, range: [0, 120]}}
  education: {{column: education}}
  sex:       {{column: sex}}
""",
    "specs/employment.yaml": """\
# A first model. Every section that is not here has a safe default: `headrace show model/employment` prints them.
kind: model
name: employment
description: Is this person employed?

features:
  entity: person_id
  time: surveyed_at
  target: {{column: employed, delay: 30d}}
  rows: source/census
  use: {{person: all}}

training:
  algorithm: lightgbm.classifier
  params: {{n_estimators: 100}}

serving: {{port: {port}}}

gates:
  - {{id: quality, metric: roc_auc, min: 0.75}}
  - {{id: fair, metric: equalized_odds_difference, by: sex, max: 0.20}}
""",
    ".gitignore": """\
.headrace/
__pycache__/
""",
}
"""What `init` writes, by path."""


def free_port() -> int:
    """The first port from 8080 upward that nobody listens on: two projects on one machine want two."""
    import socket

    for port in range(8080, 8180):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    return 8080


def _name(root: Path) -> str:
    """A project name from the folder's."""
    return re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-").lstrip("0123456789-") or "project"


def _text(result: Mapping[str, Any]) -> str:
    lines = [f"  wrote {path}" for path in result["written"]]
    lines += [f"  kept  {path} (it was there)" for path in result["kept"]]
    lines += [
        f"Project `{result['project']}` is ready; what you apply is recorded as {result['actor']}.",
        "Next: `headrace validate`, then `headrace plan`.",
    ]
    return "\n".join(lines)


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--name", help="The project's name; the folder's where it is not given.")
@json_option
def command(folder: Path, name: str | None, *, as_json: bool) -> None:
    """Make a project in FOLDER: specs of a first model to start from, and a place to remember.

    Nothing that is there already is overwritten.

    \b
    Example:
      headrace init churn && cd churn && headrace validate
    """  # noqa: D301 - click's own mark
    from headrace.address import NAME

    root = folder.resolve()
    project = name or _name(root)
    if not NAME.fullmatch(project):
        raise HeadraceError(
            Diagnostic(
                "bad-name", f"`{project}` is no project name", help="lower-case letters, digits and single dashes, such as `--name churn`"
            ),
            Exit.USAGE,
        )
    if any((root / "specs").glob("*.y*ml")):
        raise HeadraceError(
            Diagnostic("project-exists", f"{root / 'specs'} holds specs already", help="`headrace validate` looks at them"), Exit.REFUSED
        )
    written, kept = [], []
    for path, template in FILES.items():
        target = root / path
        if target.exists():
            kept.append(path)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        line = f"{schema.MODELINE}\n" if path.startswith("specs/") else ""
        target.write_text(line + template.format(name=project, port=free_port()), encoding="utf-8")
        written.append(path)
    schema.write(root / schema.FILE, schema.to_text(schema.made(root)))
    written.append(schema.FILE)

    from headrace.identity import local_principal
    from headrace.store import Store

    with Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=root) as store:
        actor = local_principal(store)
    show({"project": project, "root": str(root), "written": written, "kept": kept, "actor": actor}, _text, as_json=as_json)
