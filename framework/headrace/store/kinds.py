"""The closed lists of words that a row of the store may hold."""

from enum import StrEnum


class EventKind(StrEnum):
    """What can happen to a model; the log's vocabulary."""

    RUN_STARTED = "run.started"
    RUN_ENDED = "run.ended"
    CANDIDATE_REGISTERED = "candidate.registered"
    GATES_JUDGED = "gates.judged"
    CANDIDATE_PASSED = "candidate.passed"
    CANDIDATE_REJECTED = "candidate.rejected"
    ROLLOUT_STARTED = "rollout.started"
    ROLLOUT_RAISED = "rollout.raised"
    ROLLOUT_HELD = "rollout.held"
    ROLLOUT_ABORTED = "rollout.aborted"
    ROLLOUT_PROMOTED = "rollout.promoted"
    ROLLOUT_ROLLED_BACK = "rollout.rolled_back"
    ALIAS_MOVED = "alias.moved"
    WINDOW_CLOSED = "window.closed"
    WINDOW_LABELLED = "window.labelled"
    ALERT_FIRED = "alert.fired"
    ALERT_RESOLVED = "alert.resolved"
    ALERT_DELIVERED = "alert.delivered"
    RETRAINING_REQUESTED = "retraining.requested"
    RETRAINING_DECLINED = "retraining.declined"
    SERVER_SWAPPED = "server.swapped"
    STAGE_MOVED = "stage.moved"
    VERSION_WITHDRAWN = "version.withdrawn"
    VERSION_ATTESTED = "version.attested"
    GATE_WAIVED = "gate.waived"
    CARD_WRITTEN = "card.written"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_VOTED = "approval.voted"
    APPROVAL_DECIDED = "approval.decided"
    PROMOTION_REFUSED = "promotion.refused"
    ROLLOUT_HANDED_OVER = "rollout.handed_over"
    EXPERIMENT_STARTED = "experiment.started"
    EXPERIMENT_LOOKED = "experiment.looked"
    EXPERIMENT_CHANGED = "experiment.changed"
    EXPERIMENT_ENROLLED = "experiment.enrolled"
    EXPERIMENT_DECIDED = "experiment.decided"
    EXPERIMENT_STOPPED = "experiment.stopped"
    EXPERIMENT_FAILED = "experiment.failed"


class Stage(StrEnum):
    """How far a version has come in this environment."""

    DRAFT = "draft"
    REGISTERED = "registered"
    VALIDATED = "validated"
    STAGING = "staging"
    PRODUCTION = "production"
    DEPRECATED = "deprecated"
    RETIRED = "retired"
    REJECTED = "rejected"
    ARCHIVED = "archived"


class IndexedKind(StrEnum):
    """What a value is that versions are found by."""

    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"


class Successor(StrEnum):
    """The flow that an event starts."""

    TRAIN = "train"
    ROLL_OUT = "roll_out"
    MONITOR = "monitor"


class ClockMode(StrEnum):
    """Whether time is the wall's, or moved by a holder."""

    WALL = "wall"
    DRIVEN = "driven"


class OperationStatus(StrEnum):
    """How far one operation of an apply has come."""

    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"


class RunStatus(StrEnum):
    """How far a run of a flow has come."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


class TrackedStatus(StrEnum):
    """How far a tracked run has come; `killed` is one that ended without a word of its own."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"


class TrackedKind(StrEnum):
    """What is written of a tracked run by name: what it was asked for, what people call it, what it was made of."""

    PARAM = "param"
    TAG = "tag"
    DIGEST = "digest"


class AlertState(StrEnum):
    """Whether an alert's condition holds."""

    FIRING = "firing"
    RESOLVED = "resolved"


class OutboxStatus(StrEnum):
    """How far a message to a channel has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class ApprovalStatus(StrEnum):
    """How far something that was asked for has come; `void` is what is no longer what was asked for."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    VOID = "void"


class VoteChoice(StrEnum):
    """What somebody votes for."""

    APPROVE = "approve"
    REJECT = "reject"
    BREAK_GLASS = "break_glass"
