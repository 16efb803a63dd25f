"""Every field that is not for later is read by something that compiles, judges or plans: nothing that a user writes is ignored."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from headrace import project
from headrace.cli.plan import Intent, make_plan
from headrace.diagnostics import Report
from headrace.hooks import load_plugins
from headrace.plan import Selection, State
from headrace.spec import KINDS, Backtest, Spec
from headrace.spec.later import flag
from headrace.spec.place import keys
from headrace.spec.route import below

ROOT = Path(__file__).parents[2]
FRAMEWORK = Path(str(project.__file__)).parents[1]
ROOMS = ("project", "compiler", "plan")
GENERIC = ("references.py", "names.py", "idle_keys.py", "later.py")
"""Rules that walk over all fields, and so say nothing of one."""
PEOPLE_READ = {"description", "owner", "labels", "annotations"}
"""Metadata: what people read, and select by."""
WHERE_IT_STANDS = {"Moved.from_", "Moved.to", "Tracking.tracker", "Tracking.params"}
"""Read where a project has it; the tests of plan and the cases of project/moved and versions/mirror show it."""
MERGED_BEFORE = {"Project.variables", "Environment.variables", "Overlay.environment", "Overlay.patches", "Overlay.name"}
"""What changes documents before they are decoded, and so is read from their nodes; tests of overlays and values show it."""
KNOWN_BY_ITS_TAG = {"by", "strategy", "kind"}


def running(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    """The fields of a kind that have a run time, below those that have one."""
    for key, info in keys(model).items():
        if flag(info) is not True:
            yield model, key
            for inner in below(info.annotation):
                yield from running(inner)


FIELDS = list(dict.fromkeys(field for kind in KINDS.values() if flag(keys(kind)["kind"]) is not True for field in running(kind)))


@pytest.fixture(scope="module")
def read() -> set[tuple[str, str]]:
    """The class and name of each field that is read while projects are judged, compiled and planned."""
    found: set[tuple[str, str]] = set()
    plain = BaseModel.__getattribute__

    def recorded(self: Spec, name: str) -> Any:
        nonlocal found
        code = sys._getframe(1).f_code
        path = Path(code.co_filename)
        if name in type(self).model_fields and path.is_relative_to(FRAMEWORK) and path.name not in GENERIC:
            room = path.relative_to(FRAMEWORK).parts[0]
            found |= {(type(self).__name__, name)} if room in (*ROOMS, "spec") else set()
        return plain(self, name)

    patch = pytest.MonkeyPatch()
    patch.setattr(Spec, "__getattribute__", recorded, raising=False)
    try:
        plugins = load_plugins(None, Report())
        for root in (
            ROOT,
            *(
                ROOT / "tests" / "golden" / case
                for case in (
                    "census",
                    "minimal",
                    "several",
                    "no-rollout",
                    "own-steps",
                    "windows",
                    "by-plugin",
                    "transforms",
                    "tuned",
                    "beyond",
                    "answering",
                    "evidenced",
                    "governed",
                    "compared",
                )
            ),
        ):
            report = Report()
            loaded = project.load(root, report, plugins=plugins)
            assert loaded is not None, report.found
            assert not make_plan(Intent(root, loaded), State(), None, Selection()).plan.empty
    finally:
        patch.undo()
    return found


def static(*paths: str) -> set[str]:
    """Every attribute that some files read."""
    files = [file for path in paths for file in sorted(FRAMEWORK.glob(path))]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_every_field_with_a_run_time_is_read(read: set[tuple[str, str]]) -> None:
    backtests = {inner for inner, _ in running(Backtest)}
    replayed = static("backtest/*.py", "cli/replay.py")
    ignored = []
    for model, key in FIELDS:
        name = next(n for n, i in model.model_fields.items() if (i.alias or n) == key)
        seen = name in replayed if model in backtests else (model.__name__, name) in read
        if not seen and name not in PEOPLE_READ | KNOWN_BY_ITS_TAG:
            ignored.append(f"{model.__name__}.{name}")
    assert set() == set(ignored) - MERGED_BEFORE - WHERE_IT_STANDS
