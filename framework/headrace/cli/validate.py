"""`headrace validate`: what is wrong in the specs, all at once; and, where it can only be meant in one way, mended."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from headrace.cli.place import environment_option, read_once, root_option
from headrace.cli.selecting import select_options
from headrace.cli.view import coloured
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report, render
from headrace.diagnostics.secret import HIDDEN, concealed

VERSION = 1
"""Of the JSON form: it rises when a key goes or changes its meaning, not when one is added."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The files that are asked about, and the revision that says what they did not cause; None where git says nothing."""

    files: tuple[str, ...]
    base: str | None
    because: str | None = None
    """Why all is asked about after all."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is told of one look at the specs."""

    report: Report
    documents: int | None
    """How many there are; None where they are invalid."""
    files: tuple[str, ...] | None = None
    """Those that were asked about; None for all."""
    elsewhere: int = 0
    """Faults of other files or documents, which those did not cause."""
    fixed: tuple[Diagnostic, ...] | None = None
    patch: str | None = None
    """Without the secrets in it: where there are any, it shows what `--fix` writes, and does not apply."""
    secrets: frozenset[str] = frozenset()
    selected: tuple[str, ...] | None = None
    """The addresses that were asked about; None for all."""
    because: str | None = None
    """Why all of them, where only what was changed was asked about."""


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@root_option
@environment_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["human", "concise", "json", "github", "sarif"]),
    default="human",
    show_default=True,
    help="How faults are shown.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as `--format json`.")
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option("--all", "show_all", is_flag=True, help=f"Show every fault, not only the first {render.MOST}.")
@click.option("--changed", is_flag=True, help="Only what was changed since the last commit, and what that breaks elsewhere.")
@click.option("--since", metavar="REF", help="Only what was changed since a branch, a tag or a commit; implies `--changed`.")
@select_options
@click.option("--fix", is_flag=True, help="Mend what can only be meant in one way, and tell what is left.")
@click.option("--diff", is_flag=True, help="Print what `--fix` would change, and change nothing.")
@click.option("--cache/--no-cache", default=True, help="Whether what was found without an error may be told again. [default: cache]")
def command(
    *,
    files: tuple[Path, ...],
    root: Path,
    environment: str | None,
    style: str,
    since: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    as_json: bool,
    strict: bool,
    show_all: bool,
    changed: bool,
    fix: bool,
    diff: bool,
    cache: bool,
) -> int:
    """Say what is wrong in the specs, all at once; no spec is written without `--fix`, and nothing is asked over the network.

    With FILEs, or with `--changed`, only faults of those files are told, and those elsewhere that they cause; references are followed
    through the whole project all the same. Where Python was changed, of which steps and plugins may be made, `--changed` tells of the whole
    project. --select and --exclude are those of `headrace plan`, but for `state:`: told are the faults of those documents, of what overlays
    patch in them, and of files that cannot be read. What was found without an error is kept in .headrace/cache and told again for what did
    not change since.

    The faults are the result, so they go to stdout in every format (with `--diff` the patch is, and what is left goes to stderr). Ends
    with 0, or with 3 where the specs are invalid.

    \b
    Example:
      headrace validate
      headrace validate --fix --diff
      headrace validate --changed --since main --format github
      headrace validate specs/churn.yaml
      headrace validate --select +model/churn --exclude kind:channel
    """  # noqa: D301 - click's own mark
    if files and (changed or since is not None):
        raise click.UsageError("FILEs and `--changed` each say which specs are meant: give one of them.")
    if (select or exclude) and (files or changed or since is not None or fix or diff):
        raise click.UsageError("`--select` and `--exclude` go with neither FILEs, `--changed` nor `--fix`.")
    read_once()
    asked = _asked(root, files, since, changed=changed)
    seen = _mended(root, environment, asked, write=not diff) if fix or diff else _look(root, environment, asked, remember=cache)
    if select or exclude:
        seen = _selected(root, seen, select, exclude)
    numbers = render.counts(seen.report)
    valid = seen.report.ok and not (strict and numbers["warnings"]) and not seen.patch
    style = "json" if as_json else style
    if style == "json":
        click.echo(json.dumps(_view(seen, valid=valid), indent=2, ensure_ascii=False))
    elif style == "sarif":
        from headrace import __version__
        from headrace.cli.annotated import annotated
        from headrace.diagnostics.sarif import to_sarif

        click.echo(json.dumps(to_sarif(annotated(seen.report, root), version=__version__), indent=2, ensure_ascii=False))
    else:
        _tell(seen, style, root, most=None if show_all else render.MOST)
    return Exit.OK if valid else Exit.INVALID


def _asked(root: Path, files: tuple[Path, ...], since: str | None, *, changed: bool) -> _Asked | None:
    """What is asked about; None where all is."""
    if changed or since is not None:
        from headrace.cli import changed as git

        base = git.base_of(root, since)
        return _Asked(git.changed(root, base), base, git.beside(root, base))
    return _Asked(tuple(dict.fromkeys(_name(root, file) for file in files)), None) if files else None


def _name(root: Path, file: Path) -> str:
    """A file as faults name it."""
    specs = (root / "specs").resolve()
    path = next((p for p in (file.absolute(), (root / file).absolute()) if p.exists()), None)
    if path is None:
        from headrace.spec.wording import nearest

        meant = nearest(file.name, [p.name for p in specs.iterdir()] if specs.is_dir() else [])
        raise click.UsageError(f"there is no file `{file}`." + (f" Did you mean `specs/{meant}`?" if meant else ""))
    if path.parent.resolve() != specs:
        raise click.UsageError(f"`{file}` is no spec: specs stand in {root / 'specs'}.")
    return f"specs/{path.name}"


def _look(root: Path, environment: str | None, asked: _Asked | None, *, remember: bool) -> _Seen:
    from headrace.cli.remembered import look
    from headrace.cli.schema import keep

    if asked is not None and not asked.files and asked.because is None:
        return _Seen(Report(), None, ())
    seen = look(root, environment, remember=remember)
    keep(root, seen.plugins)
    if asked is None or asked.because is not None:
        return _Seen(seen.report, seen.documents, because=asked.because if asked is not None else None)
    return _only(root, environment, seen.report, asked)


def _mended(root: Path, environment: str | None, asked: _Asked | None, *, write: bool) -> _Seen:
    from headrace.cli import mending
    from headrace.project.mend import mend

    found = mend(root, environment, files=frozenset(asked.files) if asked is not None else None)
    if write:
        mending.write(root, found.before, found.after)
    seen = _only(root, environment, found.left, asked) if asked is not None else _Seen(found.left, None)
    patch = None if write else concealed(mending.difference(found.before, found.after), found.secrets)
    return replace(seen, fixed=found.mended, patch=patch, secrets=found.secrets)


def _selected(root: Path, seen: _Seen, select: tuple[str, ...], exclude: tuple[str, ...]) -> _Seen:
    """The faults of the documents that are meant."""
    from headrace.cli.selecting import chosen

    meant = chosen(root, select, exclude)
    found = [fault for fault in seen.report.found if meant.has(fault)]
    return replace(
        seen,
        report=Report(found, seen.report.texts),
        documents=len(meant.addresses),
        selected=meant.addresses,
        elsewhere=len(seen.report.found) - len(found),
    )


def _only(root: Path, environment: str | None, report: Report, asked: _Asked) -> _Seen:
    """The faults of the files that are asked about, and those elsewhere that they cause."""
    if asked.because is not None:
        return _Seen(report, None, because=asked.because)
    inside = [d for d in report.found if d.span is not None and d.span.file in asked.files]
    outside = [d for d in report.found if d.span is None or d.span.file not in asked.files]
    caused = _caused(root, environment, outside, asked) if outside else []
    return _Seen(Report(inside + caused, report.texts), None, asked.files, len(outside) - len(caused))


def _caused(root: Path, environment: str | None, outside: list[Diagnostic], asked: _Asked) -> list[Diagnostic]:
    """Those that are not there with the files as they were; without git, those that point into them."""
    from headrace import project
    from headrace.cli import changed as git

    try:
        before = git.contents(root, asked.base or git.base_of(root), asked.files)
    except HeadraceError:
        return [d for d in outside if any(span.file in asked.files for span in d.related)]
    old = Report()
    project.judge(root, old, environment, instead=before)
    known = set(old.found)
    return [d for d in outside if d not in known]


def _view(seen: _Seen, *, valid: bool) -> dict[str, Any]:
    view: dict[str, Any] = {"version": VERSION, "valid": valid, **render.counts(seen.report)}
    if seen.files is not None:
        view |= {"files": list(seen.files), "elsewhere": seen.elsewhere}
    if seen.selected is not None:
        view |= {"selected": list(seen.selected), "elsewhere": seen.elsewhere}
    if seen.because is not None:
        view["because"] = seen.because
    if seen.fixed is not None:
        view["fixed"] = render.to_json(Report(list(seen.fixed)), seen.secrets)
    if seen.patch is not None:
        view["diff"] = seen.patch
    return view | {"diagnostics": render.to_json(seen.report, seen.secrets)}


def _tell(seen: _Seen, style: str, root: Path, *, most: int | None) -> None:
    aside = seen.patch is not None  # Then the patch is the result, and goes to `git apply` as it stands.
    if seen.report.found:
        if style == "github":
            from headrace.cli.annotated import annotated

            click.echo(render.to_github(annotated(seen.report, root)), err=aside)
        elif style == "concise":
            click.echo(render.to_concise(seen.report, most=most), err=aside)
        else:
            colour = coloured(sys.stderr if aside else sys.stdout)
            click.echo(render.to_text(seen.report, colour=colour, most=most) + "\n", err=aside)
    if seen.patch is not None:
        click.echo(seen.patch, nl=False)
        if HIDDEN in seen.patch:
            click.echo(f"A secret in the patch is hidden by `{HIDDEN}`: it does not apply, and `headrace validate --fix` does.", err=True)
        return
    for diagnostic in seen.fixed or ():
        span = diagnostic.span
        place = f"{span.file}:{span.line}:{span.column}: " if span is not None else ""
        click.echo(f"{place}fixed[{diagnostic.id}]: {render.told(diagnostic.message)}")
    click.echo(_summary(seen))


def _summary(seen: _Seen) -> str:
    numbers = render.counts(seen.report)
    said = [f"{n} {word if n != 1 else word[:-1]}" for word, n in numbers.items() if n or word == "errors"]
    text = ", ".join(said) if numbers["errors"] or len(said) > 1 else "No errors"
    if seen.fixed is not None:
        mended = len(seen.fixed)
        text = f"{mended} fault{'s' * (mended != 1)} fixed. {text} {'is' if numbers['errors'] == 1 else 'are'} left"
    if seen.documents is not None:
        text += f" in {seen.documents} document{'s' * (seen.documents != 1)}"
    if seen.because is not None:
        text += f" in the whole project, since {seen.because}"
    if seen.files is not None:
        text += f" in {len(seen.files)} file{'s' * (len(seen.files) != 1)}"
    certain = sum(1 for d in seen.report.found if d.certain and d.change)
    if certain and seen.fixed is None:
        text += f"; `headrace validate --fix` mends {certain}"
    if seen.elsewhere and seen.selected is not None:
        text += f"; {seen.elsewhere} in what was not selected"
    elif seen.elsewhere:
        text += f"; {seen.elsewhere} elsewhere, which {'they' if len(seen.files or ()) != 1 else 'it'} did not cause"
    return f"{text}."
