"""One folder in several environments: overlays, variables, origins, and faults said once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace import project
from headrace.address import Address
from headrace.compiler import compile_project
from headrace.diagnostics import Diagnostic, Report
from headrace.hooks import Plugins, load_plugins
from headrace.project import Project

BASE = (Path(__file__).parents[1] / "cases" / "base.yaml").read_text().replace("name: labour\n", "name: labour\nvariables: {least: 0.8}\n")
STAGING = """
---
kind: environment
name: staging
store: sqlite:///.headrace/staging.db
variables: {least: 0.7, tries: 3}
---
kind: overlay
name: smaller
environment: staging
patches:
  model/work:
    owner: "${var.team | nobody}"
    training: {seed: 8}
    gates: {quality: {min: "${var.least}"}}
"""
WORK = Address("model", "work")


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins(None, Report())


@pytest.fixture
def folder(tmp_path: Path, plugins: Plugins) -> Callable[..., tuple[tuple[Project, ...], list[Diagnostic]]]:
    def run(
        text: str, environment: str | None = None, *, every: bool = False, **shell: str
    ) -> tuple[tuple[Project, ...], list[Diagnostic]]:
        (tmp_path / "specs").mkdir(exist_ok=True)
        (tmp_path / "specs" / "a.yaml").write_text(text)
        report = Report()
        if every:
            return project.judge(tmp_path, report, plugins=plugins, shell=shell), list(report)
        found = project.load(tmp_path, report, environment, plugins=plugins, shell=shell)
        return (found,) if found else (), list(report)

    return run


Folder = Callable[..., tuple[tuple[Project, ...], list[Diagnostic]]]


def test_each_environment_has_its_own_values(folder: Folder) -> None:
    (dev,), _ = folder(BASE + STAGING)
    (staging,), said = folder(BASE + STAGING, "staging")
    assert [] == said
    assert [(0, 0.8, ""), (8, 0.7, "nobody")] == [
        (p.models[0].training.seed, p.models[0].gates[0].min, p.models[0].owner) for p in (dev, staging)
    ]
    assert "min=0.7" in compile_project(staging)["flows/work.py"]


def test_overlays_and_other_environments_are_no_specs_of_an_environment(folder: Folder) -> None:
    (staging,), _ = folder(BASE + STAGING, "staging")
    assert ["staging"] == [a.name for a in staging.specs if a.kind in ("environment", "overlay")]


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        (("training", "seed"), "specs/a.yaml:81, overlay/smaller"),
        (("gates", 0, "min"), "specs/a.yaml:82, overlay/smaller, variable least of specs/a.yaml:73"),
        (("gates", 0, "metric"), "specs/a.yaml:61"),
        (("gates", 0, "confidence"), "default"),
        (("owner",), "specs/a.yaml:80, overlay/smaller, the default of var.team"),
    ],
)
def test_every_value_has_an_origin(folder: Folder, path: tuple[str | int, ...], origin: str) -> None:
    text = BASE + STAGING
    (staging,), _ = folder(text, "staging")
    lines = text.splitlines()
    found = staging.origin(WORK, path)
    assert origin.partition(", ")[2].split(" of ")[0] == str(found).partition(", ")[2].split(" of ")[0]
    assert found.place is None or str(path[-1]) in lines[found.place.line - 1]


def test_a_value_of_the_shell_is_known_to_be_one(folder: Folder) -> None:
    text = BASE.replace("serving: {traffic: 12000/d}", 'serving: {traffic: 12000/d, port: "${env.PORT | 9000}"}')
    for shell, port, said in (({"PORT": "9001"}, 9001, False), ({}, 9000, True)):
        (found,), _ = folder(text, None, **shell)
        assert (port, [(("serving", "port"), "env.PORT", said)]) == (
            found.models[0].serving.port,
            [(path, use.name, use.default) for path, uses in found.from_shell(WORK) for use in uses],
        )


def test_text_that_looks_like_a_number_is_text_where_text_is_wanted(folder: Folder) -> None:
    text = BASE.replace("name: work\n", 'name: work\nlabels: {build: "${env.BUILD}", on: "${env.ON}"}\n')
    (found,), said = folder(text, None, BUILD="012", ON="true")
    assert ({"build": "012", "on": "true"}, []) == (dict(found.models[0].labels), said)


def test_a_variable_of_another_type_is_not_converted(folder: Folder) -> None:
    _, said = folder(BASE.replace("name: work\n", 'name: work\nowner: "${var.least}"\n'))
    (found,) = said
    assert ("wrong-type", None, 1) == (found.id, found.replacement, len(found.related))


def test_every_environment_is_judged_and_a_fault_is_said_once(folder: Folder) -> None:
    text = (BASE + STAGING).replace("seed: 8", "seed: eight").replace("entity: person_id\ntime", "entity: persn_id\ntime")
    projects, said = folder(text, every=True)
    assert ((), 1) == (projects, sum(d.id == "wrong-type" for d in said))
    (only,) = [d for d in said if d.id == "wrong-type"]
    assert only.message.endswith("(in environment/staging)")
    assert len({(d.id, d.span) for d in said}) == len(said)


def test_all_environments_of_a_valid_folder(folder: Folder) -> None:
    projects, said = folder(BASE + STAGING, every=True)
    assert (["dev", "staging"], []) == ([p.environment.name for p in projects], said)


def test_a_variable_that_one_environment_lacks(folder: Folder) -> None:
    text = (BASE + STAGING).replace("name: work\n", 'name: work\ndescription: "${var.tries}"\n')
    _, said = folder(text, every=True)
    assert ["undefined-variable", "wrong-type"] == sorted(d.id for d in said)


def test_an_overlay_without_patches_is_identity(folder: Folder) -> None:
    (plain,), _ = folder(BASE)
    (patched,), said = folder(BASE + "\n---\nkind: overlay\nname: none\nenvironment: dev\npatches: {model/work: {}}\n")
    assert (plain, compile_project(plain), []) == (patched, compile_project(patched), said)
