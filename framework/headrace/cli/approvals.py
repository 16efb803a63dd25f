"""`headrace approvals`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, model_of, open_workspace, root_option
from headrace.cli.view import show


@click.command("approvals")
@click.argument("model", required=False, shell_complete=models)
@click.option("--all", "every", is_flag=True, help="Those that were decided, too.")
@environment_option
@root_option
@json_option
def command(model: str | None, environment: str | None, root: Path, *, every: bool, as_json: bool) -> None:
    """List what waits for approval: what it is by its digests, how it compares with the champion, who may vote, who has.

    \b
    Example:
      headrace approvals
      headrace approvals employment --all --json
    """  # noqa: D301 - click's own mark
    from headrace.governance import in_force
    from headrace.registry import asked

    with open_workspace(root.resolve(), environment) as w:
        name = None if model is None else model_of(w.config, model)
        with w.store.read() as session:
            governing = in_force(session, w.config.project, w.config.governance)
            found = asked.requests(session, governing, w.config.environment, name, every=every)
        result = {"environment": w.config.environment, "requests": found}
    show(result, _text, as_json=as_json)


def _text(result: Mapping[str, Any]) -> str:
    if not result["requests"]:
        return f"environment {result['environment']}: nothing waits for approval"
    return "\n\n".join(["\n".join(_lines(request)) for request in result["requests"]])


def _lines(request: Mapping[str, Any]) -> Iterator[str]:
    what = f"version {request['version']}" if request["version"] is not None else "a plan"
    why = f": {request['reason']}" if request["reason"] else ""
    yield f"model/{request['model']} in {request['environment']}, {what}: {request['status']}{why}"
    yield f"  request  {request['request']}"
    yield f"  asked    {request['requested_at'][:19]} by {', '.join(request['requesters']) or 'a flow'}" + (
        f", lapses {request['deadline'][:19]}" if request["deadline"] else ""
    )
    yield from (f"  {name.ljust(11)}{digest}" for name, digest in sorted(request["digests"].items()) if digest is not None)
    if request["changed"]:
        yield f"  changed  {', '.join(request['changed'])}: these votes no longer count"
    if request["break_glass"]:
        yield f"  PASSED OVER by {', '.join(request['break_glass']['by'])} until {request['break_glass']['until'][:19]}"
        yield f"  look at it by {request['break_glass']['review_by'][:19]}"
    if request["overdue"]:
        yield f"  OVERDUE  it went on without approval, and nobody looked at it in time (said {request['overdue'][:19]})"
    yield from _evidence(request["evidence"])
    for ruling in request["trace"]:
        mode = " (warns)" if ruling["mode"] == "warn" else ""
        yield f"  policy   {ruling['policy']}{mode}: {ruling['outcome']}"
        yield from (f"    {_HOLDS[item['holds']]}  {item['id']}: {item['when']}" for item in ruling["require"])
        for tally in ruling["approvals"]:
            yield f"    {tally['have']} of {tally['quorum']} votes of {', '.join(tally['groups'])}"
            yield from (
                f"      {vote['principal']}: {vote['choice']}" + (f", not counted: {vote['why_not']}" if vote["why_not"] else "")
                for vote in tally["votes"]
            )
    for person in request["may_vote"]:
        yield f"  {'may vote' if person['why_not'] is None else 'may not '} {person['principal']}" + (
            f": {person['why_not']}" if person["why_not"] else ""
        )


_HOLDS = {True: "holds", False: "does not hold", None: "not known"}


def _evidence(evidence: Mapping[str, Any] | None) -> Iterator[str]:
    """Metrics beside the champion's, and the gates that did not pass."""
    if evidence is None:
        return
    own, champion = evidence["version"], evidence["champion"]
    for name, value in own["metrics"].items():
        before = None if champion is None else champion["metrics"].get(name)
        against = f" (champion {champion['number']}: {before:.4f})" if champion is not None and before is not None else ""
        yield f"  metric   {name} {'not defined' if value is None else f'{value:.4f}'}{against}"
    failed = [gate["gate"] + (" (warns)" if gate["mode"] == "warn" else "") for gate in own["gates"] if not gate["passed"]]
    yield f"  gates    {len(own['gates']) - len(failed)} of {len(own['gates'])} passed" + (f"; not: {', '.join(failed)}" if failed else "")
