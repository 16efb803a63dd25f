"""`kind: model`: the whole life of one model."""

from __future__ import annotations

from typing import Literal

from headrace.spec.experiment import Experiment
from headrace.spec.features import Features
from headrace.spec.field import Effect, Spec, field
from headrace.spec.gates import Gate
from headrace.spec.governance import Governance
from headrace.spec.monitoring import Monitoring
from headrace.spec.name import Name, Secret
from headrace.spec.retirement import Retirement
from headrace.spec.retraining import Retraining
from headrace.spec.rollout import Rollout
from headrace.spec.serving import Serving
from headrace.spec.steps import CustomStep
from headrace.spec.training import Training


class Model(Spec):
    """One model, from its features to its retraining."""

    kind: Literal["model"]
    name: Name = field("The model's name.", Effect.BREAKING, example="employment")
    owner: str = field("Who answers for it.", Effect.METADATA, default="", example="labour-statistics")
    description: str = field("What it answers.", Effect.METADATA, default="", example="Is this person employed?")
    labels: dict[str, str] = field("Free labels to select by.", Effect.METADATA, default={}, example={"tier": "critical"})
    annotations: dict[str, str] = field("Free notes.", Effect.METADATA, default={}, example={"wiki": "https://wiki.example/employment"})
    features: Features = field(
        "Rows, inputs and target.",
        Effect.RETRAIN,
        example={
            "entity": "person_id",
            "time": "surveyed_at",
            "target": {"column": "employed", "delay": "30d"},
            "rows": "source/census",
            "use": {"person": "all"},
        },
    )
    training: Training = field("How a candidate is made.", Effect.RETRAIN, example={"algorithm": "lightgbm.classifier"})
    steps: tuple[CustomStep, ...] = field(
        "Python of your own between two steps of the training.",
        Effect.RETRAIN,
        default=(),
        example=[{"id": "clean", "python": "mycompany.steps:clean", "after": "features"}],
    )
    gates: tuple[Gate, ...] = field(
        "What a candidate must show.", Effect.RE_EVALUATE, min_length=1, example=[{"id": "quality", "metric": "roc_auc", "min": 0.8}]
    )
    serving: Serving | Literal["none"] = field(
        "How it answers; `none` for a model that is only trained.", Effect.REDEPLOY, default=Serving(), example={"port": 8080}
    )
    rollout: Rollout | None = field(
        "How a candidate takes over; without it a candidate that passes its gates becomes champion at once.",
        Effect.RECONFIGURE,
        default=None,
        example={
            "strategy": "canary",
            "unit": "person_id",
            "steps": [{"weight": "5%", "hold": "6h"}],
            "judge": [{"metric": "error_rate"}],
        },
    )
    experiment: Experiment | None = field(
        "Whether a candidate is worth more, after its rollout found it no worse.",
        Effect.RECONFIGURE,
        default=None,
        example={
            "arms": {"champion": "50%", "candidate": "50%"},
            "unit": "person_id",
            "primary": {"metric": "accuracy", "detect": "1pp"},
            "for": "60d",
        },
    )
    monitoring: Monitoring | None = field("What is watched.", Effect.RECONFIGURE, default=None, example={"window": {"rows": 2000}})
    retraining: tuple[Retraining, ...] = field(
        "When a new candidate is made.", Effect.RECONFIGURE, default=(), example=[{"id": "weekly", "schedule": "0 3 * * 1"}]
    )
    governance: Governance | None = field(
        "What is at stake, and who must agree.", Effect.RECONFIGURE, default=None, example={"risk": "high"}
    )
    retirement: Retirement | None = field(
        "When and how it ends.", Effect.RECONFIGURE, default=None, example={"when": {"no_traffic": "90d"}}, later=True
    )
    secrets: dict[Name, Secret] = field(
        "Secrets that its steps may read, each where it is kept.",
        Effect.RECONFIGURE,
        default={},
        example={"warehouse": "env:WAREHOUSE_PASSWORD"},
        later=True,
        reference="must",
    )
