"""A copy of the reference project under a name of its own, applied where a test wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace import project as projects
from headrace.apply.execute import Outcome, Work, execute
from headrace.apply.prefect import OPEN, Door
from headrace.apply.record import Journal
from headrace.apply.stages import Stage, stages
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.plan import Plan, diff
from headrace.plan import wanted as wanted_
from headrace.plan.state import State, read
from headrace.store import Store

REFERENCE = Path(__file__).parents[1] / "plan" / "reference" / "specs"


def clear(door: Door) -> None:
    """Leave nothing that a worker of a later test would run."""
    observed = door.observe()
    for name in [*observed.automations, f"headrace:{door.project}:crash-watch"]:
        door.delete_automation(name)
    for name in observed.deployments:
        door.delete_deployment(name)
    for run in door.runs(*OPEN):
        door._call("DELETE", f"/flow_runs/{run.id}", missing_ok=True)


@dataclass
class Place:
    """A copy of the reference project under a name of its own, with its store and its door."""

    root: Path
    door: Door
    store: Store

    @property
    def name(self) -> str:
        return self.door.project

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.root / "specs" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def copy_model(self, name: str) -> None:
        text = (REFERENCE / "employment.yaml").read_text(encoding="utf-8")
        copied = text.replace("name: employment", f"name: {name}").replace("port: 8080", "port: 8090")
        (self.root / "specs" / f"{name}.yaml").write_text(copied, encoding="utf-8")

    def drop_model(self, name: str) -> None:
        (self.root / "specs" / f"{name}.yaml").unlink()

    def project(self) -> projects.Project:
        report = Report()
        found = projects.load(self.root, report)
        assert found is not None, [d.message for d in report]
        return found

    def look(self) -> tuple[Work, tuple[Stage, ...], State]:
        project = self.project()
        outputs = compile_project(project)
        wanted = wanted_.read(outputs, str(self.root))
        state, observed = read(self.store, self.root), self.door.observe()
        plan = diff(project, outputs, state, observed, wanted)
        work = Work(project, plan, wanted, outputs, self.root, self.door, Journal(self.store, "user:test"), train=True)
        return work, stages(plan, outputs, wanted, observed, driven=state.driven), state

    def plan(self) -> Plan:
        return self.look()[0].plan

    def apply(self, told: Callable[[str, str], None] = lambda *_: None) -> Outcome:
        work, steps, _ = self.look()
        return execute(work, steps, told)

    def live(self) -> dict[str, Any]:
        """What the server, the folder and the store hold, without ids and times."""
        observed = self.door.observe()
        state = read(self.store, self.root)
        return {
            "deployments": observed.deployments,
            "automations": observed.automations,
            "crash_watch": observed.crash_watch,
            "disk": dict(state.disk),
            "resources": {a: (r.kind, r.fingerprint, r.spec, r.applied) for a, r in state.resources.items()},
            "pending": state.pending,
        }
