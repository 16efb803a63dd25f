"""Two environments of one project on one Prefect server: each has its own, and neither touches the other's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from apply_memory import Memory
from apply_place import REFERENCE

from headrace import project as projects
from headrace.compiled import owner
from headrace.diagnostics import Report
from headrace.store import Store
from headrace.testing.prefect import MemoryDoor, MemoryServer

STAGING = "\n---\nkind: environment\nname: staging\nstore: sqlite:///.headrace/staging.db\nblobs: .headrace/staging\n"


class There(Memory):
    """One environment of the project in a folder of its own."""

    environment = "dev"

    def project(self) -> projects.Project:
        report = Report()
        found = projects.load(self.root, report, self.environment)
        assert found is not None, [d.message for d in report]
        return found


def place(root: Path, environment: str, server: MemoryServer) -> There:
    (root / "specs").mkdir(parents=True)
    for path in REFERENCE.glob("*.yaml"):
        text = path.read_text(encoding="utf-8") + (STAGING if path.name == "headrace.yaml" else "")
        (root / "specs" / path.name).write_text(text, encoding="utf-8")
    store = Store.open(f"sqlite:///.headrace/{environment}.db", ".headrace/blobs", root=root)
    made = There(root, MemoryDoor(owner("labour", environment), server), store)  # type: ignore[arg-type]
    made.environment = environment
    return made


def test_two_environments_on_one_server_leave_each_other_alone(tmp_path: Path) -> None:
    server = MemoryServer()
    dev, staging = place(tmp_path / "dev", "dev", server), place(tmp_path / "staging", "staging", server)
    dev.apply()
    before = dev.door.observe()
    staging.apply()
    assert before == dev.door.observe()
    assert dev.plan().empty
    assert staging.plan().empty
    titles = {one.title for door in (dev.door, staging.door) for one in door.observe().deployments.values()}
    assert {"labour.employment.train", "labour@staging.employment.train"} <= titles
    resources = {one.resource for door in (dev.door, staging.door) for one in door.observe().automations.values()}
    assert {"headrace.labour.employment", "headrace.labour@staging.employment"} == resources
    staging.edit("employment.yaml", "every: 6w", "every: 5w")
    staging.apply()
    assert before == dev.door.observe()
    for one in (dev, staging):
        one.store.close()


def test_what_a_flow_announces_starts_its_own_environments_next(tmp_path: Path) -> None:
    staging = place(tmp_path, "staging", MemoryServer())
    staging.apply()
    said = (tmp_path / "flows" / "employment.py").read_text(encoding="utf-8")
    assert {"headrace.labour@staging.employment"} == set(re.findall(r'"prefect.resource.id": "([^"]+)"', said))
    staging.store.close()


@pytest.mark.parametrize(("environment", "name"), [("dev", "labour"), ("prod", "labour@prod")])
def test_the_name_rests_on_the_environment_alone(environment: str, name: str) -> None:
    assert name == owner("labour", environment)


def test_a_plan_for_another_environment_than_the_compiled_one_says_so(tmp_path: Path) -> None:
    from headrace.cli.plan import Intent, other_environment

    dev = place(tmp_path, "dev", MemoryServer())
    intent = Intent(tmp_path, dev.project())
    assert other_environment(intent) is None
    dev.apply()
    assert other_environment(intent) is None
    dev.environment = "staging"
    assert "labour" == other_environment(replace(intent, project=dev.project()))
    dev.store.close()
