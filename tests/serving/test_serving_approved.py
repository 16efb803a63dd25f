"""A server loads what was approved, and nothing else; what it loaded before goes on."""

import json
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, Project
from serving_project import project as make_project
from test_serving_follow import until

from headrace.compiled import ApprovalConfig, GovernanceConfig, GovernedConfig, PolicyConfig, read_workspace
from headrace.governance import Choice, Voter
from headrace.registry import admission

Serve = Callable[[Project], TestClient]
WAYS = ("hot",)
ASKED = ApprovalConfig(
    groups=("risk",), quorum=1, distinct_groups=False, separation_of_duties=(), deadline_seconds=None, fresh_seconds=None, keyed=False
)
GOVERNED = GovernanceConfig(
    groups={"risk": ("user:ana",)},
    models={
        MODEL: GovernedConfig(
            risk="low", policies=(PolicyConfig(name="p", on="promote", require=(), approvals=(ASKED,), break_glass=None, mode="block"),)
        )
    },
)


def approve(project: Project, number: int) -> None:
    environment = read_workspace(project.config.parent.parent).environment
    with project.store.transaction("user:ana", "approve", MODEL) as session:
        admission.vote(session, GOVERNED, environment, MODEL, number, Voter("user:ana"), Choice.APPROVE, "read")


def answered(client: TestClient) -> int | None:
    response = client.post("/predict", json=ROW)
    return response.json()["version"] if response.is_success else None


def test_an_unapproved_champion_is_not_loaded_and_the_one_before_goes_on(tmp_path: Path, serve: Serve) -> None:
    project = make_project(tmp_path, workspace={"governance": GOVERNED.to_json()})
    first, second = project.register(), project.register(seed=1)
    approve(project, first)
    project.alias("champion", first)
    client = serve(project)
    until(lambda: answered(client) == first)
    project.alias("champion", second)
    until(lambda: bool(client.get("/metadata").json()["refused"]))
    (told,) = client.get("/metadata").json()["refused"]
    assert (second, "not-approved", first) == (told["version"], told["id"], answered(client))
    assert "nobody approved it in this environment" in told["message"]
    approve(project, second)
    until(lambda: answered(client) == second)
    project.store.close()


def test_what_no_policy_is_asked_about_is_loaded_as_ever(tmp_path: Path, serve: Serve) -> None:
    project = make_project(tmp_path)
    assert "governance" not in json.loads((tmp_path / "flows" / "headrace.json").read_text())
    project.alias("champion", project.register())
    client = serve(project)
    until(lambda: answered(client) == 1)
    project.store.close()
