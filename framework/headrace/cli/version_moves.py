"""`headrace models stage | semver | alias | tag | delete`: what a person says of one version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import stages, versions
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.version_address import version_of
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from headrace.registry import Version

version_argument = click.argument("version", metavar="MODEL@VERSION", shell_complete=versions)
reason_option = click.option("--reason", required=True, help="Why; kept for ever beside what was done.")
expect_option = click.option(
    "--expect", metavar="STAGE", shell_complete=stages, help="The stage that it is in, as you believe; refused (exit 4) where it is not."
)


@click.command("stage")
@version_argument
@click.argument("stage", shell_complete=stages)
@reason_option
@expect_option
@environment_option
@root_option
@json_option
def staged(  # noqa: PLR0917 - what the command takes
    version: str, stage: str, reason: str, expect: str | None, environment: str | None, root: Path, *, as_json: bool
) -> None:
    """Move a version to STAGE: rejected, archived, retired, deprecated, or from archived back to registered.

    `validated`, `staging` and `production` are earned: by gates, by being the candidate, and by the rollout. A move that the table of
    stages does not have is refused (exit 4), and says which there are; so is one of a version that answers or waits to.

    \b
    Examples:
      headrace models stage employment@3 archived --reason "older than a year"
      headrace models stage employment@3 retired --reason "its source was closed" --expect deprecated
    """  # noqa: D301 - click's own mark
    from headrace import registry

    wanted = _stage(stage)
    believed = registry.ANY if expect is None else _stage(expect)

    def act(session: Session, found: Version, at: datetime) -> dict[str, Any]:
        registry.set_stage(session, model=found.model, number=found.number, stage=wanted, at=at, reason=reason, expected=believed)
        return {"stage": wanted.value}

    _done(version, environment, root, "stage", act, lambda told: f"{told['version']} is {told['stage']}", as_json=as_json)


@click.command("semver")
@version_argument
@click.argument("semver")
@environment_option
@root_option
@json_option
def numbered(version: str, semver: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Give a version its SEMVER, once; no two versions of a model have the same.

    \b
    Example:
      headrace models semver employment@3 1.4.0
    """  # noqa: D301 - click's own mark
    from headrace import registry

    def act(session: Session, found: Version, _at: datetime) -> dict[str, Any]:
        registry.set_semver(session, model=found.model, number=found.number, semver=semver)
        return {"semver": str(registry.SemVer.parse(semver))}

    _done(version, environment, root, "semver", act, lambda told: f"{told['version']} is {told['semver']}", as_json=as_json)


@click.command("alias")
@version_argument
@click.argument("alias")
@click.option("--drop", is_flag=True, help="Take the alias away from this version.")
@click.option("--reason", default="asked for on the command line", help="Why; recorded with the event.")
@environment_option
@root_option
@json_option
def called(version: str, alias: str, reason: str, environment: str | None, root: Path, *, drop: bool, as_json: bool) -> None:
    """Let ALIAS stand for a version; it stands for one at a time. `champion`, `candidate` and `previous` are moved by rollouts alone.

    \b
    Examples:
      headrace models alias employment@3 shadow
      headrace models alias employment@3 shadow --drop
    """  # noqa: D301 - click's own mark
    from headrace import registry

    if alias in {registry.CHAMPION, registry.CANDIDATE, registry.PREVIOUS}:
        help_ = "`headrace run judge` and `headrace rollback` move it; choose another word"
        raise HeadraceError(Diagnostic("reserved-alias", f"`{alias}` follows gates and rollouts", help=help_), Exit.USAGE)

    def act(session: Session, found: Version, at: datetime) -> dict[str, Any]:
        number, believed = (None, found.number) if drop else (found.number, registry.ANY)
        registry.move(session, model=found.model, alias=alias, number=number, at=at, reason=reason, expected=believed)
        return {"alias": alias, "dropped": drop}

    said = "is no longer" if drop else "is"
    _done(version, environment, root, "alias", act, lambda told: f"{told['version']} {said} called `{alias}`", as_json=as_json)


@click.command("tag")
@version_argument
@click.argument("tag", metavar="NAME=VALUE")
@environment_option
@root_option
@json_option
def tagged(version: str, tag: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Give a version a tag to search by; `NAME=` takes it away.

    \b
    Examples:
      headrace models tag employment@3 tier=gold
      headrace models search "tags.tier == 'gold'"
    """  # noqa: D301 - click's own mark
    from headrace import registry

    name, equals, value = tag.partition("=")
    if not equals:
        raise HeadraceError(Diagnostic("bad-tag", f"`{tag[:80]}` is no tag", help=f"write {tag[:80]}=VALUE"), Exit.USAGE)

    def act(session: Session, found: Version, _at: datetime) -> dict[str, Any]:
        registry.set_tag(session, model=found.model, number=found.number, name=name, value=value or None)
        return {"tag": name, "value": value or None}

    _done(version, environment, root, "tag", act, lambda told: f"{told['version']}: {name} = {value or '(none)'}", as_json=as_json)


@click.command("delete")
@version_argument
@reason_option
@expect_option
@environment_option
@root_option
@json_option
def deleted(version: str, reason: str, expect: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Take a version out of use, for ever: it is listed no more, and nothing may be built on it.

    Its number, digests and history stay, and its number is not given again. Refused (exit 4) while the version is needed: by an alias such
    as champion, candidate or previous, a rollout, requests that it answers, or another version that is made of it.

    \b
    Example:
      headrace models delete employment@3 --reason "trained on rows that had to go"
    """  # noqa: D301 - click's own mark
    from headrace import registry

    believed = registry.ANY if expect is None else _stage(expect)

    def act(session: Session, found: Version, at: datetime) -> dict[str, Any]:
        registry.withdraw(session, model=found.model, number=found.number, at=at, reason=reason, expected=believed)
        return {"withdrawn": reason}

    _done(version, environment, root, "withdraw", act, lambda told: f"{told['version']} is withdrawn: {reason}", as_json=as_json)


def _done(  # noqa: PLR0917 - what all of these commands have
    version: str,
    environment: str | None,
    root: Path,
    action: str,
    act: Callable[[Session, Version, datetime], dict[str, Any]],
    text: Callable[[Any], str],
    *,
    as_json: bool,
) -> None:
    """Find the version and act on it in one transaction, so that what was found is what is acted on."""
    with open_workspace(root, environment) as workspace:
        at = workspace.store.clock.now()
        with workspace.store.transaction(workspace.actor, action, version) as session:
            found = version_of(workspace.config, session, version)
            told = act(session, found, at)
        result = {"environment": workspace.config.environment, "model": found.model, "version": str(found), "number": found.number, **told}
    show(result, text, as_json=as_json)


def _stage(text: str) -> Any:  # noqa: ANN401 - a stage, whose module loads the store
    from headrace.registry import Stage

    if text not in list(Stage):
        from difflib import get_close_matches

        near = get_close_matches(text, list(Stage), n=1)
        help_ = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(Stage)}"
        raise HeadraceError(Diagnostic("illegal-stage", f"there is no stage `{text[:80]}`", help=help_), Exit.USAGE)
    return Stage(text)
