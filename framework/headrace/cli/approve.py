"""`headrace approve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.compiled import GovernanceConfig
    from headrace.governance import Choice, Standing, Voter
    from headrace.steps.workspace import Workspace

VARIABLE = "HEADRACE_KEY"


@click.command("approve")
@click.argument("model", required=False, shell_complete=models)
@click.option("--version", "number", type=click.IntRange(1), help="The version; the one that is asked for, if not given.")
@click.option(
    "--plan", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A plan that was written, in place of a version."
)
@click.option("--request", "request_", metavar="ID", help="The very request, as `headrace approvals` lists it, in place of both.")
@click.option("--reject", is_flag=True, help="Vote against it, which ends it.")
@click.option("--break-glass", is_flag=True, help="Ask to pass the policy over in an emergency, where it allows that.")
@click.option("--reason", required=True, help="What you looked at; kept with the vote.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where your API key is, `-` for standard input; else it is taken from HEADRACE_KEY.",
)
@environment_option
@root_option
@json_option
def command(  # noqa: PLR0917 - what a vote is made of
    model: str | None,
    number: int | None,
    plan: Path | None,
    request_: str | None,
    reason: str,
    key_file: Path | None,
    environment: str | None,
    root: Path,
    *,
    reject: bool,
    break_glass: bool,
    as_json: bool,
) -> None:
    """Vote on a version that waits for approval, on a plan, or on one request.

    The vote is yours by an API key (`headrace keys create --may approve --principal NAME`), taken from HEADRACE_KEY or --key-file, never
    from the command line. Without one you are whom the operating system says, which nothing proves: where the risk is high, or
    `fresh_authentication` is asked for, such a vote is refused (exit 4). So is one of who asked for the version, trained it, or wrote its
    card, of who is in no group that is asked, and a second one.

    \b
    Example:
      headrace approve employment --reason "gates and card read; calibration looks right"
      headrace approve employment --version 7 --reject --reason "the rows of May are missing"
      headrace approve employment --break-glass --reason "incident 4711: version 6 answers nonsense"
      headrace approve --plan plan.json --reason "read with the team"
      headrace approve --request 0f9c27… --reason "as listed; refused where anything of it changed"
    """  # noqa: D301 - click's own mark
    from headrace.governance import Choice

    if reject and break_glass:
        raise click.UsageError("`--reject` and `--break-glass` are two votes: give one")
    choice = Choice.REJECT if reject else Choice.BREAK_GLASS if break_glass else Choice.APPROVE
    key = _key(key_file)
    with open_workspace(root.resolve(), environment) as w:
        if request_ is not None:
            if (model, number, plan) != (None, None, None):
                raise click.UsageError("a request says what it is of: give `--request` alone")
            result = _on_request(w, request_, key, choice, reason)
        elif plan is not None:
            if model is not None or number is not None:
                raise click.UsageError("a plan is of no model and no version: give `--plan` alone")
            result = _on_plan(w, plan, key, choice, reason)
        else:
            result = _on_version(w, model_of(w.config, model), number, key, choice, reason)
    show(result, _text, as_json=as_json)


def _on_version(  # noqa: PLR0917 - what a vote is made of
    w: Workspace, model: str, number: int | None, key: str | None, choice: Choice, reason: str
) -> dict[str, Any]:
    from headrace.registry import admission

    governing = _governing(w)
    chosen = number if number is not None else _waiting(w, model)
    voter = _voter(w, model, key)
    with _keyless(voter, model), w.store.transaction(voter.principal, choice.value, f"model/{model} v{chosen}") as session:
        standing = admission.vote(session, governing, w.config.environment, model, chosen, voter, choice, reason)
    return {**_told(w, voter, choice), "votes": [{"model": model, "version": chosen, **_of(standing)}]}


def _on_plan(w: Workspace, file: Path, key: str | None, choice: Choice, reason: str) -> dict[str, Any]:
    from headrace.apply import approval, checks
    from headrace.cli.apply import read_plan

    told, governing = read_plan(file), _governing(w)
    checks.refuse_altered(told)
    touched = approval.asked(governing, told)
    if told.get("environment") != w.config.environment or not touched:
        message = f"no policy asks anything of this plan in {w.config.environment}"
        raise HeadraceError(Diagnostic("not-governed", message, help="a policy with `on: deploy` does, once it was applied"), Exit.REFUSED)
    voters = {model: _voter(w, model, key) for model in touched}
    voter = next(iter(voters.values()))
    with _keyless(voter, "--plan FILE"), w.store.transaction(voter.principal, choice.value, f"plan {told['digest']}") as session:
        found = approval.vote(session, governing, touched, told, voter, choice, reason)
    return {**_told(w, voter, choice), "votes": [{"model": model, "plan": told["digest"], **_of(one)} for model, one in found.items()]}


def _on_request(w: Workspace, id_: str, key: str | None, choice: Choice, reason: str) -> dict[str, Any]:
    from headrace.registry import request

    governing, here = _governing(w), w.config.environment
    with w.store.read() as session:
        row = request.found(session, here, id_)
    voter = _voter(w, row.model, key)
    standing = request.cast(w.store, governing, here, id_, voter, choice, reason).standing
    what = {"version": row.number} if row.number is not None else {"plan": row.digests["plan"]}
    return {**_told(w, voter, choice), "votes": [{"model": row.model, **what, **_of(standing)}]}


def _governing(w: Workspace) -> GovernanceConfig:
    from headrace.governance import in_force

    with w.store.read() as session:
        return in_force(session, w.config.project, w.config.governance)


def _waiting(w: Workspace, model: str) -> int:
    """The candidate, or the version that was asked for last and is still open."""
    from headrace import governance, registry
    from headrace.store.kinds import ApprovalStatus

    with w.store.read() as session:
        candidate = registry.aliases(session, model).get(registry.CANDIDATE)
        rows = [row for row in governance.listed(session, w.config.environment, model) if row.number is not None]
    if candidate is not None:
        return candidate
    open_ = [row.number for row in rows if row.number is not None and (row.status is ApprovalStatus.OPEN or row.glass is not None)]
    if not open_:
        help_ = "`headrace approvals --all` lists what was asked for; `--version N` names a version"
        raise HeadraceError(Diagnostic("nothing-asked", f"no version of model/{model} waits for approval", help=help_), Exit.REFUSED)
    return open_[-1]


def _key(file: Path | None) -> str | None:
    """The key that was shown; an empty one is a slip, not a vote without one."""
    text = os.environ.get(VARIABLE)
    if file is not None:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8", errors="replace")
    if text is not None and not text.strip():
        raise click.UsageError(f"the key is empty: look at {VARIABLE}, or at --key-file")
    return None if text is None else text.strip()


def _voter(w: Workspace, model: str, key: str | None) -> Voter:
    from headrace.governance import Voter
    from headrace.identity import local_principal
    from headrace.identity.voting import voter
    from headrace.spec.person import person
    from headrace.store import clock

    if key is None:
        return Voter(person(local_principal(w.store)))
    with w.store.read() as session:
        found = voter(session, w.config.environment, model, key)
    if found.principal is None:
        raise AssertionError(found.id)
    return Voter(found.principal, found.id, clock.wall())


@contextmanager
def _keyless(voter: Voter, what: str) -> Iterator[None]:
    """A vote that would not count is refused with who its voter was taken for, where no key said who that is."""
    try:
        yield
    except HeadraceError as error:
        refused = next(iter(error.report))
        if voter.key is not None or refused.id != "may-not-vote":
            raise
        message = f"{refused.message}; without a key you are {voter.principal}, which is this machine's word alone"
        made = "`headrace keys create --name NAME --may approve --principal YOU` makes a key"
        help_ = f"`headrace approve {what} --key-file FILE --reason …`; {made}"
        raise HeadraceError(replace(refused, message=message, help=help_), error.code) from None


def _told(w: Workspace, voter: Voter, choice: Choice) -> dict[str, Any]:
    return {"environment": w.config.environment, "principal": voter.principal, "key": voter.key, "choice": choice.value}


def _of(standing: Standing) -> dict[str, Any]:
    return {
        "request": standing.request.id,
        "outcome": standing.outcome.value,
        "reason": standing.reason,
        "digests": standing.request.digests,
        "break_glass": standing.request.glass,
        "trace": standing.verdict.to_json(),
    }


def _text(result: Mapping[str, Any]) -> str:
    by = f"by key {result['key']}" if result["key"] else "by this machine's word alone: no key was shown"
    lines = [f"You voted `{result['choice']}` as {result['principal']}, {by}."]
    for vote in result["votes"]:
        what = f"version {vote['version']}" if "version" in vote else f"plan {vote['plan']}"
        why = f": {vote['reason']}" if vote["reason"] else ""
        lines.append(f"model/{vote['model']} in {result['environment']}, {what}: {vote['outcome']}{why}")
        if vote["break_glass"]:
            lines.append(f"  passed over until {vote['break_glass']['until']}; to be looked at by {vote['break_glass']['review_by']}")
    return "\n".join(lines)
