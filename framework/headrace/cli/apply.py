"""`headrace apply`: the plan carried out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.asking import trust
from headrace.cli.place import environment_option, json_option, root_option, running, server_url
from headrace.cli.plan import Intent, look_at_sources, make_plan, open_store, other_environment, read_intent, seal_of, select_options
from headrace.cli.view import ended, progress, show, waiting
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.apply.execute import Outcome
    from headrace.apply.prefect import Door
    from headrace.plan import Observed, Plan, Prepared, Selection
    from headrace.store import Store
    from headrace.store.sealing import Seal

FOLLOW = 120.0
"""How many seconds `--wait` waits for the rollout that a verdict starts."""
WAIT = 7200.0
"""How many seconds `--wait` is patient."""


@click.command("apply")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--allow-prune",
    type=int,
    default=0,
    metavar="N",
    help="Allow N documents to be removed, where that is over a fifth of them or of the models.",
)
@click.option("--no-train", is_flag=True, help="Start no training that a change asks for.")
@click.option(
    "--wait", is_flag=True, help="Wait until the trainings and judgements that were started have ended; 4 where one awaits votes."
)
@click.option("--yes", is_flag=True, help="Ask nothing, on a terminal either.")
@select_options
@environment_option
@root_option
@json_option
def command(
    file: Path | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    environment: str | None,
    root: Path,
    *,
    allow_prune: int,
    now: bool,
    no_train: bool,
    wait: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Carry the plan out: compiled files, deployments, schedules, automations, and the trainings that a change asks for.

    A model with a champion that left the files goes on for 7 days; an apply after that removes it, or one with --now.

    Where only gates changed, the newest version is judged again by them, and nothing is trained.

    With FILE, a plan that `headrace plan --out FILE` wrote; it is refused when anything moved on since then. --select and --exclude are
    those of `headrace plan`: what is left out stays as it was last applied.

    \b
    Example:
      headrace apply
      headrace apply plan.json --wait
      headrace apply --select +model/churn
    """  # noqa: D301 - click's own mark
    from headrace.apply.execute import Work, execute
    from headrace.apply.prefect import Door
    from headrace.apply.record import Journal
    from headrace.apply.stages import stages
    from headrace.identity import local_principal
    from headrace.local.prefect_server import server_for
    from headrace.plan import Selection
    from headrace.store import lock

    intent = read_intent(root, environment)
    told = read_plan(file) if file else None
    selection = Selection(select, exclude, now) if told is None else selection_of(told, select or exclude or now)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(intent.project, intent.root))
        actor = local_principal(store)
        alone = stack.enter_context(ExitStack())
        held = alone.enter_context(lock.hold(store, "apply", actor))
        url = stack.enter_context(server_for(intent.root, worker=wait, say=progress))
        door = stack.enter_context(Door(url, intent.owner))
        door.wait_ready(5.0)
        _refuse_shared_folder(intent, url)
        made, observed = plan_now(intent, store, door, selection)
        refuse(intent, made, told, selection, allow_prune=allow_prune)
        made, faults = look_at_sources(intent, made)
        if not no_train and not faults.ok:
            raise HeadraceError(faults, Exit.INVALID)
        plan = made.plan
        _refuse_unapproved(store, plan, actor)
        if not yes and not as_json:
            _ask(plan)
        steps = stages(plan, made.outputs, made.wanted, observed, driven=made.state.driven, train=not no_train)
        work = Work(made.project, plan, made.wanted, made.outputs, intent.root, door, Journal(store, actor), train=not no_train)

        def heard(status: str, step: str) -> None:
            held.check()
            if status == "intent":
                progress(step)

        outcome = execute(work, steps, heard)
        _witness(seal_of(intent), store)
        alone.close()  # all is recorded: a training takes hours, and locks nobody out
        show(to_result(plan, outcome, url), to_lines, as_json=as_json)
        if wait:
            wait_for(door, outcome, store, intent.root)


def _witness(seal: Seal, store: Store) -> None:
    """Publish a checkpoint of what was applied; what keeps it from that is said, and what was applied stands."""
    from headrace.cli.view import print_report

    try:
        seal.publish(store)
    except HeadraceError as error:
        print_report(error.report)


def _refuse_shared_folder(intent: Intent, url: str) -> None:
    """HeadraceError where deployments of another environment run the flows/ of this folder."""
    from headrace.apply import checks
    from headrace.apply.prefect import Door

    if (before := other_environment(intent)) is not None:
        with Door(url, before) as other:
            checks.refuse_shared_folder(other.observe(), str(intent.root), before, intent.owner)


def _refuse_unapproved(store: Store, plan: Plan, actor: str) -> None:
    """HeadraceError (exit 4) where a policy that was applied before asks for votes on such a plan, and they are not given."""
    from headrace.apply import approval
    from headrace.compiled import GovernanceConfig
    from headrace.governance import in_force
    from headrace.plan import to_json

    with store.read() as session:
        governing = in_force(session, plan.project, GovernanceConfig())
    approval.refuse_unapproved(store, governing, to_json(plan), actor)


def _ask(plan: Plan) -> None:
    """On a terminal, whether to go on."""
    from headrace.plan import to_json, to_text

    if not plan.empty and sys.stdin.isatty() and sys.stdout.isatty():
        click.echo(to_text(to_json(plan)))
        click.confirm("Carry it out?", abort=True)


def refuse(intent: Intent, made: Prepared, told: dict[str, Any] | None, selection: Selection, *, allow_prune: int) -> None:
    """HeadraceError where a saved plan is stale (exit 6), or the plan is blocked or removes too much (exit 4)."""
    from headrace.apply import checks

    if told is not None:
        blind = make_plan(intent, made.state, None, selection).plan if told.get("observed") == "unknown" else None
        checks.refuse_stale(made.plan, told, blind)
    checks.refuse_blocked(made.plan)
    checks.refuse_pruning(made.plan, made.state, allow_prune)


def plan_now(intent: Intent, store: Store, door: Door, selection: Selection) -> tuple[Prepared, Observed]:
    """The plan against what is recorded and observed at this moment, and the part of Prefect that it may touch."""
    from headrace.plan.state import read

    made = make_plan(intent, read(store, intent.root, intent.project), door.observe(), selection)
    if made.observed is None:
        raise AssertionError("a plan that was made with Prefect knows what it holds")
    return made, made.observed


def read_plan(file: Path) -> dict[str, Any]:
    """A plan that was written; HeadraceError where the file is none."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict) or "digest" not in value:
        raise HeadraceError(Diagnostic("no-plan", f"{file} is no plan", help="`headrace plan --out FILE` writes one"), Exit.USAGE)
    return value


def selection_of(told: Mapping[str, Any], chosen: object) -> Selection:
    """What a written plan was narrowed to; HeadraceError where it was altered, or the command line says it again."""
    from headrace.apply import checks
    from headrace.plan import Selection

    checks.refuse_altered(told)
    if chosen:
        raise click.UsageError(
            "a plan that was written is narrowed already: --select, --exclude and --now belong to `headrace plan --out FILE`"
        )
    return Selection(tuple(told["selection"]["select"]), tuple(told["selection"]["exclude"]), told["now"])


def to_result(plan: Plan, outcome: Outcome, url: str) -> dict[str, Any]:
    """What was done, as JSON."""
    from headrace.plan import to_json

    told = to_json(plan)
    ui = url.rstrip("/").removesuffix("/api")
    left = outcome.left
    configs = [file.path for file in plan.files if file.path.endswith(".serving.json")]
    return {
        "project": plan.project,
        "environment": plan.environment,
        "serial": outcome.serial,
        "digest": plan.digest,
        "totals": told["totals"],
        "effects": told["effects"],
        "partial": told["selection"] if plan.selection.partial else None,
        "steps": outcome.steps,
        "runs": [
            {"model": run.model, "flow": run.flow, "run": run.run_id, "url": f"{ui}/runs/flow-run/{run.run_id}"} for run in outcome.runs
        ],
        "resumed": None if left is None else {"apply": left.apply_id, "action": left.action, "subject": left.subject},
        "restart": configs,
        "notes": [
            *plan.notes,
            *(f"{item['address']}: {note}" for item in told["items"] if item["action"] in {"retire", "remove"} for note in item["notes"]),
        ],
    }


def to_lines(result: Mapping[str, Any]) -> str:
    """The text view of `to_result`."""
    from headrace.plan.told import counted

    lines = []
    if left := result["resumed"]:
        lines.append(f"An earlier apply stopped at `{left['action']} {left['subject']}`; this one took it up.")
    lines += [f"  {step}" for step in result["steps"]]
    lines += result["notes"]
    if result["partial"]:
        lines.append("This was a part; `headrace plan` shows what is left.")
    does = {"train": "trains", "judge": "is judged again"}
    lines += [f"model/{run['model']} {does[run['flow']]} in run {run['run']}   {run['url']}" for run in result["runs"]]
    if result["restart"]:
        lines.append(f"{', '.join(result['restart'])} changed: `headrace up` starts its servers again; restart any other server.")
    lines.append(
        f"Applied: {counted(len(result['steps']), 'step')}, serial {result['serial']}." if result["steps"] else "Nothing to apply."
    )
    return "\n".join(lines)


def wait_for(door: Door, outcome: Outcome, store: Store, root: Path) -> None:
    """Wait until every started training or judgement has ended, its verdict has been followed, and a server that `up` runs answers.

    HeadraceError `run-failed` when one has not completed; with exit 4 `candidate-rejected` when a gate said no, and once all have ended
    `awaiting-approval` when a version answers nobody before people have voted.
    """
    waits: list[Diagnostic] = []
    for run in outcome.runs:
        what = f"the {'training' if run.flow == 'train' else 'judgement'} of model/{run.model}"
        progress(f"waiting for {what} …")
        state, name, message = door.wait(run.run_id, WAIT)
        if state != "COMPLETED":
            raise HeadraceError(
                Diagnostic(
                    "run-failed",
                    f"{what} ended {name}: {message}",
                    help="the worker's log tells more: .headrace/logs/prefect-worker.log",
                )
            )
        if run.flow == "judge" and not tell_judgement(store, run.model):
            continue
        if (waiting_for := follow(store, run.model)) is not None:
            waits.append(waiting_for)
            continue
        await_server(root, run.model)
    if waits:
        raise HeadraceError(Report(waits), Exit.REFUSED)


def tell_judgement(store: Store, model: str) -> bool:
    """Say what another judgement meant for what has been decided already; whether the way to a rollout depends on it."""
    from headrace.store import EventKind, events

    kinds = (EventKind.CANDIDATE_PASSED, EventKind.CANDIDATE_REJECTED, EventKind.GATES_JUDGED)
    with store.read() as session:
        told = next(event for event in reversed(events.log(session, model, kinds)) if "id" in event.payload)
    settled = told.kind is EventKind.GATES_JUDGED
    name = ", the champion," if told.payload["stands"] == "champion" else ""
    for which, said in ((", the champion,", told.payload.get("champion")), (name, told.payload if settled else None)):
        if said is not None and said["passed"]:
            click.echo(f"model/{model}: version {said['number']}{which} passes its gates, and stays as it is", err=True)
        elif said is not None:
            why = "; ".join(f"{gate['gate']}: {gate['reason']}" for gate in said["gates"] if gate["gate"] in said["failed"])
            click.echo(f"model/{model}: version {said['number']}{which} would not pass its gates now: {why}. It stays as it is.", err=True)
    return not settled


def await_server(root: Path, model: str) -> None:
    """Wait until the server that `headrace up` runs for a model is ready to answer; where none is up, there is nothing to wait for."""
    import time

    import httpx

    if running(root) is None or not (root / "flows" / f"{model}.serving.json").exists():
        return
    until = time.monotonic() + FOLLOW
    still = waiting(f"waiting for the server of model/{model} …")
    while time.monotonic() < until:
        url = server_url(root, model)
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health/ready", timeout=2.0, verify=trust(root, model) or True).status_code == httpx.codes.OK:
                ended(f"model/{model} answers at {url}")
                return
        still()
        time.sleep(0.5)
    ended(f"model/{model}: its server is not ready yet; `headrace status` tells, and .headrace/logs/serve-{model}.log")


def follow(store: Store, model: str) -> Diagnostic | None:
    """Say what the gates said of a model's newest version, and wait until the rollout that a verdict starts has been looked at once.

    What the version waits for, where its rollout waits for votes. HeadraceError `candidate-rejected`.
    """
    import time

    from headrace import governance, registry, traffic
    from headrace.gates import stands, verdicts
    from headrace.store.kinds import ApprovalStatus

    with store.read() as session:
        number = max(version.number for version in registry.versions(session, model))
        judged = verdicts(session, model).get(number, [])
    failed = [row for row in judged if not stands(row, row.at)]
    if failed:
        why = "; ".join(f"{row.gate}: {row.reason}" for row in failed)
        raise HeadraceError(
            Diagnostic("candidate-rejected", f"version {number} of model/{model} was rejected: {why}", help=f"`headrace models {model}`"),
            Exit.REFUSED,
        )
    until = time.monotonic() + FOLLOW
    still = waiting(f"version {number} passed its gates; waiting for its rollout …")
    while time.monotonic() < until:
        with store.read() as session:
            looked = _looked(session, model, number)
            weights = traffic.current(session, model)
            asked = [row for row in governance.listed(session, model=model) if row.number == number and row.status is ApprovalStatus.OPEN]
        if asked and looked:
            ended(f"model/{model}: version {number} passed its gates")
            message = f"version {number} of model/{model} awaits approval in {asked[-1].environment}, and answers nobody until then"
            help_ = f"`headrace approvals {model}` says who may vote; `headrace approve {model} --key-file FILE --reason …` is a vote"
            return Diagnostic("awaiting-approval", message, help=help_)
        if looked and weights is not None:
            shares = ", ".join(f"version {arm.version} {arm.weight:.0%}" for arm in weights.arms)
            ended(f"model/{model}: version {number} passed its gates; traffic: {shares}")
            return None
        still()
        time.sleep(1.0)
    ended(f"model/{model}: version {number} passed its gates; its rollout has not begun yet (`headrace status`)")
    return None


def _looked(session: Session, model: str, number: int) -> bool:
    """Whether every run that a version's verdict starts has begun and ended: until then its rollout has moved nothing, and asked nobody."""
    from headrace.store import EventKind, events

    passed = {event.id for event in events.log(session, model, (EventKind.CANDIDATE_PASSED,)) if event.payload.get("number") == number}
    runs = events.log(session, model, (EventKind.RUN_STARTED, EventKind.RUN_ENDED))
    started = {event.payload["run_id"] for event in runs if event.kind is EventKind.RUN_STARTED and event.cause in passed}
    ended_ = {event.payload["run_id"] for event in runs if event.kind is EventKind.RUN_ENDED}
    return started <= ended_ and not events.unanswered(session, model)
