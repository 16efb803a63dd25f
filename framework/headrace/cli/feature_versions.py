"""`headrace features history | save | get`: the definitions of a view over time, and values that are kept under one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.cli.whole import write
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.features.versions import Kept, Version


@click.command("history")
@click.argument("view")
@environment_option
@root_option
@json_option
def history(view: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """List the definitions of VIEW that were applied, and what is kept under each.

    \b
    Example:
      headrace features history basket
    """  # noqa: D301 - click's own mark
    from headrace.features import versions

    name, _ = _named(view)
    with open_workspace(root.resolve(), environment) as workspace, workspace.store.read() as session:
        found = [(item, versions.kept(session, item)) for item in versions.history(session, name)]
        if not found:
            versions.version(session, name)
        result = {"view": name, "versions": [_told(item, kept) for item, kept in found]}
    show(result, _text, as_json=as_json)


@click.command("save")
@click.argument("view", metavar="VIEW[@N]")
@click.option("--rows", "source", required=True, metavar="SOURCE", help="Whose entities and moments are asked about.")
@click.option("--entity", help="The column of SOURCE that holds the entity.  [default: the view's]")
@click.option("--time", "moment", help="The column of SOURCE that holds the moment.  [default: the view's]")
@environment_option
@root_option
@json_option
def save(  # noqa: PLR0917 - what the command takes
    view: str, source: str, entity: str | None, moment: str | None, environment: str | None, root: Path, *, as_json: bool
) -> None:
    """Compute a version of VIEW for the rows of SOURCE, as of each row's moment, and keep the values.

    \b
    Examples:
      headrace features save basket --rows questions --time asked_at
      headrace features save basket@3 --rows questions --time asked_at
    """  # noqa: D301 - click's own mark
    from headrace.features import Origins, versions

    name, number = _named(view)
    with open_workspace(root.resolve(), environment) as workspace:
        with workspace.store.read() as session:
            version = versions.version(session, name, number)
        origins = Origins(workspace.root, workspace.config.sources, workspace.plugins.readers)
        values = versions.computed(origins, version, source.removeprefix("source/"), entity=entity, time=moment)
        told = {"rows": f"source/{source.removeprefix('source/')}"}
        kept = versions.keep(workspace.store, version, values, told, actor=workspace.actor)
    result = {"view": name, "version": version.number, **_kept(kept)}
    show(
        result, lambda item: f"kept {item['rows']:,} rows as {name}@{item['version']}, {item['number']}: {item['digest']}", as_json=as_json
    )


@click.command("get")
@click.argument("view", metavar="VIEW[@N]")
@click.option("--kept", "number", type=int, metavar="NUMBER", help="Which of those kept under the version.  [default: the newest]")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The Parquet file to write.")
@environment_option
@root_option
@json_option
def get(view: str, number: int | None, out: Path, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Write the values that were kept under a version of VIEW into a file, to the bit as they were.

    \b
    Example:
      headrace features get basket@3 --out basket.parquet
    """  # noqa: D301 - click's own mark
    from headrace.features import versions

    name, asked = _named(view)
    with open_workspace(root.resolve(), environment) as workspace:
        with workspace.store.read() as session:
            version = versions.version(session, name, asked)
            held = versions.kept(session, version)
        found = [item for item in held if number in (None, item.number)]
        if not found:
            said = f"nothing{'' if number is None else f' numbered {number}'} was kept under {version}"
            raise HeadraceError(
                Diagnostic("nothing-kept", said, help=f"type `headrace features save {version} --rows SOURCE`"), Exit.FAILED
            )
        data = workspace.store.blobs.get(found[-1].digest)
    try:
        write(out, data)
    except OSError as error:
        raise click.FileError(str(out), error.strerror) from error
    result = {"view": name, "version": version.number, **_kept(found[-1]), "file": str(out)}
    show(result, lambda item: f"wrote {item['rows']:,} rows of {name}@{item['version']}, {item['number']}, to {out}", as_json=as_json)


@click.command("pin")
@click.argument("view", metavar="VIEW@N")
@environment_option
@root_option
@json_option
def pin(view: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Write a version of VIEW as it was applied into specs/VIEW@N.yaml, so that a model can use it: `use: {VIEW@N: all}`.

    Nothing that VIEW becomes later changes it. Its rows are those of today's source where that still reads as it did then; otherwise a
    source of their own is written with it.

    \b
    Example:
      headrace features pin basket@3
    """  # noqa: D301 - click's own mark
    from headrace.document import write as text_of
    from headrace.features import pinned, versions

    name, number = _named(view)
    if number is None:
        raise click.BadParameter(f"`{view}` names no version: write for example {name}@3", param_hint="VIEW@N")
    root = root.resolve()
    with open_workspace(root, environment) as workspace, workspace.store.read() as session:
        version = versions.version(session, name, number)
        source = workspace.config.sources.get(version.config.source)
        made = pinned.documents(
            version, today=versions.version(session, name), source=source, spec=versions.applied(session, f"feature_view/{name}")
        )
    at = root / "specs" / f"{version}.yaml"
    told = f"# {version} as it was applied on {version.at:%Y-%m-%d}; `headrace features pin {version}` writes this file.\n"
    told += "---\n".join(text_of(document) for document in made)
    try:
        if at.is_file() and not at.read_text(encoding="utf-8").startswith(f"# {version} as it was applied"):
            message = f"specs/{at.name} was not written by `headrace features pin`, and would be written over"
            raise HeadraceError(Diagnostic("foreign-file", message, help=f"move it away: `mv specs/{at.name} .`"), Exit.REFUSED)
        write(at, told.encode())
    except OSError as error:
        raise click.FileError(str(at), error.strerror) from error
    result = {"view": name, "version": version.number, "digest": version.digest, "file": f"specs/{at.name}"}
    show(result, lambda item: f"wrote {item['file']}; a model uses it by `use: {{{version}: all}}`", as_json=as_json)


def _named(text: str) -> tuple[str, int | None]:
    """`basket@3`, `feature_view/basket` or `basket` as a name and a number."""
    name, at, number = text.removeprefix("feature_view/").partition("@")
    if at and not number.isdecimal():
        raise click.BadParameter(f"`{text}` is no version such as {name}@3", param_hint="VIEW")
    return name, int(number) if at else None


def _told(version: Version, kept: list[Kept]) -> dict[str, Any]:
    return {
        "version": version.number,
        "id": version.id,
        "digest": version.digest,
        "at": version.at.isoformat(),
        "actor": version.actor,
        "description": version.description,
        "definition": dict(version.definition),
        "kept": [_kept(item) for item in kept],
    }


def _kept(item: Kept) -> dict[str, Any]:
    return {"number": item.number, "rows": item.rows, "digest": item.digest, "of": dict(item.told), "kept_at": item.at.isoformat()}


def _text(result: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            f"{result['view']}@{item['version']}",
            item["at"][:19],
            item["actor"],
            str(len(item["definition"]["view"]["features"])),
            str(len(item["kept"])),
            item["digest"][:19],
        )
        for item in result["versions"]
    ]
    return table(rows, ("version", "applied", "by", "features", "kept", "digest"))
