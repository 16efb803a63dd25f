"""A project to what it says: each model's flows, when they start, what its server and its runs need to know."""

from __future__ import annotations

from headrace.address import Address
from headrace.compiled import (
    ArrivalConfig,
    ChannelConfig,
    CheckConfig,
    ColumnConfig,
    InputConfig,
    JudgeConfig,
    PluginsConfig,
    RolloutConfig,
    ServingConfig,
    SourceConfig,
    WorkspaceConfig,
    owner,
)
from headrace.compiler import sections
from headrace.compiler.hiding import HIDING
from headrace.compiler.ir import Announces, Compiled, Cron, Flow, Interval, Life, Link, Schedule, Step
from headrace.compiler.literal import seconds
from headrace.compiler.views import view_config
from headrace.project import Project
from headrace.project.inputs import ModelInput
from headrace.spec import FeatureView, Model, Source
from headrace.spec.rollout import LOOK, Rollout
from headrace.spec.serving import Serving
from headrace.spec.source import SAYS, Check

SPOOL = ".headrace/spool"
"""Where servers write what they answered, under the project's root."""


def lower(project: Project) -> Compiled:
    """The whole project, which its rules have found without a fault."""
    name = project.project.name
    models = [(model, project.inputs(model)) for model in project.models]
    # Most models of a project share their inputs.
    configs = {item: _input(item) for item in {item for _, inputs in models for item in inputs}}
    return Compiled(
        workspace=_workspace(project),
        lives=(_life(owner(name, project.environment.name), model, inputs) for model, inputs in models),
        servers=(
            _server(name, model, model.serving, tuple(configs[item] for item in inputs))
            for model, inputs in models
            if model.serving != "none"
        ),
    )


def module_name(model: str) -> str:
    """The Python module of a model; one that would hide a module that flows may import gets a `_` at its end."""
    name = model.replace("-", "_")
    return f"{name}_" if name in HIDING else name


def _life(project: str, model: Model, inputs: tuple[ModelInput, ...]) -> Life:
    flows = [_train(model, inputs), _judge(model), _roll_out(model)]
    schedules: dict[str, tuple[Schedule, ...]] = {"roll_out": (Interval("look", LOOK),) if model.rollout is not None else ()}
    links = [Link("headrace.candidate.passed", "roll_out")]
    if model.monitoring is not None:
        monitoring = sections.monitoring(model, model.monitoring)
        flows.append(_monitor(model, monitoring))
        # Triggers are asked after the windows: a tick of a retraining's schedule starts the whole look.
        ticks = [Cron(f"retraining-{trigger.id}", trigger.schedule) for trigger in model.retraining if trigger.schedule is not None]
        schedules["monitor"] = (Interval("every", model.monitoring.every), *ticks)
        if model.retraining:
            links.append(Link("headrace.retraining.requested", "train"))
    return Life(
        project=project,
        model=Address("model", model.name),
        owner=model.owner,
        description=model.description,
        module=module_name(model.name),
        flows=tuple(flows),
        schedules=schedules,
        links=tuple(links),
    )


def _train(model: Model, inputs: tuple[ModelInput, ...]) -> Flow:
    return Flow(
        name="train",
        says=f"Train model/{model.name} as of a moment (now, if none) and announce the verdict; a rollout starts by that event.",
        takes=(sections.AS_OF, sections.CAUSE),
        steps=(
            sections.features(model, inputs),
            *sections.custom(model, "features"),
            sections.training(model),
            *sections.custom(model, "training"),
            sections.gates(model),
        ),
        announces=Announces.ALWAYS,
        result="verdict",
    )


def _judge(model: Model) -> Flow:
    return Flow(
        name="judge",
        says=f"Judge the newest version of model/{model.name} by the gates as they are now, and announce the verdict.",
        takes=(sections.CAUSE,),
        steps=(sections.newest(model), *sections.custom(model, "training"), sections.gates(model)),
        announces=Announces.ALWAYS,
        result="verdict",
    )


def _roll_out(model: Model) -> Flow:
    watched = f"Look at the rollout of model/{model.name} once and announce what came of it."
    at_once = f"Make the newest candidate of model/{model.name} its champion and announce it."
    return Flow(
        name="roll_out",
        says=watched if model.rollout is not None else at_once,
        takes=(sections.CAUSE,),
        steps=(sections.rollout(model),),
        announces=Announces.ALWAYS,
        result="progress",
    )


def _monitor(model: Model, monitoring: tuple[Step, Step]) -> Flow:
    if not model.retraining:
        says = f"Look at model/{model.name} once, and alert."
        return Flow("monitor", says, (sections.CAUSE,), monitoring, Announces.NEVER)
    return Flow(
        name="monitor",
        says=f"Look at model/{model.name} once, alert, and announce a retraining that is due; the training starts by that event.",
        takes=(sections.CAUSE,),
        steps=(*monitoring, sections.retraining(model)),
        announces=Announces.IF_PASSED,
        result="decision",
    )


def _server(project: str, model: Model, section: Serving, inputs: tuple[InputConfig, ...]) -> ServingConfig:
    features, rollout = model.features, model.rollout
    return ServingConfig(
        project=project,
        model=model.name,
        entity=features.entity,
        time=features.time,
        unit=rollout.unit if rollout is not None else features.entity,
        inputs=inputs,
        target=features.target.column,
        port=section.port,
        fallback=section.fallback,
        max_rows=section.max_rows,
        rollout=_judged(rollout) if rollout is not None else None,
    )


def _input(item: ModelInput) -> InputConfig:
    if item.type is None:
        raise AssertionError(item)  # a rule of `project` refuses it
    view = item.view if item.column is None else None
    return InputConfig(name=item.name, column=item.column, view=view, type=item.type, low=item.low, high=item.high)


def _judged(rollout: Rollout) -> RolloutConfig:
    return RolloutConfig(
        judge=tuple(
            JudgeConfig(
                metric=judge.metric,
                over=judge.over.total_seconds() if judge.over is not None else None,
                promote_below=judge.promote_below,
                negligible=judge.negligible,
                ceiling=judge.ceiling,
            )
            for judge in rollout.judge
        ),
        false_rollback=rollout.false_rollback,
        warmup_requests=rollout.warmup.requests,
    )


def _workspace(project: Project) -> WorkspaceConfig:
    environment, plugins = project.environment, project.project.plugins
    return WorkspaceConfig(
        project=project.project.name,
        language=project.project.language,
        environment=environment.name,
        production=environment.production,
        store=environment.store,
        blobs=environment.blobs,
        spool=SPOOL,
        plugins=PluginsConfig(allow=plugins.allow, deny=plugins.deny),
        sources={source.name: source_config(source) for source in project.sources},
        views={view.name: view_config(view, project.scope.get(Source, view.from_)) for view in _computing(project)},
        channels={channel.name: ChannelConfig(type=channel.type, params=channel.params) for channel in project.channels},
        models=tuple(model.name for model in project.models),
    )


def _computing(project: Project) -> list[FeatureView]:
    """The views that compute something for a model."""
    used = {item.view for model in project.models for item in project.inputs(model) if item.column is None}
    return [view for view in project.scope.of(FeatureView) if view.name in used]


def source_config(source: Source) -> SourceConfig:
    """The source of a project whose rules have found no fault."""
    arrival, fresh = source.arrival, source.fresh_within
    return SourceConfig(
        uri=source.uri,
        columns={name: ColumnConfig(from_=column.from_ or name, type=column.type) for name, column in source.columns.items()},
        arrival=ArrivalConfig(time=arrival.time, spread=arrival.spread, order=arrival.order, seed=arrival.seed) if arrival else None,
        fresh_within_seconds=seconds(fresh) if fresh is not None else None,
        checks=tuple(_check(item) for item in source.checks),
    )


def _check(item: Check) -> CheckConfig:
    (says,) = [word for word in SAYS if getattr(item, word) is not None]
    low, high = item.range or item.rows or (None, item.missing)
    return CheckConfig(
        id=item.id,
        says=says,
        column=item.column,
        low=low,
        high=high,
        values=item.values or (),
        columns=item.unique or (),
        text=item.pattern if item.pattern is not None else item.holds,
        mode=item.mode,
    )
