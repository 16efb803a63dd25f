"""`headrace keys`: who may ask the servers of an environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models as models_there
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show, table

if TYPE_CHECKING:
    from headrace.identity.keys import Issued
    from headrace.identity.scopes import Scope
    from headrace.store.keyed import ApiKey


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """`90d` as a timedelta."""
    from headrace.spec.quantity import duration

    try:
        return None if value is None else duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _scopes(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[Scope, ...]:
    """Each once, as it may be."""
    from headrace.identity.scopes import SCOPES

    if unknown := [word for word in value if word not in SCOPES]:
        raise click.BadParameter(f"`{unknown[0][:40]}` is none of {', '.join(SCOPES)}", ctx, param)
    return tuple(scope for scope in SCOPES if scope in value)


@contextmanager
def _file(out: Path | None) -> Iterator[Callable[[str], object]]:
    """How a key is written into its new file, mode 600; the file is gone again where no key was made."""
    if out is None:
        yield lambda _: None
        return
    try:
        file = os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{out}: {error.strerror}", param_hint="--out") from None
    try:
        with file:
            yield lambda key: file.write(f"{key}\n")
    except BaseException:
        out.unlink()
        raise


@click.group("keys")
def command() -> None:
    """Make, list, rotate and revoke the API keys of an environment.

    A server asks for one where its model says `serving: {auth: {keys: true}}`.

    \b
    Examples:
      headrace keys create --name billing --model employment --expires 90d
      headrace keys rotate 4f0c2h8kq1zd --overlap 24h
      headrace keys revoke 4f0c2h8kq1zd
    """  # noqa: D301 - click's own mark


@command.command("create")
@click.option("--name", required=True, help="Whose it is, as lists and traces show it.")
@click.option(
    "--model", "models", multiple=True, shell_complete=models_there, help="A model that it may ask; may be given again. All, if none."
)
@click.option(
    "--may",
    "scopes",
    multiple=True,
    callback=_scopes,
    metavar="SCOPE",
    default=("predict",),
    show_default=True,
    help="What it may do: `predict`; tell `outcomes` and events; `observe` metrics and metadata; `manage` what is loaded; `approve`, with"
    " `--principal`. Again for more.",
)
@click.option("--principal", metavar="NAME", help="Who votes by it, as groups name their members: `alice@example.com`.")
@click.option("--expires", callback=_duration, metavar="DURATION", help="How long it holds, such as `90d`; for ever, if not given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the key into this new file, which its owner alone can read, and print it nowhere.",
)
@environment_option
@root_option
@json_option
def create(  # noqa: PLR0917 - what a key is made of
    name: str,
    models: tuple[str, ...],
    scopes: tuple[Scope, ...],
    principal: str | None,
    expires: timedelta | None,
    out: Path | None,
    environment: str | None,
    root: Path,
    *,
    as_json: bool,
) -> None:
    """Make a key, and show it this once: the store keeps a digest of it alone.

    \b
    Example:
      headrace keys create --name billing --model employment --expires 90d
      headrace keys create --name "Alice votes" --may approve --principal alice@example.com --out alice.key
    """  # noqa: D301 - click's own mark
    from headrace.identity import keys

    whose = _principal(principal, scopes)
    with open_workspace(root.resolve(), environment) as w, _file(out) as write:
        asked = [model_of(w.config, model) for model in models] or None
        made = keys.issue(
            w.store,
            w.actor,
            name=_name(name),
            models=asked,
            environment=w.config.environment,
            expires=expires,
            scopes=scopes,
            principal=whose,
        )
        write(made.text)
    show(_issued(made, out), _shown, as_json=as_json)


@command.command("list")
@environment_option
@root_option
@json_option
def listed(environment: str | None, root: Path, *, as_json: bool) -> None:
    """List keys, what they may ask, until when, and when each was last used; what is secret of them nobody knows.

    \b
    Example:
      headrace keys list --json
    """  # noqa: D301 - click's own mark
    from headrace.identity import keys

    with open_workspace(root.resolve(), environment) as w, w.store.read() as session:
        found = [_told(row) for row in keys.listed(session, w.config.environment)]
        told = {"environment": w.config.environment, "keys": found}
    show(told, _table, as_json=as_json)


@command.command("rotate")
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    callback=_duration,
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="How long the old key goes on beside the new one.",
)
@environment_option
@root_option
@json_option
def rotate(key_id: str, overlap: timedelta, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Make a key in place of the one with this ID, which ends after the overlap; the new one is shown this once.

    \b
    Example:
      headrace keys rotate 4f0c2h8kq1zd --overlap 24h
    """  # noqa: D301 - click's own mark
    from headrace.identity import keys

    with open_workspace(root.resolve(), environment) as w:
        made = keys.rotate(w.store, w.actor, key_id, environment=w.config.environment, overlap=overlap)
    show(_issued(made), _shown, as_json=as_json)


@command.command("revoke")
@click.argument("key_id", metavar="ID")
@environment_option
@root_option
@json_option
def revoke(key_id: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """End the key with this ID; servers that reach the store refuse it within a second.

    \b
    Example:
      headrace keys revoke 4f0c2h8kq1zd
    """  # noqa: D301 - click's own mark
    from headrace.identity import keys

    with open_workspace(root.resolve(), environment) as w:
        row = keys.revoke(w.store, w.actor, key_id, environment=w.config.environment)
    show(_told(row), lambda told: f"Key {told['id']} ({told['name']}) is revoked.", as_json=as_json)


def _principal(name: str | None, scopes: tuple[Scope, ...]) -> str | None:
    """Who votes by a key that may; a key for votes without a voter, or a voter without votes, is a slip."""
    from headrace.spec.person import person

    if (name is None) is ("approve" in scopes):
        raise click.BadParameter("`--may approve` and `--principal NAME` go together: a vote is somebody's", param_hint="--principal")
    if name is None:
        return None
    whose = person(_name(name))
    if not whose.startswith("user:"):
        raise click.BadParameter(f"`{name[:40]}` is no person: what acts by itself may not vote", param_hint="--principal")
    return whose


def _name(text: str) -> str:
    if not text.strip() or len(text) > 80 or not text.isprintable():  # noqa: PLR2004 - what a line of a table takes
        raise click.BadParameter("write 1 to 80 printable characters", param_hint="--name")
    return text.strip()


def _issued(made: Issued, file: Path | None = None) -> dict[str, Any]:
    return {**_told(made.row), **({"key": made.text} if file is None else {"file": str(file)})}


def _told(row: ApiKey) -> dict[str, Any]:
    from headrace.identity import keys
    from headrace.store import clock

    times = ("created_at", "expires_at", "revoked_at", "used_at")
    return {
        **{name: getattr(row, name) for name in ("id", "name", "models", "scopes", "principal", "environment", "actor", "replaces")},
        **{name: None if (at := getattr(row, name)) is None else at.isoformat(timespec="seconds") for name in times},
        "state": keys.state(row, clock.wall()),
    }


def _shown(told: Mapping[str, Any]) -> str:
    whom = "all models" if told["models"] is None else ", ".join(f"model/{name}" for name in told["models"])
    until = "for ever" if told["expires_at"] is None else f"until {told['expires_at']}"
    votes = "" if told["principal"] is None else f"It votes as {told['principal']}.\n"
    says = f"Key {told['id']} ({told['name']}) may {_may(told)} {whom} in {told['environment']} {until}.\n{votes}"
    if "file" in told:
        return f"{says}It stands in {told['file']}, and nowhere else."
    return f"{told['key']}\n\n{says}It is shown this once: send it as `Authorization: Bearer KEY`, or as `X-API-Key: KEY`."


def _table(told: Mapping[str, Any]) -> str:
    if not told["keys"]:
        return f"environment {told['environment']} has no keys (`headrace keys create --name NAME` makes one)"
    rows: list[tuple[str, ...]] = [
        (
            key["id"],
            key["name"],
            "all" if key["models"] is None else ", ".join(key["models"]),
            _may(key),
            key["state"],
            _day(key["expires_at"], "never"),
            _day(key["used_at"], "never"),
        )
        for key in told["keys"]
    ]
    return table(rows, ("id", "name", "models", "may", "state", "expires", "last used"))


def _may(told: Mapping[str, Any]) -> str:
    return "all" if told["scopes"] is None else ", ".join(told["scopes"])


def _day(at: str | None, none: str) -> str:
    return none if at is None else at[:16].replace("T", " ")
