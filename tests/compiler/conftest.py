"""Projects of the golden cases: read and typed by the real rooms, judged by no rule, since one of them is hostile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.address import Address
from headrace.diagnostics import Report
from headrace.document import parse
from headrace.hooks import load_plugins
from headrace.project import Project
from headrace.project.scope import Scope
from headrace.project.strategies import climbed
from headrace.spec import AnyKind, Environment
from headrace.spec import Project as ProjectSpec
from headrace.spec.decode import decode

GOLDEN = Path(__file__).parents[1] / "golden"
BUILT_IN = load_plugins(None, Report(), allow=[])


def of(specs: dict[Address, AnyKind], root: Path = Path()) -> Project:
    """A project of specs that nobody has judged."""
    (declared,) = (spec for spec in specs.values() if isinstance(spec, ProjectSpec))
    (environment,) = (spec for spec in specs.values() if isinstance(spec, Environment))
    return Project(root, declared, environment, Scope(specs, {}, plugins=BUILT_IN), specs)


@pytest.fixture(scope="session")
def project_of() -> Callable[[str], Project]:
    """The project of a golden case."""

    def load(case: str) -> Project:
        report = Report()
        paths = sorted((GOLDEN / case / "specs").glob("*.yaml"))
        specs = [decode(node, report) for path in paths for node in parse(path.read_bytes(), path.name, report)]
        assert [] == list(report)
        found = {Address(spec.kind, spec.name): spec for spec in specs if spec is not None}
        assert [] == list(climbed(Scope(found, {}), BUILT_IN, found))
        return of(found, GOLDEN / case)

    return load


@pytest.fixture(scope="session")
def changed() -> Callable[..., Project]:
    """A project with sections of one spec replaced, unchecked: `changed(project, "model/buys", owner="me")`."""

    def change(project: Project, address: str, **update: Any) -> Project:
        found = Address.parse(address)
        return of({**project.specs, found: project.specs[found].model_copy(update=update)})

    return change


@pytest.fixture(scope="session")
def renamed() -> Callable[..., Project]:
    """A project with one spec under other names: `renamed(project, "model/buys", "json")`."""

    def rename(project: Project, address: str, *names: str) -> Project:
        found = Address.parse(address)
        rest = {key: spec for key, spec in project.specs.items() if key != found}
        return of(rest | {Address(found.kind, name): project.specs[found].model_copy(update={"name": name}) for name in names})

    return rename
