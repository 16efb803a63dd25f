"""`headrace audit`: who changed what, and whether the log that says so is still what it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headrace.cli.completing import addresses
from headrace.cli.place import environment_option, json_option, open_workspace, root_option
from headrace.cli.view import show, table
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.audit.verify import Findings, PublicKey, Witnessed
    from headrace.store.tables import Audit
    from headrace.store.trail import Asked

_LONGEST = 500
F = TypeVar("F", bound=Callable[..., Any])


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """`2026-03-01`, `2026-03-01T09:30`, or `7d` for seven days ago."""
    from headrace.spec.quantity import duration
    from headrace.store import clock

    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        try:
            return clock.wall() - duration(value)
        except ValueError:
            raise click.BadParameter(f"`{value[:40]}` is no time: 2026-03-01, 2026-03-01T09:30 (UTC), or 7d ago", ctx, param) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _reason(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value.strip() or len(value) > _LONGEST:
        raise click.BadParameter(f"write 1 to {_LONGEST} characters", ctx, param)
    return value.strip()


def _filters(command: F) -> F:
    """The options that say which entries are meant."""
    for option in (
        click.option("--until", callback=_moment, metavar="TIME", help="Before then."),
        click.option("--since", callback=_moment, metavar="TIME", help="From then on: 2026-03-01, 2026-03-01T09:30 (UTC), or 7d ago."),
        click.option("--subject", shell_complete=addresses, help="What was changed, such as model/churn; `model/` is every model."),
        click.option("--action", help="What was done, such as apply or judge."),
        click.option("--actor", help="Who did it, such as user:ana or service:train."),
    ):
        command = option(command)
    return command


@click.group("audit")
def command() -> None:
    """Read the audit log, prove what stands in it, and check that nobody changed it.

    \b
    Examples:
      headrace audit list --subject model/employment
      headrace audit verify
      headrace audit export audit.jsonl
    """  # noqa: D301 - click's own mark


@command.command("list")
@_filters
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest ones, at most so many.")
@click.option("--counts", is_flag=True, help="What repeats many times a second instead, which is counted by the hour and is no entry.")
@environment_option
@root_option
@json_option
def listed(  # noqa: PLR0917 - the filters
    actor: str | None,
    action: str | None,
    subject: str | None,
    since: datetime | None,
    until: datetime | None,
    environment: str | None,
    root: Path,
    *,
    limit: int,
    counts: bool,
    as_json: bool,
) -> None:
    """List entries, oldest first: who did what to what, and when.

    \b
    Example:
      headrace audit list --actor user:ana --since 7d
    """  # noqa: D301 - click's own mark
    from headrace.store import trail

    asked = trail.Asked(actor, action, subject, since, until)
    with open_workspace(root.resolve(), environment) as w, w.store.read() as session:
        if counts:
            told: dict[str, Any] = {"counts": [_counted(row) for row in trail.counts(session, asked, limit)]}
        else:
            told = {"entries": [_told(row) for row in trail.entries(session, asked, newest=limit)]}
    show(told, _counts if counts else _entries, as_json=as_json)


@command.command("show")
@click.argument("seq", type=click.IntRange(min=0))
@environment_option
@root_option
@json_option
def shown(seq: int, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Show one entry as its bytes say it, and its hash in the tree.

    \b
    Example:
      headrace audit show 12
    """  # noqa: D301 - click's own mark
    with open_workspace(root.resolve(), environment) as w, w.store.read() as session:
        row = _entry(session, seq)
        told = {**json.loads(row.body), "leaf": row.leaf.hex()}
    show(told, lambda told: json.dumps(told, indent=2, ensure_ascii=False), as_json=as_json)


@command.command("prove")
@click.argument("seq", type=click.IntRange(min=0))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@environment_option
@root_option
@json_option
def proven(seq: int, file: Path, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Write a bundle that proves one entry: it, its path in the tree, and the signed checkpoints.

    \b
    Example:
      headrace audit prove 12 entry.jsonl
    """  # noqa: D301 - click's own mark
    from headrace.store.trail import Asked

    with open_workspace(root.resolve(), environment) as w:
        with w.store.read() as session:
            _entry(session, seq)
        told = _bundled(w, Asked(seq=seq), file)
    show(told, _wrote, as_json=as_json)


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_filters
@environment_option
@root_option
@json_option
def export(  # noqa: PLR0917 - the filters
    file: Path,
    actor: str | None,
    action: str | None,
    subject: str | None,
    since: datetime | None,
    until: datetime | None,
    environment: str | None,
    root: Path,
    *,
    as_json: bool,
) -> None:
    """Publish a checkpoint, and write a bundle of entries that can be checked without this store.

    Without a filter it holds the whole log; with one, those entries, each with its proof. Check it on any machine by
    `python verify.py FILE --key KEY.pub`; the verifier is the one file `headrace/audit/verify.py`.

    \b
    Examples:
      headrace audit export audit.jsonl
      headrace audit export churn.jsonl --subject model/churn --since 2026-01-01
    """  # noqa: D301 - click's own mark
    from headrace.store.trail import Asked

    with open_workspace(root.resolve(), environment) as w:
        told = _bundled(w, Asked(actor, action, subject, since, until), file)
    show(told, _wrote, as_json=as_json)


@command.command("checkpoint")
@environment_option
@root_option
@json_option
def checkpoint(environment: str | None, root: Path, *, as_json: bool) -> None:
    """Sign the log as it stands, and hand that to every witness; refused (exit 4) where one has seen another log.

    \b
    Example:
      headrace audit checkpoint
    """  # noqa: D301 - click's own mark
    from base64 import b64encode

    with open_workspace(root.resolve(), environment) as w:
        found = w.seal.publish(w.store)
        if found is None:
            raise _no_entry("nothing was written yet: there is no log to sign")
        made, news = found
        witnesses = {name: "took it" if name in news else "has it" for name in w.seal.named()}
    told = {"log": made.origin, "size": made.size, "root": b64encode(made.root).decode(), "witnesses": witnesses}
    show(told, _checkpoint, as_json=as_json)


@command.command("recover")
@click.option("--reason", required=True, callback=_reason, help="Why the store was put back, for the log; name nobody in it.")
@environment_option
@root_option
@json_option
def recover(reason: str, environment: str | None, root: Path, *, as_json: bool) -> None:
    """Say in the log that the store was put back from an older backup, on purpose, and have every witness that saw more take that.

    The entry names what is given up. It is in the log and with the witnesses for ever, and `verify` tells of it; without it, a log that
    was put back is refused.

    \b
    Example:
      headrace audit recover --reason "the disk of 3 March was lost"
    """  # noqa: D301 - click's own mark
    with open_workspace(root.resolve(), environment) as w:
        done = w.seal.recover(w.store, w.actor, reason)
    show({"entry": done.seq, "had": done.had, "witnesses": list(done.witnesses)}, _recovered, as_json=as_json)


@command.command("verify")
@click.argument("bundle", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", metavar="KEY", help="The public key to check by, as its text or a file that holds it; else this machine's own.")
@click.option(
    "--checkpoint",
    "held",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A witness's file that you have by another way; may be given again.",
)
@environment_option
@root_option
@json_option
def verified(bundle: Path | None, key: str | None, held: tuple[Path, ...], environment: str | None, root: Path, *, as_json: bool) -> int:
    """Check every entry, the tree, and each checkpoint that the witnesses took; or a BUNDLE, without the store.

    It ends with 0 where all is sound, 4 where something was changed, taken away or put back, and 7 where what is needed to say so is not
    there, such as a checkpoint or the key. Entries after the last checkpoint are vouched for by the database alone.

    \b
    Examples:
      headrace audit verify
      headrace audit verify audit.jsonl --key key.pub
    """  # noqa: D301 - click's own mark
    from headrace.audit.verify import Findings, PublicKey, Refused

    findings = Findings()
    try:
        pinned = None if key is None else PublicKey.given(key)
    except Refused as error:
        raise click.BadParameter(str(error), param_hint="--key") from None
    told = _judge_bundle(bundle, pinned, held, findings) if bundle else _judge_store(root, environment, pinned, held, findings)
    more = {"tampered": findings.tampered, "missing": findings.missing, "recovered": findings.recovered}
    result = {"verdict": findings.verdict, **told, **more}
    show(result, _verdict, as_json=as_json)
    return findings.code


def _judge_store(root: Path, environment: str | None, key: PublicKey | None, held: tuple[Path, ...], findings: Findings) -> dict[str, Any]:
    from headrace.audit.verify import Refused
    from headrace.audit.witness import Witness
    from headrace.store import trail

    with open_workspace(root.resolve(), environment) as w:
        records: dict[str, list[Witnessed]] = {}
        # Before the store is looked at: an apply that publishes meanwhile would seem to be ahead of it.
        for name, witness in {**w.seal.named(), **{str(path): Witness(path) for path in held}}.items():
            try:
                records[name] = witness.records()
            except Refused as error:
                findings.tampered.append(f"{name}: {error}")
            except OSError as error:
                findings.missing.append(f"{name}: {error.strerror}")
        with w.store.read() as session:
            return trail.judge(session, key or w.seal.public(), records, findings)


def _judge_bundle(bundle: Path, key: PublicKey | None, held: tuple[Path, ...], findings: Findings) -> dict[str, Any]:
    from headrace.audit.verify import Refused, judge_bundle, witnessed

    try:
        kept = [witnessed(path.read_text(encoding="utf-8")) for path in held]
        with bundle.open(encoding="utf-8", newline="\n") as lines:
            return judge_bundle(lines, key, kept, findings)
    except (Refused, UnicodeDecodeError) as error:
        findings.tampered.append(str(error))
        return {}


def _bundled(w: Any, asked: Asked, file: Path) -> dict[str, Any]:  # noqa: ANN401 - the workspace, which is loaded late
    """A checkpoint of now, and a bundle up to it; whole or not at all."""
    from headrace.audit.verify import Checkpoint, opened
    from headrace.cli.whole import stream
    from headrace.store import trail

    found = w.seal.publish(w.store)
    if found is None:
        raise _no_entry("nothing was written yet: there is no log to export")
    made, key = found[0], w.seal.public()
    records = next(iter(w.seal.named().values())).records()
    taken = [Checkpoint.parse(opened(record.note, key)) for record in records]
    # The last one: where the log was put back, an earlier one may have as many entries.
    upto = max(place for place, one in enumerate(taken, 1) if one == made)
    with w.store.read() as session:
        lines = trail.bundle(session, asked, key, records[:upto], made.size)
        count = stream(file, (line.encode() for line in lines))
    return {"file": str(file), "entries": count - 1, "size": made.size, "log": made.origin, "key": str(key)}


def _entry(session: Any, seq: int) -> Audit:  # noqa: ANN401 - a session, which is loaded late
    from headrace.store.tables import Audit

    row: Audit | None = session.get(Audit, seq)
    if row is None:
        raise _no_entry(f"the audit log has no entry {seq}")
    return row


def _no_entry(message: str) -> HeadraceError:
    return HeadraceError(Diagnostic("no-entry", message, help="type `headrace audit list`"), Exit.USAGE)


def _told(row: Audit) -> dict[str, Any]:
    said = json.loads(row.body)
    more = {name: said.get(name) for name in ("id", "reason", "before", "after")}
    times = {"at": row.at.isoformat(timespec="seconds"), "recorded_at": row.recorded_at.isoformat(timespec="seconds")}
    return {"seq": row.seq, **times, "actor": row.actor, "action": row.action, "subject": row.subject, **more}


def _counted(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row, whose table is loaded late
    return {**{name: getattr(row, name) for name in ("actor", "action", "subject", "n")}, "hour": row.hour.isoformat(timespec="minutes")}


def _entries(told: Mapping[str, Any]) -> str:
    if not told["entries"]:
        return "no entry is as asked for"
    rows: list[tuple[str, ...]] = [
        (str(e["seq"]), e["recorded_at"][:19].replace("T", " "), e["actor"], e["action"], e["subject"], e["reason"] or "")
        for e in told["entries"]
    ]
    return table(rows, ("seq", "when", "actor", "action", "subject", "reason"))


def _counts(told: Mapping[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (c["hour"][:16].replace("T", " "), c["actor"], c["action"], c["subject"], str(c["n"])) for c in told["counts"]
    ]
    return table(rows, ("hour", "actor", "action", "subject", "times")) if rows else "nothing was counted"


def _wrote(told: Mapping[str, Any]) -> str:
    return f"{told['file']}: {told['entries']} of {told['size']} entries\nkey: {told['key']}"


def _checkpoint(told: Mapping[str, Any]) -> str:
    return "\n".join([f"{told['size']} entries, root {told['root']}", *(f"{name} {said}" for name, said in told["witnesses"].items())])


def _verdict(told: Mapping[str, Any]) -> str:
    size = told.get("size", 0)
    lines = [f"{told['verdict']}: {size} entries, {told.get('checkpoints', 0)} checkpoints"]
    if "covered" in told and told["covered"] < size:
        lines.append(f"{size - told['covered']} came after the last checkpoint")
    return "\n".join([*lines, *told["tampered"], *told["missing"], *(f"recovered: {line}" for line in told["recovered"])])


def _recovered(told: Mapping[str, Any]) -> str:
    lines = [f"entry {told['entry']} gives up what the log had after it was put back, up to {told['had']} entries"]
    return "\n".join([*lines, *(f"{name} took it" for name in told["witnesses"])])
