"""Whether a plan may be carried out: policies with `on: deploy` ask for votes on the plan's digest, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlmodel import Session

from headrace import governance
from headrace.compiled import GovernanceConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.governance import Choice, Outcome, Standing, Subject, Voter
from headrace.plan.canonical import canonical
from headrace.store import Store
from headrace.store.now import reading


def asked(governing: GovernanceConfig, plan: Mapping[str, Any]) -> list[str]:
    """The models of which a policy is asked before a plan, as JSON, is carried out: what is no model's may be of all."""
    named = [item["address"] for item in plan["items"]] + [f"model/{one['model']}" for one in (*plan["train"], *plan["judge"])]
    named += [f"model/{back['model']}" for back in plan["aliases"]]
    several = any(not name.startswith("model/") for name in named) or (not named and bool(plan["files"]))
    models = [model for model in sorted(governing.models) if governing.policies(model, "deploy")]
    return [model for model in models if several or f"model/{model}" in named]


def refuse_unapproved(store: Store, governing: GovernanceConfig, plan: Mapping[str, Any], actor: str) -> None:
    """HeadraceError `plan-not-approved` (exit 4) where somebody must agree to a plan and has not; what was asked is written down."""
    touched = asked(governing, plan)
    if not touched:
        return
    with store.transaction(actor, "ask approval", f"plan {plan['digest']}") as session:
        now = reading(session).now
        found = [governance.look(session, governing, _subject(plan, model), now, requester=actor) for model in touched]
    missing = [standing for standing in found if standing.outcome is not Outcome.APPROVED]
    if missing:
        why = "; ".join(f"model/{standing.request.model}: {standing.reason}" for standing in missing)
        help_ = "write it by `headrace plan --out FILE`, have it approved by `headrace approve --plan FILE`, and type `headrace apply FILE`"
        raise HeadraceError(Diagnostic("plan-not-approved", f"the plan is not approved: {why}", help=help_), Exit.REFUSED)


def vote(  # noqa: PLR0917 - what a vote is made of
    session: Session,
    governing: GovernanceConfig,
    models: Iterable[str],
    plan: Mapping[str, Any],
    voter: Voter,
    choice: Choice,
    reason: str,
) -> dict[str, Standing]:
    """Vote on a plan, for each model of which a policy is asked; HeadraceError as `governance.vote`."""
    now = reading(session).now
    return {model: governance.vote(session, governing, _subject(plan, model), now, voter, choice, reason) for model in models}


def _subject(plan: Mapping[str, Any], model: str) -> Subject:
    """A plan by its digest, and by what it was narrowed to: who agreed to all of it did not agree to a part."""
    part = None if not (plan["now"] or any(plan["selection"].values())) else digest(canonical([plan["selection"], plan["now"]]))
    return Subject(model, plan["environment"], "deploy", None, {"plan": plan["digest"], "part": part})
