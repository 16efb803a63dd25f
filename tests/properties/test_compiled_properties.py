"""What is compiled runs, and what is shown says itself again, whatever a project says (research/declarative.md 4.8, numbers 6 and 14)."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planned import SPECS, Specs, World
from test_apply_properties import EXAMPLES

from headrace.compiled import WORKSPACE, DeployConfig, ServingConfig, parse
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.document import parse as parse_document
from headrace.document import write
from headrace.plan.fields import plain, written
from headrace.spec.decode import decode
from headrace.spec.value import Names, Replacing

FEW = settings(max_examples=max(1, EXAMPLES // 4), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(SPECS, st.booleans())
def test_06_what_is_shown_is_shown_the_same_again(specs: Specs, whole: bool) -> None:  # noqa: FBT001 - drawn
    with World() as world:
        world.write(specs)
        for spec in world.project().specs.values():
            shown = write(plain(spec) if whole else written(spec))
            report = Report()
            (node,) = parse_document(shown.encode(), "shown.yaml", report)
            again = decode(Replacing(Names({}, {}), report).document(node), report)
            assert report.ok, [fault.message for fault in report]
            assert again == spec
            assert shown == write(plain(again) if whole else written(again))


@pytest.mark.slow
@FEW
@given(SPECS)
def test_14_every_flow_is_imported_and_has_what_its_deployments_start(specs: Specs) -> None:
    with World() as world:
        world.write(specs)
        outputs = compile_project(world.project())
    for path, text in outputs.items():
        if path.endswith(".deploy.json"):
            for deployment in parse(DeployConfig, text, path).deployments:
                file, _, flow = deployment.entrypoint.partition(":")
                assert callable(getattr(imported(file, outputs[file]), flow))


def imported(path: str, text: str) -> ModuleType:
    """A compiled module, as a worker would load it."""
    module = ModuleType(path.removesuffix(".py").replace("/", "_"))
    sys.modules[module.__name__] = module
    exec(compile(text, path, "exec"), module.__dict__)  # noqa: S102 - our own text
    return module


@pytest.mark.slow
@FEW
@given(SPECS)
def test_14_every_serving_config_boots(specs: Specs) -> None:
    from fastapi.testclient import TestClient

    from headrace.serving.application import app
    from headrace.serving.workspace import open_workspace

    with World() as world:
        world.write(specs)
        world.apply()
        for name in specs.models:
            path = world.root / "flows" / f"{name}.serving.json"
            config = parse(ServingConfig, path.read_text(encoding="utf-8"), path)
            with open_workspace(world.root / "flows" / WORKSPACE, config) as there, TestClient(app(config, there)) as client:
                assert (200, 503) == (client.get("/health/live").status_code, client.get("/health/ready").status_code)
