"""`headrace flags`: which flags are in force, and what somebody gets of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import flags as flags_there
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.compiled import FlagConfig
    from headrace.flags import InForce, Unreadable
    from headrace.steps.workspace import Workspace

_STATES = {
    "in force": "",
    "changed": "answers as it was last applied: type `headrace apply`",
    "not applied": "answers nobody yet: type `headrace apply`",
    "removed": "still answers: type `headrace apply`",
    "unreadable": "servers of this release cannot read it: type `headrace apply`",
}
"""What a flag's state is, and what to do about it."""


@click.group("flags")
def command() -> None:
    """List flags, and evaluate one: the specs say what they are, and `apply` puts that in force.

    \b
    Examples:
      headrace flags list
      headrace flags evaluate new-explanations --attribute tenant=acme
    """  # noqa: D301 - click's own mark


@command.command("list")
@environment_option
@root_option
@json_option
def listed(environment: str | None, root: Path, *, as_json: bool) -> None:
    """List flags: whether each is in force as the specs say it, who changed it last, and which are old.

    \b
    Example:
      headrace flags list --json
    """  # noqa: D301 - click's own mark
    from headrace.flags import read

    with open_workspace(root.resolve(), environment) as w:
        declared = _declared(w.root)
        with w.store.read() as session:
            there = read(session)
        today = w.store.clock.now().date().isoformat()
        names = sorted({*declared, *there})
        found = [_row(name, declared.get(name), there.get(name), today) for name in names]
        result = {"environment": w.config.environment, "flags": found}
    show(result, _list, as_json=as_json)


def _attributes(ctx: click.Context, param: click.Parameter, value: Iterable[str]) -> dict[str, object]:
    """`tenant=acme`, `seats=3`, `trial=true`."""
    found: dict[str, object] = {}
    for each in value:
        name, given, text = each.partition("=")
        if not given or not name:
            raise click.BadParameter(f"`{each[:60]}` has no value: write NAME=VALUE", ctx, param)
        found[name] = _value(text)
    return found


def _value(text: str) -> object:
    """A number, `true`, `false` or a quoted text as JSON has it; any other is the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


@command.command("evaluate")
@click.argument("name", shell_complete=flags_there)
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    callback=_attributes,
    metavar="NAME=VALUE",
    help="An attribute of the request; may be given again. A number, `true` and `false` are read as such; a text of digits is '\"7\"'.",
)
@environment_option
@root_option
@json_option
def evaluated(name: str, attributes: Mapping[str, object], environment: str | None, root: Path, *, as_json: bool) -> None:
    """Say which variant these attributes get, and by which rule, of the flag as it is in force: what a server answers.

    \b
    Examples:
      headrace flags evaluate new-explanations --attribute tenant=acme
      headrace flags evaluate new-explanations --attribute person_id=7 --json
    """  # noqa: D301 - click's own mark
    from headrace.flags import Unanswered, Unreadable, evaluate, read

    name = name.removeprefix("flag/")
    with open_workspace(root.resolve(), environment) as w:
        with w.store.read() as session:
            there = read(session)
        found = there.get(name)
        if found is None:
            raise _unknown(w, name, there)
    if isinstance(found, Unreadable):
        raise _unanswered(f"flag/{name} cannot be read: {found.why}", "type `headrace apply` to write it again")
    told = evaluate(found.flag, found.salt, attributes)
    if isinstance(told, Unanswered):
        raise _unanswered(f"flag/{name} has no answer: {told.why}", f"add `--attribute {found.flag.unit}=…`")
    result = {"flag": name, "variant": told.variant, "value": told.value, "reason": told.reason.value, "rule": told.rule}
    show(result, _one, as_json=as_json)


def _declared(root: Path) -> dict[str, FlagConfig]:
    """The flags as the compiled project declares them; none where it has no such file."""
    from headrace.compiled import FLAGS, FlagsConfig, read

    path = root / "flows" / FLAGS
    return {flag.name: flag for flag in read(FlagsConfig, path).flags} if path.is_file() else {}


def _row(name: str, declared: FlagConfig | None, there: InForce | Unreadable | None, today: str) -> dict[str, Any]:
    from headrace.flags import InForce

    held = there if isinstance(there, InForce) else None
    if there is not None and held is None:
        state = "unreadable"
    elif declared is None:
        state = "removed"
    elif held is None:
        state = "not applied"
    else:
        state = "in force" if held.flag == declared else "changed"
    flag = held.flag if held is not None else declared
    said = {} if flag is None else flag.to_json()
    return {
        **said,
        "name": name,
        "state": state,
        "old": flag is not None and flag.expires is not None and today >= flag.expires,
        "actor": held.actor if held is not None else None,
        "changed_at": held.changed_at.isoformat() if held is not None else None,
        "digest": held.digest if held is not None else None,
    }


def _list(result: Mapping[str, Any]) -> str:
    rows = result["flags"]
    if not rows:
        return f"environment {result['environment']}: there are no flags"
    lines = [table([_cells(row) for row in rows], ("flag", "state", "enabled", "default", "rules", "changed", "by", "expires"))]
    lines += [f"flag/{row['name']} {_STATES[row['state']]}" for row in rows if _STATES[row["state"]]]
    lines += [f"flag/{row['name']} was to be gone by {row['expires']}: take it out of the code and the specs" for row in rows if row["old"]]
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    enabled = {True: "yes", False: "no", None: "-"}[row.get("enabled")]
    changed = row["changed_at"][:19] if row["changed_at"] is not None else "-"
    rules = str(len(row.get("rules", ())))
    return (row["name"], row["state"], enabled, row.get("default", "-"), rules, changed, row["actor"] or "-", row.get("expires") or "-")


def _one(result: Mapping[str, Any]) -> str:
    by = f" by rule `{result['rule']}`" if result["rule"] is not None else ""
    return f"{result['variant']} ({json.dumps(result['value'], ensure_ascii=False)}): {result['reason']}{by}"


def _unknown(w: Workspace, name: str, there: Mapping[str, object]) -> HeadraceError:
    from difflib import get_close_matches

    near = get_close_matches(name, there, n=1)
    if near:
        help_ = f"did you mean `{near[0]}`?"
    elif name in _declared(w.root):
        help_ = "it is declared: type `headrace apply`"
    else:
        help_ = f"in force are: {', '.join(there) or 'none'}"
    return HeadraceError(Diagnostic("no-flag", f"no flag `{name}` is in force", help=help_), Exit.USAGE)


def _unanswered(message: str, help_: str) -> HeadraceError:
    return HeadraceError(Diagnostic("flag-unanswered", message, help=help_), Exit.FAILED)
