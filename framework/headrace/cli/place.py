"""Which project a command speaks of: the options that say so, and its opening."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.compiled import ServingConfig, WorkspaceConfig
    from headrace.project import Project
    from headrace.steps.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

root_option = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".", help="The project's folder.", show_default=True
)
environment_option = click.option("--environment", "--env", metavar="NAME", help="The environment, where the project has several.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def load_project(root: Path, environment: str | None = None, *, to_run: bool = False) -> Project:
    """The project of a folder, whole, its warnings on stderr; HeadraceError (exit 3) with every fault otherwise.

    With `to_run`, what nothing runs by yet is refused (exit 4), so that no command promises what does not happen.
    """
    from headrace import project
    from headrace.cli.view import print_report, wants_json

    report = Report()
    loaded = project.load(root, report, environment)
    if to_run:
        from headrace.cli.schema import keep

        keep(root, loaded.scope.plugins if loaded is not None else None)
    if loaded is None or not report.ok:
        raise HeadraceError(report, Exit.INVALID)
    refused = project.unsupported(loaded)
    if to_run and refused.found:
        refused.texts = report.texts
        raise HeadraceError(refused, Exit.REFUSED)
    if report.found and not wants_json():
        print_report(report)
    return loaded


def read_once() -> None:
    """Say that this command reads the specs, answers and ends: what it makes of them stays until then.

    The collector of cycles would walk a thousand models again and again, and find nothing.
    """
    import gc

    if gc.isenabled():
        gc.disable()
        click.get_current_context().call_on_close(gc.enable)


def refuse_unsupported(root: Path) -> None:
    """HeadraceError (exit 4) where the specs ask for what nothing runs by yet; specs with faults are `validate`'s to judge."""
    from headrace import project

    report = Report()
    loaded = project.load(root, report)
    refused = project.unsupported(loaded) if loaded is not None else Report()
    if refused.found:
        refused.texts = report.texts
        raise HeadraceError(refused, Exit.REFUSED)


def open_workspace(root: Path, environment: str | None = None) -> Workspace:
    """What the compiled project remembers: store, blobs, plugins; HeadraceError where it was never compiled.

    Refused (exit 4) where it was compiled for another environment than the one that is asked about.
    """
    from headrace.compiled import WORKSPACE, read_workspace
    from headrace.steps.workspace import open_workspace as opened

    if environment is not None and (held := read_workspace(root).environment) != environment:
        message = f"flows/ was compiled for the environment `{held}`, not for `{environment}`"
        help_ = f"leave out `--env`, or type `headrace compile --env {environment}` first"
        raise HeadraceError(Diagnostic("other-environment", message, help=help_), Exit.REFUSED)
    return opened(root / "flows" / WORKSPACE)


def model_of(config: WorkspaceConfig, model: str | None) -> str:
    """The model that is meant: the one named, as `employment` or `model/employment`, or the only one there is."""
    models = config.models
    if model is None:
        if len(models) == 1:
            return models[0]
        raise HeadraceError(
            Diagnostic("which-model", f"the project has {len(models)} models: {', '.join(models) or 'none'}", help="name one"), Exit.USAGE
        )
    name = model.removeprefix("model/")
    if name not in models:
        from difflib import get_close_matches

        near = get_close_matches(name, models, n=1)
        raise HeadraceError(
            Diagnostic(
                "unknown-model",
                f"there is no model `{name}`",
                help=f"did you mean `{near[0]}`?" if near else f"the project has: {', '.join(models) or 'none'}",
            ),
            Exit.USAGE,
        )
    return name


def running(root: Path) -> dict[str, Any] | None:
    """What `headrace up` wrote about itself, where it is alive."""
    from headrace.local import note

    told = note.living(root)
    return None if told is None else told.model_dump()


def prefect_url(root: Path) -> str:
    """Where Prefect's server answers: PREFECT_API_URL, or the one that `headrace up` started."""
    import os

    if url := os.environ.get("PREFECT_API_URL"):
        return url
    told = running(root)
    if told is None or not told.get("prefect"):
        raise HeadraceError(
            Diagnostic("prefect-away", "no Prefect server is known", help="start one with `headrace up`, or set PREFECT_API_URL"),
            Exit.FAILED,
        )
    return str(told["prefect"])


def server_url(root: Path, model: str) -> str:
    """Where a model's server answers: as `headrace up` started it, or on the port of its serving config."""
    told = running(root)
    if told is not None and model in told.get("servers", {}):
        return str(told["servers"][model])
    return serving_of(root, model).url


def serving_of(root: Path, model: str) -> ServingConfig:
    """The compiled serving config of a model; HeadraceError where it has none, or where it cannot be read."""
    from headrace.compiled import read_serving

    if not (root / "flows" / f"{model}.serving.json").exists():
        raise HeadraceError(
            Diagnostic(
                "not-served", f"model/{model} has no compiled serving config", help="`headrace compile`, unless it says `serving: none`"
            )
        )
    return read_serving(root, model)
