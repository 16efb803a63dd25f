"""`headrace card`: what is written of versions, by people and by machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli import card_view
from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.registry import CardOf, Version
    from headrace.spec import Model
    from headrace.steps.workspace import Workspace

version_argument = click.argument("version", metavar="MODEL[@VERSION]", shell_complete=models)
card_option = click.option("--card", "card_version", type=int, metavar="N", help="One of the version's cards; the newest, if not given.")


@click.group("card")
def command() -> None:
    """Write, check, show and compare the model cards of versions.

    Every version has a card from its registration on. People write the file that `governance.card` names; all else is filled from what was
    recorded. A card is never changed: where anything is another, `card write` writes a new one, and an approval of the one before is void.
    MODEL is `employment` or `model/employment`; VERSION a number, an alias or `latest`, which it is where it is not given.

    \b
    Examples:
      headrace card new employment
      headrace card check employment
      headrace card show employment@3
    """  # noqa: D301 - click's own mark


@command.command("new")
@click.argument("model", shell_complete=models)
@root_option
@json_option
def new(model: str, root: Path, *, as_json: bool) -> None:
    """Write the file that people fill in, with the headings that the model's risk asks for.

    It stands where `governance.card` says, and at cards/MODEL.md where that says nothing. A file that is there is left alone (exit 4).

    \b
    Example:
      headrace card new employment
    """  # noqa: D301 - click's own mark
    from headrace.cli.whole import write as written
    from headrace.spec.card import template
    from headrace.spec.card_file import OutsideError, located

    found = _declared(root, model.removeprefix("model/"))
    governance = found.governance
    file = (governance.card if governance is not None else None) or f"cards/{found.name}.md"
    try:
        path = located(root, file)
    except OutsideError as error:
        help_ = "correct `governance.card` in the model's spec"
        raise HeadraceError(Diagnostic("card-path", f"`{file[:80]}` cannot be a card: {error}", help=help_), Exit.INVALID) from error
    if path.exists():
        help_ = f"`headrace card check {found.name}` says what it lacks"
        raise HeadraceError(Diagnostic("card-exists", f"{file} stands there already", help=help_), Exit.REFUSED)
    risk, sections = (governance.risk, governance.card_sections) if governance is not None else (None, ())
    path.parent.mkdir(parents=True, exist_ok=True)
    written(path, template(f"model/{found.name}", risk, sections).encode())
    named = governance is not None and governance.card is not None
    show({"model": found.name, "file": file, "risk": risk, "named": named}, card_view.new, as_json=as_json)


@command.command("check")
@version_argument
@environment_option
@root_option
@json_option
def check(version: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Say what a version's card lacks of what its model's risk asks for, and where to write it; exit 4 where it lacks anything.

    \b
    Example:
      headrace card check employment
      headrace card check employment@3 --json
    """  # noqa: D301 - click's own mark
    with open_workspace(root, environment) as w, w.store.read() as session:
        found, card = _named(w, session, version)
        told = card.completeness
        result = {
            **_head(card),
            "risk": card.card.risk,
            "complete": told.complete,
            "has": told.has,
            "needs": told.needs,
            "lacking": [{"part": one.part, "need": one.need, "why": one.why, "help": one.help} for one in told.lacking],
            **_edited(w, session, found, card),
        }
    show(result, card_view.check, as_json=as_json)
    if not told.complete:
        raise click.exceptions.Exit(Exit.REFUSED)


@command.command("show")
@version_argument
@card_option
@environment_option
@root_option
@json_option
def show_card(version: str, card_version: int | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Show a version's card: its parts, its digest, its status. `headrace export` writes it in other forms.

    \b
    Example:
      headrace card show employment@3
      headrace card show employment@3 --card 1 --json
      headrace export employment@3 --to card-html --out card
    """  # noqa: D301 - click's own mark
    with open_workspace(root, environment) as w, w.store.read() as session:
        _, card = _named(w, session, version, card_version)
        result = {**_head(card), **card.brief(), "content": card.card.to_json()}
    show(result, card_view.show, as_json=as_json)


@command.command("write")
@version_argument
@environment_option
@root_option
@json_option
def write(version: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Write a version's card again by its file and by what is recorded now; where nothing is another, the newest stays.

    A new card is a draft, and an approval of the one before is void.

    \b
    Example:
      headrace card write employment@3
    """  # noqa: D301 - click's own mark
    from headrace import registry

    with open_workspace(root, environment) as w:
        with w.store.read() as session:
            found = _found(w, session, version)
            before = next(reversed(registry.card_history(session, found.model, found.number)), None)
        said = registry.declared(w.root, w.config.cards.get(found.model))
        if said is not None and said.fault is not None:
            help_ = f"`headrace card new {found.model}` writes one to fill in"
            raise HeadraceError(Diagnostic("card-missing", said.fault, help=help_), Exit.INVALID)
        with w.store.transaction(w.actor, "write", f"card of {found}") as session:
            card = registry.write_card(session, found, at=w.store.clock.now(), said=said)
        new_one = before is None or card.digest != before.digest
        voided = before.approval if new_one and before is not None and before.status == "approved" else None
        result = {**_head(card), **card.brief(), "new": new_one, "voided": voided}
    show(result, card_view.written, as_json=as_json)


@command.command("history")
@version_argument
@environment_option
@root_option
@json_option
def history(version: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """List every card that was written of a version, newest first: who wrote it, how far it came, what approved it.

    \b
    Example:
      headrace card history employment@3
    """  # noqa: D301 - click's own mark
    from headrace import registry

    with open_workspace(root, environment) as w, w.store.read() as session:
        found = _found(w, session, version)
        cards = [
            {
                **one.brief(),
                "at": one.at.isoformat(),
                "actor": one.actor,
                "approval": one.approval,
                "moved_at": one.moved_at.isoformat(),
            }
            for one in reversed(registry.card_history(session, found.model, found.number))
        ]
    show({"model": found.model, "version": found.number, "cards": cards}, card_view.history, as_json=as_json)


@command.command("diff")
@version_argument
@click.option("--from", "before", type=int, metavar="N", help="The older card; the one before, if not given.")
@click.option("--to", "after", type=int, metavar="N", help="The newer card; the newest, if not given.")
@environment_option
@root_option
@json_option
def diff(version: str, before: int | None, after: int | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Say what is another in a newer card of a version; a version's first card is compared with the newest of the version before.

    \b
    Example:
      headrace card diff employment@3
      headrace card diff employment@3 --from 1 --to 2 --json
    """  # noqa: D301 - click's own mark
    from headrace import registry
    from headrace.governance.card import difference

    with open_workspace(root, environment) as w, w.store.read() as session:
        found, new_one = _named(w, session, version, after)
        number = found.number
        card: int | None = new_one.card_version - 1 if before is None else before
        if before is None and card == 0:
            if number == 1:
                message = f"card 1 of {found} is the first of its model: there is nothing to compare it with"
                raise HeadraceError(Diagnostic("no-card", message, help=f"`headrace card show {found.model}@1` shows it"))
            number, card = number - 1, None
        old = registry.card_of(session, found.model, number, card)
        changes = [{"path": one.path, "before": one.before, "after": one.after} for one in difference(old.card, new_one.card)]
        result = {"model": found.model, "from": _head(old), "to": _head(new_one), "changes": changes}
    show(result, card_view.diff, as_json=as_json)


def _found(w: Workspace, session: Session, version: str) -> Version:
    from headrace import registry

    named, _, which = version.partition("@")
    return registry.find(session, model_of(w.config, named), which or "latest")


def _named(w: Workspace, session: Session, version: str, card_version: int | None = None) -> tuple[Version, CardOf]:
    from headrace import registry

    found = _found(w, session, version)
    return found, registry.card_of(session, found.model, found.number, card_version)


def _head(card: CardOf) -> dict[str, Any]:
    return {
        "model": card.model,
        "version": card.number,
        "card_version": card.card_version,
        "digest": card.digest,
        "status": card.status.value,
    }


def _edited(w: Workspace, session: Session, version: Version, card: CardOf) -> Mapping[str, Any]:
    """The file that it is written in, and whether that, or what is recorded, says anything else by now."""
    from headrace import registry

    said = registry.declared(w.root, w.config.cards.get(version.model))
    if said is not None and said.fault is not None:
        return {"file": said.config.file, "fault": said.fault, "edited": False}
    edited = registry.card_now(session, version, said) != card.card
    return {"file": said.config.file if said is not None else None, "fault": None, "edited": edited}


def _declared(root: Path, name: str) -> Model:
    """A model as its spec says, whatever else is wrong in the folder: a card that is missing is a fault, and is written by this."""
    from headrace.diagnostics import Report
    from headrace.project.read import read
    from headrace.spec import Model
    from headrace.spec.decode import decode
    from headrace.spec.wording import nearest

    there: list[str] = []
    for _, node in read(root, Report(), {}).of("model"):
        report = Report()
        spec = decode(node, report)
        if isinstance(spec, Model):
            if spec.name == name:
                return spec
            there.append(spec.name)
    meant = nearest(name, there)
    help_ = f"did you mean `{meant}`?" if meant else "`headrace validate` says what is wrong with the specs"
    raise HeadraceError(Diagnostic("unknown-model", f"there is no model `{name[:80]}` that can be read", help=help_), Exit.USAGE)
