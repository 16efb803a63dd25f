"""`headrace subject`: what is stored about a person, its erasure, and the keys that wrap each subject's key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from headrace.steps.workspace import Workspace

entity_option = click.option("--entity", metavar="COLUMN", help="The entity that the ID is one of, where models have several.")


@click.group("subject")
def command() -> None:
    """Export or erase what is stored about a person, and wrap the keys of all persons anew.

    A subject is one value of a model's entity, as requests give it. Values that `serving.journal.personal` says to `encrypt` are encrypted
    by a key of their subject's own, which the environment's `encryption_keys` wrap.

    \b
    Examples:
      headrace subject export 4711 4711.json
      headrace subject erase 4711 --reason "asked on 3 March"
      headrace subject rotate
    """  # noqa: D301 - click's own mark


@command.command("export")
@click.argument("subject", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@entity_option
@environment_option
@root_option
@json_option
def export(subject: str, file: Path, entity: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Write what is stored about the subject with this ID to FILE, as JSON: predictions with their inputs as they were, and outcomes.

    \b
    Example:
      headrace subject export 4711 4711.json
    """  # noqa: D301 - click's own mark
    import json

    from headrace.cli.whole import stream

    with open_workspace(root.resolve(), environment) as w:
        asked = _asked(w, subject, entity)
        _ship(w)
        with w.store.read() as session:
            stored = {part.model: _stored(session, part) for part in asked.parts}
            counts = {name: sum(len(of[name]) for of in stored.values()) for name in ("predictions", "outcomes")}
            if not any(counts.values()):
                raise _nothing(session, asked)
        told = {"entity": asked.entity, "id": subject, "models": stored}
        text = json.dumps(told, indent=2, ensure_ascii=False, default=str)
        file.touch(mode=0o600)
        stream(file, (f"{text}\n".encode("utf-8", "replace"),))
        file.chmod(0o600)
    show({"file": str(file), **counts}, lambda t: f"{t['file']}: {t['predictions']} predictions, {t['outcomes']} outcomes", as_json=as_json)


@command.command("erase")
@click.argument("subject", metavar="ID")
@click.option("--reason", required=True, help="Why, for the audit log; name nobody in it.")
@entity_option
@environment_option
@root_option
@json_option
def erase(subject: str, reason: str, entity: str | None, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Destroy the keys of the subject with this ID: what they encrypted cannot be read any more, by anybody.

    Predictions and outcomes stay, and count, without a name that leads to the subject. The audit log has an entry of it, which names
    nobody. Rows of sources, what was made of them, and files of batches are not the journal's: it says where they may be, and what to type.

    \b
    Example:
      headrace subject erase 4711 --reason "asked on 3 March"
    """  # noqa: D301 - click's own mark
    from headrace.journal import subjects

    with open_workspace(root.resolve(), environment) as w:
        asked = _asked(w, subject, entity)
        _ship(w)
        keks = {part.model: part.keks for part in asked.parts}
        done = subjects.erase(w.store, w.actor, asked.names, keks, reason=reason)
        if done is None:
            with w.store.read() as session:
                raise _nothing(session, asked)
        w.witness()
        with w.store.read() as session:
            wrapped = {part.model: subjects.wrapped_by(session, part.model) for part in asked.parts}
            left = _left(session, w, asked)
    told = {**done._asdict(), "at": done.at.isoformat(timespec="seconds"), "wrapped_by": wrapped, "entity": asked.entity, "left": left}
    show(told, _erased, as_json=as_json)


@command.command("rotate")
@environment_option
@root_option
@json_option
def rotate(environment: str | None, root: Path, *, as_json: bool) -> None:
    """Wrap every subject's key by the first of `encryption_keys`, so that the others can be destroyed; no value is encrypted anew.

    It can be stopped and called again at any time, and servers go on meanwhile.

    \b
    Example:
      headrace subject rotate
    """  # noqa: D301 - click's own mark
    from headrace.journal import subjects

    with open_workspace(root.resolve(), environment) as w:
        _ship(w)
        found = {}
        for part in _parts(w):
            if part.keks:
                try:
                    done = subjects.rewrap(w.store, w.actor, part.model, part.keks)
                except KeyError as error:
                    message = f"keys of model/{part.model} are wrapped by {error}, and `encryption_keys` has none of that id"
                    raise HeadraceError(
                        Diagnostic("personal-key", message, help="name the old key behind the new one"), Exit.INVALID
                    ) from None
                except ValueError as error:
                    raise HeadraceError(Diagnostic("personal-key", f"model/{part.model}: {error}"), Exit.INVALID) from None
                with w.store.read() as session:
                    found[part.model] = {"anew": done, "wrapped_by": subjects.wrapped_by(session, part.model)}
    show({"models": found}, _rotated, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a model's journal knows a subject by."""

    model: str
    entity: str
    names: tuple[str, ...]
    """The entity as the journal has it, and as it had it where it was not hashed once."""
    keks: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One subject, in every model that has its entity."""

    entity: str
    id: str
    parts: tuple[_Part, ...]

    @property
    def names(self) -> list[tuple[str, str]]:
        return [(part.model, name) for part in self.parts for name in part.names]


def _parts(w: Workspace, subject: str = "") -> list[_Part]:
    """Of every model that is served."""
    from headrace.compiled import read_serving
    from headrace.secrets import Secrets
    from headrace.serving.journalled import keys, personal

    found, secrets = [], Secrets(w.root)
    for model in w.config.models:
        if (w.root / "flows" / f"{model}.serving.json").is_file():
            config = read_serving(w.root, model)
            veil = personal(config, secrets)
            names = tuple(dict.fromkeys((veil.subject(subject), subject)))
            found.append(_Part(model, config.entity, names, keys(config.journal, secrets)))
    return found


def _asked(w: Workspace, subject: str, entity: str | None) -> _Asked:
    parts = _parts(w, subject)
    known = sorted({part.entity for part in parts})
    if entity is None and len(known) != 1:
        message = f"models have {len(known)} entities: {', '.join(known) or 'none'}"
        raise HeadraceError(Diagnostic("no-subject", message, help="say which by `--entity COLUMN`"), Exit.USAGE)
    chosen = entity or known[0]
    if chosen not in known:
        message = f"no served model has the entity `{chosen[:80]}`"
        raise HeadraceError(Diagnostic("no-subject", message, help=f"they have {', '.join(known) or 'none'}"), Exit.USAGE)
    return _Asked(chosen, subject, tuple(part for part in parts if part.entity == chosen))


def _ship(w: Workspace) -> None:
    """What this machine's spools hold counts, too."""
    from headrace.journal import ship

    for model in w.config.models:
        if (folder := w.root / w.config.spool / model).is_dir():
            ship(w.store, folder)


def _nothing(session: Session, asked: _Asked) -> HeadraceError:
    from headrace.journal import subjects
    from headrace.journal.personal import tag

    tags = [tag(kek, part.model, name) for part in asked.parts for name in part.names for kek in part.keks.values()]
    at: datetime | None = subjects.erased(session, tags)
    said = "nothing is stored about this subject" if at is None else f"this subject was erased on {at:%Y-%m-%d %H:%M}"
    help_ = f"is `{asked.entity}` its entity, and the id as requests give it?" if at is None else None
    return HeadraceError(Diagnostic("no-subject", said, help=help_), Exit.USAGE)


def _stored(session: Session, part: _Part) -> dict[str, Any]:
    from sqlmodel import col, select

    from headrace.cli.journal import opened
    from headrace.journal import subjects
    from headrace.store.tables import Outcome, Prediction

    opening = subjects.Opening(session, part.keks)
    asked = select(Prediction).where(Prediction.model == part.model, col(Prediction.entity).in_(part.names))
    known = select(Outcome).where(Outcome.model == part.model, col(Outcome.entity).in_(part.names))
    return {
        "predictions": [
            {**row.model_dump(mode="json"), "inputs": {name: opened(opening, row.id, name, value) for name, value in row.inputs.items()}}
            for row in session.exec(asked.order_by(col(Prediction.seq)))
        ],
        "outcomes": [row.model_dump(mode="json") for row in session.exec(known.order_by(col(Outcome.id)))],
    }


def _erased(told: Mapping[str, Any]) -> str:
    lines = [f"erased: {told['keys']} keys destroyed, {told['predictions']} predictions and {told['outcomes']} outcomes without a name"]
    return "\n".join([*lines, f"the audit log has it as subject/{told['id']}", *_elsewhere(told), *_backups(told["wrapped_by"])])


def _left(session: Session, w: Workspace, asked: _Asked) -> dict[str, Any]:
    """Where rows of the subject may be that no key of its own encrypts: sources by its entity, blobs of versions by number, kept values."""
    from sqlmodel import col, select

    from headrace import registry
    from headrace.store.featured import FeatureValues, FeatureVersion

    rows: dict[str, dict[str, list[str]]] = {}
    for part in asked.parts:
        for version in registry.versions(session, part.model):
            named = (version.manifest.get("digests", {}).get("data"), version.manifest.get("reference"))
            if kept := [digest for digest in dict.fromkeys(named) if digest and w.store.blobs.exists(digest)]:
                rows.setdefault(part.model, {})[str(version.number)] = kept
    return {
        "sources": sorted(name for name, source in w.config.sources.items() if asked.entity in source.columns),
        "rows": rows,
        "views": sorted(
            set(session.exec(select(FeatureVersion.view).join(FeatureValues, col(FeatureValues.version_id) == FeatureVersion.id)))
        ),
        "online": any((w.root / w.config.online).glob("*")),
    }


def _elsewhere(told: Mapping[str, Any]) -> Iterator[str]:
    """What to do about what stays."""
    from headrace.plan.told import counted

    left, entity = told["left"], told["entity"]
    yield "not erased, since it is yours, or was made of what is yours:"
    yield from (f"  source/{name}: delete its rows by `{entity}` where they are" for name in left["sources"])
    for model, kept in left["rows"].items():
        yield f"  model/{model}: {counted(len(kept), 'version')} learned from rows that are kept, in the blobs that `--json` names;"
        yield f"    once they are gone at their source, `headrace run train {model}`, then `headrace models delete {model}@N --reason …`"
        yield "    for the versions before, and delete these blobs"
    yield from (f"  feature_view/{name}: what is kept of it; `headrace features history {name}` lists that" for name in left["views"])
    if left["online"]:
        yield "  events for servers: `headrace features materialize`, once they are gone at their source"
    yield f"  files that batches wrote: delete their rows by `{entity}`"


def _backups(wrapped: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    if any(wrapped.values()):
        yield "a backup that was made before can be read by the key that wrapped it: `headrace subject rotate` lets you destroy that one"


def _rotated(told: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (f"model/{model}", str(of["anew"]), ", ".join(f"{kek}: {count}" for kek, count in of["wrapped_by"].items()) or "none")
        for model, of in told["models"].items()
    ]
    return table(rows, ("model", "wrapped anew", "keys by what wraps them")) if rows else "no model encrypts anything"
