"""What the store knows of a model's experiment: its row, the slots of its layer, and the facts that a decision rests on."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from headrace import registry, traffic
from headrace.experiment.decide import Facts, Running
from headrace.experiment.declared import Declared, parsed
from headrace.experiment.state import RUNNING, State
from headrace.rollout import Canary
from headrace.rollout import record as rollouts
from headrace.rollout.judgement import watch
from headrace.rollout.state import State as RolloutState
from headrace.store import tables
from headrace.store.experimental import Experiment
from headrace.store.now import reading
from headrace.traffic import Slot


def newest_row(session: Session, model: str) -> Experiment | None:
    """The newest experiment of a model, whatever became of it."""
    return session.exec(select(Experiment).where(Experiment.model == model).order_by(col(Experiment.number).desc()).limit(1)).first()


def standing_row(session: Session, model: str) -> Experiment | None:
    """The experiment that has not ended, or whose arms were kept and still answer."""
    row, rollout = newest_row(session, model), rollouts.running_row(session, model)
    if row is None or row.state in RUNNING:
        return row
    kept = row.state == State.DECIDED and bool(row.details.get("kept"))
    return row if kept and compares(rollout) and rollout is not None and rollout.candidate == row.candidate else None


def compares(rollout: tables.Rollout | None) -> bool:
    """Whether a rollout has handed its candidate over."""
    return rollout is not None and rollout.state == RolloutState.COMPARING


def next_number(session: Session, model: str) -> int:
    """The number of a model's next experiment."""
    return 1 + (session.exec(select(func.max(Experiment.number)).where(Experiment.model == model)).one() or 0)


def facts(session: Session, declared: Declared, canary: Canary | None, model: str) -> Facts:
    """All that `decide` looks at, as one consistent view; the analysis is added where a look is due."""
    row, rollout, seen = standing_row(session, model), rollouts.running_row(session, model), reading(session)
    held, weights = registry.aliases(session, model), traffic.current(session, model)
    judged = canary is not None and row is not None and weights is not None
    return Facts(
        declared=declared,
        now=seen.now,
        running=None if row is None else running(row),
        waiting=_waiting(session, model, rollout, canary) if row is None else None,
        champion=held.get(registry.CHAMPION),
        aliases=held,
        weights=weights,
        room=_room(session, row, declared, weights),
        abort=watch(canary).look(session, weights) if judged and canary is not None and weights is not None else None,
        withdrawn=rollout is not None and compares(rollout) and rollouts.withdrawn(session, rollout),
    )


def running(row: Experiment) -> Running:
    """A row as a decision reads it."""
    return Running(
        id=row.id,
        arms={name: int(arm["version"]) for name, arm in row.arms.items()},
        declared=parsed(row.declared),
        enrolling=row.state == State.RUNNING,
        enrols_until=row.enrols_until,
        ends_at=row.ends_at,
        look=datetime.fromisoformat(row.details["look"]),
        winner=row.details.get("winner"),
        kept=bool(row.details.get("kept")),
    )


def _waiting(session: Session, model: str, rollout: tables.Rollout | None, canary: Canary | None) -> int | None:
    """The candidate that an experiment may begin with: one that was handed over, or any that waits where no rollout comes first."""
    if rollout is not None:
        return rollout.candidate if compares(rollout) else None
    return rollouts.waiting(session, model, registry.aliases(session, model)) if canary is None else None


def _room(session: Session, row: Experiment | None, declared: Declared, weights: traffic.Weights | None) -> tuple[Slot, ...] | None:
    """The slots of the experiment that runs, or of one that would begin, as wide as is declared now."""
    layer = declared.layer if row is None else parsed(row.declared).layer
    if layer is None:
        return ()
    mine = None if row is None else row.id
    taken = [slot for other in _of_layer(session, layer) if other.experiment != mine for slot in other.slots]
    own = weights.among.slots if weights is not None and weights.among is not None and weights.among.experiment == mine else ()
    return traffic.slots(taken, max(declared.coverage, sum(high - low for low, high in own)), own)


def _of_layer(session: Session, layer: str) -> list[traffic.Among]:
    """Whom each model deals to that has an experiment of the layer, running or kept."""
    models = session.exec(select(Experiment.model).distinct()).all()
    found = (traffic.current(session, model) for model in models)
    return [weights.among for weights in found if weights is not None and weights.among is not None and weights.among.layer == layer]
