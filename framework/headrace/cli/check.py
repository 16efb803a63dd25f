"""`headrace check`: what must hold of the rows of sources, asked now and not only when something is trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import addresses
from headrace.cli.place import environment_option, json_option, load_project, root_option
from headrace.cli.view import print_report, show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.compiled import SourceConfig
    from headrace.features import Origins
    from headrace.features.checks import Trained
    from headrace.project import Project


@click.command("check")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", shell_complete=addresses)
@environment_option
@root_option
@json_option
def command(sources: tuple[str, ...], environment: str | None, root: Path, *, as_json: bool) -> None:
    """Read sources and ask what must hold of their rows; all sources, where none is named.

    Nothing is trained and nothing is recorded. Ends with exit code 4 where a check with `mode: block` does not hold, and with 1 where a
    source cannot be read.

    \b
    Example:
      headrace check
      headrace check source/orders
      headrace check source/orders --json
    """  # noqa: D301 - click's own mark
    from headrace.compiler.sources import source_config
    from headrace.features import Origins

    root = root.resolve()
    project = load_project(root, environment)
    named = list(dict.fromkeys(_named(project, source) for source in sources)) or sorted(source.name for source in project.sources)
    origins = Origins(root, {source.name: source_config(source) for source in project.sources}, project.plugins.readers)
    moment, faults = _now(project, root), Report()
    trained = _trained(project, root, {name: origins.sources[name] for name in named})
    found = [_checked(origins, name, moment, faults, trained) for name in named]
    blocking = any(not item["passed"] and item["mode"] == "block" for source in found for item in source["checks"])
    result = {"at": moment.isoformat(), "passed": faults.ok and not blocking, "sources": found}
    show(result, _text, as_json=as_json)
    if not faults.ok:
        if not as_json:
            print_report(faults)
        raise click.exceptions.Exit(Exit.FAILED)
    if blocking:
        raise click.exceptions.Exit(Exit.REFUSED)


def _named(project: Project, text: str) -> str:
    """The source that is meant, as `source/orders` or `orders`."""
    from headrace.spec.wording import nearest

    known = sorted(source.name for source in project.sources)
    name = text.removeprefix("source/")
    if name not in known:
        meant = nearest(name, known)
        help_ = f"did you mean `source/{meant}`?" if meant else f"there are: {', '.join(known) or 'none'}"
        raise HeadraceError(Diagnostic("unknown-address", f"there is no source/{name}", help=help_), Exit.USAGE)
    return name


def _now(project: Project, root: Path) -> datetime:
    """The store's clock, which may be a driven one; the machine's, while there is no store."""
    from headrace.cli.plan import open_store
    from headrace.plan import lost

    if lost.missing(project.environment.store, root):
        return datetime.now(UTC)
    with open_store(project, root) as store:
        return store.clock.now()


def _trained(project: Project, root: Path, sources: Mapping[str, SourceConfig]) -> Trained:
    """What the champions' trainings had; nothing, while there is no store."""
    from headrace.cli.plan import open_store
    from headrace.features.checks import of_training, trained
    from headrace.plan import lost

    if not any(of_training(item) for source in sources.values() for item in source.checks):
        return {}
    if lost.missing(project.environment.store, root):
        return {}
    with open_store(project, root) as store:
        return trained(store, sources)


def _checked(origins: Origins, name: str, moment: datetime, faults: Report, trained: Trained) -> dict[str, Any]:
    """One source as it is shown; what is wrong with reading it goes to the faults, too."""
    from headrace.features import checks, typed

    told: dict[str, Any] = {"source": f"source/{name}", "rows": None, "checks": [], "faults": []}
    try:
        if not origins.sources[name].checks:
            return {**told, "rows": sum(len(part) for part in typed(origins.root, name, origins.sources[name], origins.readers))}
        found = checks.look(origins, name, at=moment, trained=trained)
    except HeadraceError as error:
        for fault in error.report:
            faults.add(fault)
            told["faults"].append({"id": fault.id, "message": fault.message, "help": fault.help})
        return told
    return {**told, "rows": found[0].rows, "checks": [_plain(item) for item in found]}


def _plain(item: Any) -> dict[str, Any]:  # noqa: ANN401 - a Checked
    keys = ("id", "mode", "passed", "broken", "measured")
    return {**{key: getattr(item, key) for key in keys}, "said": item.told, "sample": list(item.sample)}


def _text(result: Mapping[str, Any]) -> str:
    lines = []
    for source in result["sources"]:
        rows = "cannot be read" if source["rows"] is None else f"{source['rows']:,} rows"
        none = ", no checks" if source["rows"] is not None and not source["checks"] else ""
        lines.append(f"{source['source']}: {rows}{none}")
        wide = max((len(item["id"]) for item in source["checks"]), default=0)
        for item in source["checks"]:
            word = "ok" if item["passed"] else "FAILS" if item["mode"] == "block" else "warns"
            lines.append(f"  {word:<5}  {item['id']:<{wide}}  {item['said']}".rstrip())
            lines += [f"         {'':<{wide}}  {', '.join(f'{key}={value}' for key, value in row.items())}" for row in item["sample"]]
    held = [item["passed"] for source in result["sources"] for item in source["checks"]]
    lines.append(f"{sum(held)} of {len(held)} checks hold." if held else "No checks.")
    return "\n".join(lines)
