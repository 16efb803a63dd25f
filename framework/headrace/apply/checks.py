"""What stops an apply before it begins: a plan that no longer holds, and more removed than was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.plan import Action, Plan, State

SHARE = 0.2
"""The share of a project's models that one apply may remove without being told how many."""


def refuse_stale(plan: Plan, told: Mapping[str, Any]) -> None:
    """HeadraceError `plan-stale` (Exit.STALE) when specs, compiled files or the state are others than in the plan that was written."""
    if told.get("digest") == plan.digest:
        return
    why = (
        f"the state moved on, from serial {told.get('serial')} to {plan.serial}"
        if told.get("serial") != plan.serial
        else "the specs, or what they compile to, are others now"
    )
    raise HeadraceError(
        Diagnostic("plan-stale", f"the plan no longer holds: {why}", help="type `headrace plan --out FILE` and read it again"), Exit.STALE
    )


def refuse_pruning(plan: Plan, state: State, allowed: int) -> None:
    """HeadraceError `prune-guard` (Exit.REFUSED) when more than a fifth of the models would go, and `allowed` is less than that."""
    models = [address for address in state.resources if address.startswith("model/")]
    gone = [item.address for item in plan.items if item.action is Action.REMOVE and item.address.startswith("model/")]
    if len(gone) > SHARE * len(models) and len(gone) > allowed:
        raise HeadraceError(
            Diagnostic(
                "prune-guard",
                f"{len(gone)} of {len(models)} models would be removed: {', '.join(gone)}",
                help=f"if that is meant, type `headrace apply --allow-prune {len(gone)}`",
            ),
            Exit.REFUSED,
        )
