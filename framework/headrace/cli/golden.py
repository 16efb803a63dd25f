"""`headrace golden`: requests with the answers that every version of a model must give, recorded, listed and asked again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, load_project, model_of, open_workspace, root_option, serving_of
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.cli.golden_file import Asking
    from headrace.hooks.golden import Golden
    from headrace.registry import Loaded
    from headrace.steps.workspace import Workspace


@click.group("golden")
def command() -> None:
    """Record, list and replay golden requests: a few requests with the answers that every version of a model must give.

    A gate of the kind `golden` asks a candidate, and a server asks a version again before it answers anybody.

    \b
    Examples:
      headrace golden record employment --out golden/employment.json
      headrace golden list
      headrace golden replay employment@5
    """  # noqa: D301 - click's own mark


@command.command("record")
@click.argument("model", required=False, shell_complete=models)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--from", "given", type=click.File("rb"), help="Requests: JSON, a list of inputs, or golden requests; else the journal's.")
@click.option("--version", "which", default="champion", show_default=True, help="Whose answers: a number, an alias, a stage.")
@click.option(
    "--last", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many requests of the journal, newest first."
)
@click.option("--tolerance", type=click.FloatRange(0), default=1e-6, show_default=True, help="How far an answer may lie from these.")
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@environment_option
@root_option
@json_option
def record(  # noqa: PLR0917 - an argument an option
    model: str | None,
    out: Path,
    given: Any,  # noqa: ANN401 - click's own file
    which: str,
    last: int,
    tolerance: float,
    environment: str | None,
    root: Path,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write requests with their answers as golden requests of a MODEL.

    Without `--from` they are the newest different ones that the journal has of the version, with the answers that were given; one of which
    an input was encrypted or left out is passed over. With `--from` the version is asked now. Nothing is written where the version does not
    give these answers again (exit 4).

    \b
    Examples:
      headrace golden record employment --out golden/employment.json
      headrace golden record employment --from rows.json --version 5 --out golden/employment.json
    """  # noqa: D301 - click's own mark
    from headrace import registry
    from headrace.cli.golden_file import answered_now, journalled, written

    if out.exists() and not overwrite:
        raise click.UsageError(f"{out} is there already: `--overwrite` replaces it")
    with open_workspace(root, environment) as workspace:
        name = model_of(workspace.config, model)
        with workspace.store.read() as session:
            version = registry.find(session, name, which)
        loaded = registry.load(workspace.store, workspace.plugins, version)
        if given is None:
            golden = journalled(workspace.store, loaded, last, tolerance)
        else:
            golden = answered_now(loaded, given.read(), given.name, tolerance)
        told = _replayed(golden, loaded, str(version))
    _refuse(told)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(written(golden))
    result = {"model": name, "version": version.number, "requests": len(golden.requests), "file": str(out)}
    show(result, _recorded, as_json=as_json)


def _recorded(result: Mapping[str, Any]) -> str:
    gate = f"- {{id: golden, gate: golden, params: {{file: {result['file']}}}}}"
    count = f"{result['requests']:,} golden requests of model/{result['model']} v{result['version']}"
    return f"wrote {count} to {result['file']}; a gate that asks them:\n  {gate}"


@command.command("list")
@click.argument("model", required=False, shell_complete=models)
@environment_option
@root_option
@json_option
def listed(model: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """List the gates of golden requests that the specs declare, what their files hold, and which version was last asked them.

    \b
    Example:
      headrace golden list employment --json
    """  # noqa: D301 - click's own mark
    from headrace.cli.golden_file import declared, last_asked

    with open_workspace(root, environment) as workspace:
        name = None if model is None else model_of(workspace.config, model)
        found = [one for one in declared(load_project(root, environment), root) if name in {None, one["model"]}]
        with workspace.store.read() as session:
            gates = [{**one, "last": last_asked(session, one["model"], one["gate"])} for one in found]
    show({"gates": gates}, _listed, as_json=as_json)


def _listed(result: Mapping[str, Any]) -> str:
    if not result["gates"]:
        return "no gate asks golden requests: `headrace golden record MODEL --out FILE` writes some"
    rows: list[tuple[str, ...]] = [
        (
            f"model/{one['model']}",
            one["gate"],
            one["file"],
            one["why"] or f"{one['requests']:,} within {one['tolerance']:g}",
            "never" if one["last"] is None else f"v{one['last']['version']} {'passed' if one['last']['passed'] else 'FAILED'}",
        )
        for one in result["gates"]
    ]
    return table(rows, ("model", "gate", "file", "requests", "asked last"))


@command.command("replay")
@click.argument("what", metavar="MODEL[@VERSION]", required=False, shell_complete=models)
@click.option("--file", "given", type=click.Path(path_type=Path), help="The golden requests; else those of the model's gates.")
@click.option("--url", help="Ask a running server there, and not a version from the registry; `here` is the port of the spec.")
@environment_option
@root_option
@json_option
def replay(what: str | None, given: Path | None, url: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Ask golden requests now: of a version, the champion where none is named, or of a running server.

    Ends with 4 where more are answered otherwise than the gate allows; of a file that `--file` names, none may. A server is asked about an
    entity called `golden`, by the key in $HEADRACE_API_KEY, and journals it.

    \b
    Examples:
      headrace golden replay employment@5
      headrace golden replay employment --url here --file golden/employment.json
    """  # noqa: D301 - click's own mark
    from headrace.cli.golden_file import asked_of, declared, read_file

    model, _, which = (what or "").partition("@")
    with open_workspace(root, environment) as workspace:
        name = model_of(workspace.config, model or None)
        if given is not None:
            asked = [(str(given), read_file(given), 0)]
        else:
            found = [one for one in declared(load_project(root, environment), root) if one["model"] == name]
            asked = [(one["file"], read_file(root / one["file"]), one["max"]) for one in found]
        if not asked:
            message = f"model/{name} has no gate of golden requests"
            raise HeadraceError(Diagnostic("golden-requests", message, help="name a file: `--file golden/NAME.json`"), Exit.USAGE)
        loaded, who = _opened(workspace, name, which or "champion"), None
        if url is not None:
            who = asked_of(serving_of(root, name), root, url)
        told = [_replayed(golden, loaded, str(loaded.version), who, most=most, file=file) for file, golden, most in asked]
    show({"model": name, "asked": told}, _replay_text, as_json=as_json)
    if not all(one["passed"] for one in told):
        click.get_current_context().exit(int(Exit.REFUSED))


def _opened(workspace: Workspace, model: str, which: str) -> Loaded:
    from headrace import registry

    with workspace.store.read() as session:
        version = registry.find(session, model, which)
    return registry.load(workspace.store, workspace.plugins, version)


def _replayed(golden: Golden, loaded: Loaded, who: str, server: Asking | None = None, *, most: int = 0, file: str = "") -> dict[str, Any]:
    """Which answers are not as expected: the version's, or a server's, where one is to be asked."""
    from headrace import registry
    from headrace.hooks.golden import replayed

    rows = [request.inputs for request in golden.requests]
    given = registry.answers_to(loaded, rows) if server is None else server(rows)
    off = [{"id": one.id, "says": one.says} for one in replayed(golden, given, loaded.answers, loaded.signature)]
    return {
        "file": file,
        "who": who if server is None else server.url,
        "requests": len(rows),
        "off": off,
        "max": most,
        "passed": len(off) <= most,
    }


def _replay_text(result: Mapping[str, Any]) -> str:
    lines = []
    for one in result["asked"]:
        good = one["requests"] - len(one["off"])
        failed = "" if one["passed"] else ": FAILED"
        lines.append(f"{one['file']}: {one['who']} answers {good:,} of {one['requests']:,} as expected{failed}")
        lines += [f"  {off['id']}: {off['says']}" for off in one["off"][:20]]
    return "\n".join(lines)


def _refuse(told: Mapping[str, Any]) -> None:
    if not told["passed"]:
        first, many = told["off"][0], len(told["off"])
        message = f"{told['who']} answers {many:,} of {told['requests']:,} requests otherwise: {first['id']}: {first['says']}"
        help_ = "they were answered by another machine or release, perhaps: `--from FILE` records what it answers here"
        raise HeadraceError(Diagnostic("golden-answers", message, help=help_), Exit.REFUSED)
