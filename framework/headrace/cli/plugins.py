"""`headrace plugins`: what is registered and by whom, a new plugin to begin with, and whether plugins keep their contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.place import json_option, root_option
from headrace.cli.view import print_report, show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.hooks import Origin, Plugins
    from headrace.hooks.fault import Off

WORDS = ("algorithm", "metric", "detector", "channel", "reader", "rule", "strategy", "gate", "exporter", "transform", "tracker")
"""The axes that a plugin may add to."""


@click.group("plugins")
def command() -> None:
    """List plugins, begin one, check whether they keep their contracts.

    \b
    Examples:
      headrace plugins list --json
      headrace plugins new cost --axis metric
      headrace plugins check cost
    """  # noqa: D301 - click's own mark


@command.command("list")
@click.option("--axis", type=click.Choice(WORDS), help="Only what is added to this axis.")
@root_option
@json_option
def listed(axis: str | None, root: Path, *, as_json: bool) -> None:
    """List what plugins add, from where, and which take no part and why.

    \b
    Example:
      headrace plugins list --axis metric
    """  # noqa: D301 - click's own mark
    plugins, report = _plugins(root)
    items = [{"axis": word, "name": name, **_from(plugins.origin(word, name))} for word, name, _ in plugins.items() if axis in (None, word)]
    off = [
        {
            **_from(found.origin),
            "why": found.why,
            "place": None if found.place is None else f"{found.place.file}:{found.place.line}",
        }
        for found in plugins.off
    ]
    collisions = [fault.message for fault in report if fault.id == "plugin-collision"]
    show({"registered": items, "off": off, "collisions": collisions}, _list_text, as_json=as_json)


def _plugins(root: Path, seconds: float = inf) -> tuple[Plugins, Report]:
    from headrace.project import plugins_of

    report = Report()
    return plugins_of(root.resolve(), report, seconds), report


def _from(origin: Origin | None) -> dict[str, Any]:
    if origin is None:
        return {"plugin": None, "kind": None, "version": None}
    return {"plugin": origin.name, "kind": origin.kind, "version": origin.version}


def _list_text(result: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (item["axis"], item["name"], "built in" if item["kind"] == "builtin" else item["plugin"] or "", item["version"] or "")
        for item in result["registered"]
    ]
    parts = [table(rows, ("axis", "name", "from", "version"))]
    if result["off"]:
        told = [f"  {off['plugin']}: {off['why']}" + (f" ({off['place']})" if off["place"] else "") for off in result["off"]]
        parts.append("\n".join(["switched off:", *told]))
    if result["collisions"]:
        parts.append("\n".join(["collisions:", *(f"  {message}" for message in result["collisions"])]))
    return "\n\n".join(parts)


@command.command("new")
@click.argument("name")
@click.option("--axis", type=click.Choice(WORDS), default="metric", show_default=True, help="What the plugin adds.")
@click.option("--package", is_flag=True, help="Write an installable package with tests instead of one file.")
@root_option
@json_option
def new(name: str, axis: str, root: Path, *, package: bool, as_json: bool) -> None:
    """Write a plugin that works, to be changed: `plugins/NAME.py`, or with `--package` the folder `headrace-NAME`.

    \b
    Examples:
      headrace plugins new cost
      headrace plugins new teletype --axis channel --package
    """  # noqa: D301 - click's own mark
    from headrace.cli.new_plugin import files

    root = root.resolve()
    try:
        texts = files(name, axis, package=package)
    except ValueError as error:
        raise HeadraceError(Diagnostic("bad-name", str(error), help=_renamed(name, axis, package=package)), Exit.USAGE) from None
    taken = [path for path in texts if (root / path).exists()]
    if taken:
        raise HeadraceError(
            Diagnostic("plugin-exists", f"{taken[0]} stands there already", help="choose another name, or move it away"), Exit.REFUSED
        )
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    todo = f"pip install -e ./headrace-{name.replace('_', '-')} && headrace plugins check" if package else f"headrace plugins check {name}"
    result = {"name": name, "axis": axis, "written": list(texts), "next": todo}
    show(result, lambda r: "\n".join([*(f"  wrote {path}" for path in r["written"]), f"Next: `{r['next']}`."]), as_json=as_json)


def _renamed(name: str, axis: str, *, package: bool) -> str:
    """The same command with a name that can be one."""
    from headrace.cli.new_plugin import likely

    good = likely(name) or "cost"
    typed = f"type `headrace plugins new {good}{'' if axis == 'metric' else f' --axis {axis}'}{' --package' if package else ''}`"
    inside = {".", "/"} & set(name)
    return f"{typed}: this names the {'package' if package else 'file'}, and in it stands the name that specs use" if inside else typed


@command.command("check")
@click.argument("name", required=False)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="How long one plugin may load, and one thing be checked.",
)
@root_option
@json_option
def check(name: str | None, timeout: float, root: Path, *, as_json: bool) -> None:
    """Run the conformance kit over what is registered; exit 4 where a plugin breaks a promise.

    NAME is a plugin (`headrace-xgboost`, `plugins/cost.py`) or what one adds (`cost`); everything where it is not given. What a plugin and
    its libraries print meanwhile is shown beside what is broken, and always as `printed` with --json.

    \b
    Example:
      headrace plugins check cost
    """  # noqa: D301 - click's own mark
    from headrace.cli.overhear import overheard
    from headrace.testing.registered import check_plugins, left

    plugins, report = _plugins(root, timeout)
    wanted = [(word, item) for word, item, origin in plugins.items() if name in _names(item, origin)]
    failed = [off for off in plugins.off if name in _names("", off.origin)] if name is not None else list(plugins.off)
    failed = [off for off in failed if off.broken]
    if name is not None and not wanted and not failed:
        raise HeadraceError(_unknown(name, plugins), Exit.USAGE)
    checked = [
        {
            "axis": word,
            "name": item,
            **_from(plugins.origin(word, item)),
            "broken": [{"check": broken.check, "says": broken.says} for broken in found],
            "printed": printed,
            "left": left(plugins, word, item),
        }
        for (word, item, found), printed in overheard(check_plugins(plugins, set(wanted) if name is not None else None, timeout))
    ]
    if report.errors and not as_json:
        _print_faults(report, plugins, failed if name is not None else None)
    told = [{**_from(off.origin), "why": off.why} for off in failed]
    passed = not told and not any(item["broken"] for item in checked) and (name is not None or report.ok)
    show({"passed": passed, "checked": checked, "failed": told}, _check_text, as_json=as_json)
    if not passed:
        click.get_current_context().exit(int(Exit.REFUSED))


def _print_faults(report: Report, plugins: Plugins, wanted: Sequence[Off] | None) -> None:
    """What is wrong with plugins; of those that nobody asked about, that they take no part."""
    if wanted is None:
        print_report(report)
        return
    asked = {(off.origin.name, off.why) for off in wanted}
    own = [f for f in report if f.id != "plugin-failed" or any(f.message == f"plugin {off.origin} {off.why}" for off in wanted)]
    if own:
        print_report(Report(own, report.texts))
    for off in plugins.off:
        if off.broken and (off.origin.name, off.why) not in asked:
            click.echo(off.line, err=True)


def _names(item: str, origin: Origin | None) -> set[str | None]:
    """By which words a thing is meant; nothing in particular means everything."""
    return {None, item} | ({origin.name, origin.name.removeprefix("plugins/").removesuffix(".py")} if origin is not None else set())


def _unknown(name: str, plugins: Plugins) -> Diagnostic:
    from headrace.spec.wording import nearest

    meant = nearest(name, [*plugins.names, *(item for _, item, _ in plugins.items())])
    help_ = f"did you mean `{meant}`?" if meant else "`headrace plugins list` shows what there is"
    return Diagnostic("unknown-plugin", f"nothing of the name `{name[:80]}` is registered", help=help_)


def _check_text(result: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for item in result["checked"]:
        where = "built in" if item["kind"] == "builtin" else item["plugin"]
        lines.append(f"{'broken' if item['broken'] else 'ok    '}  {item['axis']} `{item['name']}` ({where})")
        lines += [f"          {broken['check']}: {broken['says']}" for broken in item["broken"]]
        lines += [f"          printed: {line}" for line in item["printed"] if item["broken"]]
        if item["left"] and not item["broken"] and item["kind"] != "builtin":
            lines.append(f"          {item['left']}")
    lines += [f"broken  plugin `{off['plugin']}` {off['why']}" for off in result["failed"]]
    wrong = sum(bool(item["broken"]) for item in result["checked"]) + len(result["failed"])
    return "\n".join([*lines, f"{wrong} of {len(result['checked']) + len(result['failed'])} break a promise."])
