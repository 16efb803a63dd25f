"""A project to the text of what will run: flows, deployments, servers' configs. Nothing is written here, and nothing is run."""

from __future__ import annotations

from headrace.compiled import BACKFILL, FLAGS, WORKSPACE
from headrace.compiler import backfill
from headrace.compiler.artifact import deployments, pretty
from headrace.compiler.flags import flags
from headrace.compiler.lower import lower
from headrace.compiler.module import module
from headrace.project import Project

__all__ = ["compile_project"]


def compile_project(project: Project) -> dict[str, str]:
    """Every compiled file by its path under the project's root, sorted; equal projects give equal bytes."""
    compiled = lower(project)
    files = {f"flows/{WORKSPACE}": pretty(compiled.workspace)}
    if compiled.backfilling is not None:
        files[f"flows/{BACKFILL}"] = backfill.module(compiled.workspace.owner, compiled.backfilling)
    if (declared := flags(project)) is not None:
        files[f"flows/{FLAGS}"] = pretty(declared)
    for life in compiled.lives:
        files[f"flows/{life.module}.py"] = module(life)
        files[f"flows/{life.model.name}.deploy.json"] = pretty(deployments(life))
    for server in compiled.servers:
        files[f"flows/{server.model}.serving.json"] = pretty(server)
    return dict(sorted(files.items()))
