"""What speaks for a store that was lost: it records nothing, and Prefect or the blobs know of a life."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.plan.told import counted
from headrace.plan.wanted import Observed

if TYPE_CHECKING:
    from sqlmodel import Session

SQLITE = "sqlite:///"


def began(session: Session) -> bool:
    """Whether an apply or a flow ever wrote into this store."""
    from sqlmodel import select

    from headrace.store import tables

    return any(session.exec(select(table).limit(1)).first() is not None for table in (tables.Operation, tables.Event))


def missing(store: str, root: Path) -> bool:
    """Whether the store is an SQLite file that is not there."""
    return store.startswith(SQLITE) and not (root / store.removeprefix(SQLITE)).exists()


def artifacts(blobs: str, root: Path, session: Session | None = None) -> bool:
    """Whether a folder of blobs holds any that no notebook's run of this store accounts for.

    Other places are not asked, since a plan goes nowhere over the network. Without a session, there is no store.
    """
    if session is not None and _tracked(session):
        return False
    if "://" in blobs.removeprefix("file://") or blobs.startswith("env:"):
        return False
    return any((root / blobs.removeprefix("file://") / "sha256").glob("*/*"))


def _tracked(session: Session) -> bool:
    """Whether a run was ever tracked in this store."""
    from sqlmodel import select

    from headrace.store.tracked import Experiment

    return session.exec(select(Experiment).limit(1)).first() is not None


def note(store: str, *, began: bool, artifacts: bool, observed: Observed | None) -> str | None:
    """What to say of a store that records nothing, and what to type; None where nothing speaks for a loss.

    `store` is its address as the spec has it; one that is no file is not repeated, since a password may stand in it.
    """
    if began:
        return None
    evidence = []
    if observed is not None and observed.deployments:
        folders = sorted({deployment.root for deployment in observed.deployments.values()})
        number = len(observed.deployments)
        evidence.append(f"Prefect holds {counted(number, 'deployment')} of this project, applied from {', '.join(folders)}")
    if artifacts:
        evidence.append("the blobs hold artifacts")
    if not evidence:
        return None
    name = store.removeprefix(SQLITE) if store.startswith(SQLITE) else "the store"
    return (
        f"{name} records nothing, and {' and '.join(evidence)}. If it was lost, put its last backup back before anything else; "
        "if this is a new beginning, type `headrace apply`: it takes the deployments over, and versions count from 1."
    )
