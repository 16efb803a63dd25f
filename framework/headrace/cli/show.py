"""`headrace show`: a spec as it is meant in an environment, defaults included, with the origin of every line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from headrace.cli.completing import addresses
from headrace.cli.lineage import command as lineage
from headrace.cli.meant import Meant
from headrace.cli.place import environment_option, json_option, load_project, root_option
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.address import Address
    from headrace.address import Path as Inner
    from headrace.project import Project
    from headrace.project.risk import Risk

LANGUAGES = ("duckdb", "postgres", "spark", "trino", "bigquery", "snowflake")
"""In which words `--sql` prints a query; in the first where it is not told."""
_WIDEST = 100
"""Beyond it, an origin stands two spaces after its line and not under the others."""


@click.group("show", cls=Meant, usual="spec")
def command() -> None:
    """Print a spec as it is meant, or where a version came from.

    \b
    Examples:
      headrace show model/employment
      headrace show lineage model/employment@7
    """  # noqa: D301 - click's own mark


command.add_command(lineage)


def _first(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Addresses, and the words that may stand in their place."""
    words = [CompletionItem(name) for name in command.commands if incomplete and name.startswith(incomplete)]
    return [*addresses(ctx, param, incomplete), *words]


class _Queried(click.Command):
    """`--sql` may stand before the address, with its language or without."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give `--sql` its usual language where an address follows it: click would take that for one."""
        after = [*args[1:], ""] if args else []
        told = [f"--sql={LANGUAGES[0]}" if word == "--sql" and "/" in then else word for word, then in zip(args, after, strict=True)]
        return super().parse_args(ctx, told)


@command.command("spec", cls=_Queried)
@click.argument("address", required=False, shell_complete=_first)
@root_option
@json_option
@environment_option
@click.option(
    "--sql",
    type=click.Choice(LANGUAGES),
    is_flag=False,
    flag_value=LANGUAGES[0],
    help="Print a feature view as a query, in DuckDB's words or another engine's.",
)
def spec(address: str | None, root: Path, environment: str | None, sql: str | None, *, as_json: bool) -> None:
    """Print a spec as it is meant, defaults included, with the origin of every line.

    Overlays are merged and expressions replaced. Without an address, list all addresses; with `--env` alone, print all specs.
    The word `spec` may be left out.

    \b
    Examples:
      headrace show
      headrace show spec model/employment
      headrace show model/employment
      headrace show --env staging model/employment --json
      headrace show feature_view/basket --sql postgres
    """  # noqa: D301 - click's own mark
    project = load_project(root, environment)
    if sql is not None:
        query = _query(project, address, sql)
        click.echo(json.dumps({"address": address, "language": sql, "sql": query}, indent=2) if as_json else query)
        return
    if address is None and environment is None:
        addresses = [str(known) for known in sorted(project.specs)]
        click.echo(json.dumps({"addresses": addresses}, indent=2) if as_json else "\n".join(addresses))
        return
    found = [_find(project, address)] if address is not None else sorted(project.specs)
    told = [_told(project, one) for one in found]
    if as_json:
        result = told[0] if address is not None else {"environment": project.environment.name, "documents": told}
        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        click.echo("\n---\n".join(_text(project, one) for one in found))


def _query(project: Project, address: str | None, language: str) -> str:
    """A feature view as what it computes of each line of a table `asked` (line, entity, moment in microseconds)."""
    from headrace.compiler.lower import lower
    from headrace.features.show import query

    found = _find(project, address) if address is not None else None
    if found is None or found.kind != "feature_view":
        fault = Diagnostic("not-a-view", "`--sql` prints one feature view", help="type `headrace show feature_view/NAME --sql`")
        raise HeadraceError(fault, Exit.USAGE)
    workspace = lower(project).workspace
    if found.name not in workspace.views:
        fault = Diagnostic(
            "nothing-computed",
            f"{found} computes nothing for a model: its columns are read as they stand",
            help="name it in a model's `use`",
        )
        raise HeadraceError(fault, Exit.REFUSED)
    view = workspace.views[found.name]
    return query(view, workspace.sources[view.source], language)


def _told(project: Project, address: Address) -> dict[str, Any]:
    from headrace.spec.written import written

    spec = written(project.specs[address])
    origins = {_said(path): project.origin(address, path).to_json() for _, path in lines(spec) if path is not None}
    told = {"address": str(address), "environment": project.environment.name, "spec": spec, "origins": origins}
    found = _risk(project, address)
    return told if found is None else {**told, "risk": found.to_json()}


def _risk(project: Project, address: Address) -> Risk | None:
    """How much harm a model's wrong answers may do, where its spec or a policy makes something of it."""
    from headrace.project.risk import risk
    from headrace.spec import Model

    spec = project.specs[address]
    return risk(project.scope, spec, project.environment) if isinstance(spec, Model) and spec.governance is not None else None


def _text(project: Project, address: Address) -> str:
    from headrace.spec.written import written

    shown = [(text, project.origin(address, path) if path is not None else None) for text, path in lines(written(project.specs[address]))]
    wide = max((len(text) for text, origin in shown if origin is not None and len(text) <= _WIDEST), default=0)
    found = _risk(project, address)
    said = [] if found is None else [f"# risk: {found}"]
    return "\n".join([*(f"{text.ljust(wide)}  # {origin}" if origin is not None else text for text, origin in shown), *said])


def _said(path: Inner) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def lines(value: dict[str, Any], path: Inner = (), indent: str = "") -> Iterator[tuple[str, Inner | None]]:
    """YAML of a mapping, one value a line; each line with the path of its value, or None where it only opens what follows."""
    for key, inner in value.items():
        head, here = f"{indent}{_scalar(key)}:", (*path, key)
        if isinstance(inner, dict) and inner:
            yield head, None
            yield from lines(inner, here, f"{indent}  ")
        elif isinstance(inner, list) and any(isinstance(item, dict) and item for item in inner):
            yield head, None
            for position, item in enumerate(inner):
                yield from _item(item, (*here, position), f"{indent}  ")
        else:
            yield f"{head} {_flow(inner)}", here


def _item(item: Any, path: Inner, indent: str) -> Iterator[tuple[str, Inner | None]]:  # noqa: ANN401 - the language's values
    if not isinstance(item, dict) or not item:
        yield f"{indent}- {_flow(item)}", path
        return
    for number, (text, inner) in enumerate(lines(item, path, f"{indent}  ")):
        yield (f"{indent}- {text[len(indent) + 2 :]}" if number == 0 else text), inner


def _flow(value: Any) -> str:  # noqa: ANN401 - the language's values
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_scalar(key)}: {_flow(inner)}' for key, inner in value.items())}}}"
    return _scalar(value.replace("${", "$${") if isinstance(value, str) else value)


def _scalar(value: Any) -> str:  # noqa: ANN401 - the language's values
    from headrace.document import write_flow
    from headrace.document.text import REFUSED

    if isinstance(value, str) and "\n" in value:
        return REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    return write_flow({"x": value})[len("{x: ") : -1]


def _find(project: Project, text: str) -> Address:
    """`model/employment`, or a bare name that only one document has."""
    from headrace.spec.wording import nearest

    matching = [known for known in project.specs if text in (str(known), known.name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        message = f"`{text}` is {len(matching)} documents: {', '.join(str(known) for known in sorted(matching))}"
        raise HeadraceError(Diagnostic("which-address", message, help=f"write `{min(matching)}`"), Exit.USAGE)
    meant = nearest(text, project.specs) or nearest(text, [known.name for known in project.specs])
    help_ = f"did you mean `{meant}`?" if meant else "`headrace show` lists all addresses"
    raise HeadraceError(Diagnostic("unknown-address", f"there is no `{text}`", help=help_), Exit.USAGE)
