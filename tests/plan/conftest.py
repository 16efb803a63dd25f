from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace import project as projects
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.plan import Observed, Plan, Recorded, State, diff, fingerprint
from headrace.plan import wanted as wanted_
from headrace.plan.fields import plain, written
from headrace.plan.state import text_digest

REFERENCE = Path(__file__).parents[1] / "plan" / "reference" / "specs"


@dataclass(frozen=True)
class Folder:
    """A copy of the reference project, to be edited."""

    root: Path

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.root / "specs" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def project(self) -> projects.Project:
        report = Report()
        found = projects.load(self.root, report)
        assert found is not None, [d.message for d in report]
        return found

    def outputs(self) -> dict[str, str]:
        return compile_project(self.project())

    def wanted(self) -> wanted_.Wanted:
        return wanted_.read(self.outputs(), "/srv/labour")

    def applied(self, **changes: object) -> State:
        """The state after an apply of what the folder says now."""
        project, wanted = self.project(), self.wanted()
        resources = {}
        for address, spec in project.specs.items():
            applied: dict[str, object] = {"written": written(spec)}
            if address.kind == "model":
                applied["deployments"] = {d.name: d.version for d in wanted.deployments.values() if d.model == address.name}
                applied["automations"] = {a.name: a.deployment for a in wanted.automations.values() if a.model == address.name}
            resources[str(address)] = Recorded("uid", str(address), address.kind, fingerprint(spec), plain(spec), applied)
        disk = {path: text_digest(text) for path, text in self.outputs().items()}
        return State(**{"serial": 1, "resources": resources, "versions": {"employment": 1}, "disk": disk, **changes})

    def observed(self) -> Observed:
        """Prefect as an apply leaves it."""
        wanted = self.wanted()
        return Observed(dict(wanted.deployments), dict(wanted.automations))

    def plan(self, state: State | None = None, observed: Observed | None = None) -> Plan:
        return diff(self.project(), self.outputs(), state or State(), observed, self.wanted())


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[str], Folder]:
    def make(name: str) -> Folder:
        shutil.copytree(REFERENCE, tmp_path / name / "specs")
        return Folder(tmp_path / name)

    return make


@pytest.fixture
def folder(make_folder: Callable[[str], Folder]) -> Folder:
    return make_folder("labour")
