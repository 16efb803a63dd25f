"""What `flows/headrace.json` holds for the cards of models: what their specs say of them."""

from __future__ import annotations

from headrace.compiled import AlertOwnersConfig, CardConfig
from headrace.project import Project
from headrace.spec import Model, Source
from headrace.spec.governance import Governance
from headrace.spec.serving import Serving


def cards(project: Project) -> dict[str, CardConfig]:
    """Of each model with a section `governance`, by name."""
    return {model.name: _card(project, model, model.governance) for model in project.models if model.governance is not None}


def _card(project: Project, model: Model, governance: Governance) -> CardConfig:
    source, monitoring = project.scope.get(Source, model.features.rows), model.monitoring
    drift = monitoring.drift.features if monitoring is not None and monitoring.drift is not None else ()
    return CardConfig(
        file=governance.card,
        risk=governance.risk,
        sections=governance.card_sections,
        owner=model.owner,
        description=model.description,
        sensitive=tuple(sorted(name for name, column in source.columns.items() if column.personal)) if source is not None else (),
        drift=tuple(item.name for item in project.inputs(model)) if drift == "all" else tuple(drift),
        performance=monitoring.performance.metric if monitoring is not None and monitoring.performance is not None else None,
        alerts=tuple(
            AlertOwnersConfig(id=a.id, when=a.when, severity=a.severity, notify=tuple(str(name) for name in a.notify))
            for a in (monitoring.alerts if monitoring is not None else ())
        ),
        retraining=tuple(item.id for item in model.retraining),
        rollout=model.rollout.strategy if model.rollout is not None else None,
        fallback=model.serving.fallback if isinstance(model.serving, Serving) else None,
    )
