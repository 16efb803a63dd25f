"""`headrace export`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import click

from headrace.cli.place import json_option, model_of, open_workspace, root_option, serving_of
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.compiled import WorkspaceConfig
    from headrace.hooks import Export, Exporter, Plugins, Server


@click.command("export")
@click.argument("version", metavar="MODEL[@VERSION]")
@click.option("--to", "form", required=True, metavar="FORMAT", help="`folder`, `card`, `kubernetes`, `docker` …, or what a plugin adds.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write; it must not be there yet.")
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the format; may be repeated.")
@root_option
@json_option
def command(version: str, form: str, out: Path, params: Sequence[str], root: Path, *, as_json: bool) -> None:
    """Write a version, or what another machine serves its model by, into a folder of its own.

    MODEL is `employment` or `model/employment`; VERSION a number, an alias or `latest`, and `champion` where it is not given. Every byte
    is held against its digest first: what was altered is refused (exit 4). The folder is there as a whole, or not at all.
    `kubernetes`, `kserve`, `docker`, `compose`, `systemd` and `nginx` are of the model's server, whichever version it answers by.
    `headrace plugins list --axis exporter` lists the formats.

    \b
    Example:
      headrace export model/employment --to folder --out exported/employment
      headrace export employment@3 --to card --out card --param categories=5 --json
      headrace export employment --to kubernetes --out deploy --param image=registry.example/employment:1
    """  # noqa: D301 - click's own mark
    from headrace import registry
    from headrace.cli.served import server
    from headrace.compiled import read_workspace

    root = root.resolve()
    named, at, which = version.partition("@")
    config = read_workspace(root)
    model = model_of(config, named)
    exporter = _exporter(_plugins(root, config), form)
    found: Export | Server
    number: int | None = None
    match exporter.of:
        case "version":
            found, number = _version(root, model, which)
        case "server" if at:
            help_ = f"`headrace export {named} --to {form} …`"
            raise HeadraceError(
                Diagnostic("no-version", f"`{form}` is of a model's server, and of no version of it", help=help_), Exit.USAGE
            )
        case "server":
            found = server(root, config, serving_of(root, model))
        case _:
            assert_never(exporter.of)
    written = registry.export(found, exporter, _given(params), out)
    result = {
        "model": model,
        "version": number,
        "format": exporter.name,
        "folder": str(written.folder),
        "files": [{"path": path, "bytes": size} for path, size in written.files.items()],
    }
    show(result, _text, as_json=as_json)


def _plugins(root: Path, config: WorkspaceConfig) -> Plugins:
    from headrace.cli.view import print_report, wants_json
    from headrace.diagnostics import Report
    from headrace.hooks import load_plugins

    report = Report()
    plugins = load_plugins(root, report, allow=config.plugins.allow, deny=config.plugins.deny)
    if report.found and not wants_json():
        print_report(report)
    return plugins


def _version(root: Path, model: str, which: str) -> tuple[Export, int]:
    from headrace import registry
    from headrace.compiled import read_serving

    with open_workspace(root) as workspace:
        with workspace.store.read() as session:
            if not which and registry.CHAMPION not in registry.aliases(session, model):
                there = registry.versions(session, model)
                help_ = (
                    f"name a version, such as `{model}@latest`"
                    if there
                    else "there is no version yet: `headrace apply` trains the first one"
                )
                raise HeadraceError(Diagnostic("no-version", f"model/{model} has no champion yet", help=help_))
            found = registry.find(session, model, which or registry.CHAMPION)
        served = (root / "flows" / f"{model}.serving.json").exists()
        serving = read_serving(root, model).to_json() if served else None
        return registry.verified(workspace.store, found, serving), found.number


def _exporter(plugins: Plugins, form: str) -> Exporter:
    from headrace.spec.wording import nearest

    if form in plugins.exporters:
        return plugins.exporters[form]
    meant = nearest(form, plugins.exporters)
    help_ = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(sorted(plugins.exporters))}"
    raise HeadraceError(Diagnostic("unknown-exporter", f"no plugin offers the format `{form[:80]}`", help=help_), Exit.USAGE)


def _given(params: Sequence[str]) -> dict[str, Any]:
    """Each value as JSON where it is some (`5`, `true`, `[1, 2]`), and as text otherwise."""
    import orjson

    found: dict[str, Any] = {}
    for param in params:
        key, equals, text = param.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"`{param}` is not of the form KEY=VALUE", param_hint="--param")
        try:
            found[key] = orjson.loads(text)
        except ValueError:
            found[key] = text
    return found


def _text(result: Mapping[str, Any]) -> str:
    files = [f"  wrote {result['folder']}/{file['path']}   {file['bytes']:,} bytes" for file in result["files"]]
    what = f"model/{result['model']} v{result['version']}" if result["version"] is not None else f"The server of model/{result['model']}"
    return "\n".join([*files, f"{what} is exported as `{result['format']}`."])
