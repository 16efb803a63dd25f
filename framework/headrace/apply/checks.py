"""What stops an apply before it begins: a plan that no longer holds, what is blocked, and more removed than was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace import __version__
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.plan import SCHEMA, Action, Observed, Plan, State, seal, to_json
from headrace.plan.told import counted

SHARE = 0.2
"""The share of a project's resources that one apply may remove without being told how many."""
FEW = 2
"""Fewer removals than this are never held back, unless they are models."""


def refuse_altered(told: Mapping[str, Any]) -> None:
    """HeadraceError (Exit.STALE): `plan-altered` where the file is not as it was written, `plan-stale` where another release wrote it."""
    if told.get("schema") != SCHEMA or told.get("headrace") != __version__:
        raise _stale(f"Headrace {told.get('headrace', 'of another time')} wrote it, and this is {__version__}")
    if told.get("seal") != seal(told):
        raise HeadraceError(
            Diagnostic(
                "plan-altered",
                "the plan is not as it was written: it was edited, or cut short",
                help="type `headrace plan --out FILE` anew, and leave the file as it is",
            ),
            Exit.STALE,
        )


def refuse_stale(plan: Plan, told: Mapping[str, Any], blind: Plan | None = None) -> None:
    """HeadraceError `plan-stale` (Exit.STALE) when what would be done now is not what was written.

    `blind` is the plan as it is without Prefect, for one that was written while Prefect was away.
    """
    now = to_json(plan)
    for word in ("project", "environment"):
        if told.get(word) != now[word]:
            raise _stale(f"it is of {word} {told.get(word)}, and this is {now[word]}")
    if told.get("serial") != now["serial"]:
        raise _stale(f"the state moved on, from serial {told.get('serial')} to {now['serial']}")
    if told.get("digest") != now["digest"]:
        raise _stale("the specs, or what they compile to, are others now")
    if blind is not None:
        if blind.items != plan.items:
            raise _stale("it was made without Prefect, where something was changed by another hand")
        now = to_json(blind)
    if _doing(told) != _doing(now):
        raise _stale("files, Prefect, the registry or the trainings are not as they were")


def _doing(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan would do, without what only explains it: lines that moved, and histories that went on."""
    found = {key: document.get(key) for key in ("files", "train", "judge", "aliases", "selection", "now", "observed", "retiring")}
    found["items"] = [
        {
            **{key: item.get(key) for key in ("action", "address", "effects", "before", "blocked")},
            "changes": [{key: change.get(key) for key in ("path", "old", "new", "effect")} for change in item.get("changes", ())],
            "notes": item.get("notes") if item.get("action") == Action.OUTSIDE else None,
        }
        for item in document.get("items", ())
    ]
    return found


def _stale(why: str) -> HeadraceError:
    return HeadraceError(
        Diagnostic("plan-stale", f"the plan no longer holds: {why}", help="type `headrace plan --out FILE` and read it again"), Exit.STALE
    )


def refuse_shared_folder(observed: Observed, root: str, before: str, now: str) -> None:
    """HeadraceError `shared-folder` (Exit.REFUSED) where another environment's deployments run out of this folder's flows/.

    They would go on and run what is compiled for this one, in its store.
    """
    held = sorted(name for name, one in observed.deployments.items() if one.root == root)
    if held:
        raise HeadraceError(
            Diagnostic(
                "shared-folder",
                f"flows/ is what {before} runs: Prefect holds {', '.join(held)} of it, which would run what is compiled for {now}",
                help="give each environment a folder of its own: `git worktree add ../NAME`, and apply there",
            ),
            Exit.REFUSED,
        )


def refuse_blocked(plan: Plan) -> None:
    """HeadraceError `plan-blocked` (Exit.REFUSED) for the first thing that cannot be done."""
    for item in plan.blocked:
        match item.action:
            case Action.MOVE:
                what, help_ = f"{item.before} cannot become {item.address}", "wait for it to end, or end it"
            case Action.RETIRE:
                what, help_ = f"{item.address} cannot retire", "make room for it, or type `headrace apply --now`: it is removed at once"
            case _:
                what = f"{item.address} cannot be removed"
                help_ = f"remove what stands in the way, or type `headrace apply --exclude {item.address}`"
        raise HeadraceError(Diagnostic("plan-blocked", f"{what}: {item.blocked}", help=help_), Exit.REFUSED)


def refuse_pruning(plan: Plan, state: State, allowed: int) -> None:
    """HeadraceError `prune-guard` (Exit.REFUSED) when over a fifth would go, and `allowed`, which counts documents, is less.

    A fifth of the documents, two at least; or a fifth of the models, of which one may be all: what Prefect and flows/ hold is theirs.
    """
    gone = [item.address for item in plan.items if item.action is Action.REMOVE]
    models = [name for name in gone if name.startswith("model/")]
    much = len(gone) >= FEW and len(gone) > SHARE * len(state.resources)
    if (much or len(models) > SHARE * len(state.models)) and len(gone) > allowed:
        of_models = f", and {len(models)} of {counted(len(state.models), 'model')}" if models else ""
        raise HeadraceError(
            Diagnostic(
                "prune-guard",
                f"{len(gone)} of {counted(len(state.resources), 'document')}{of_models} would be removed: {', '.join(gone)}",
                help=f"if that is meant, type `headrace apply --allow-prune {len(gone)}`",
            ),
            Exit.REFUSED,
        )
