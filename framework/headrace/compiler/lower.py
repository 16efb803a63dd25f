"""A project to what it says: each model's flows, when they start, what its server and its runs need to know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from headrace.address import Address
from headrace.compiled import (
    AuditConfig,
    CacheConfig,
    ChannelConfig,
    DaskConfig,
    InputConfig,
    JournalConfig,
    JournalLogConfig,
    JudgeConfig,
    LimitsConfig,
    PluginsConfig,
    ReplicasConfig,
    RolloutConfig,
    RunnerConfig,
    ServingConfig,
    ShadowConfig,
    TrackingConfig,
    WorkspaceConfig,
    owner,
)
from headrace.compiler import sections
from headrace.compiler.access import access
from headrace.compiler.cards import cards
from headrace.compiler.governance import governance
from headrace.compiler.hiding import HIDING
from headrace.compiler.ir import Announces, Call, Compiled, Cron, Flow, Interval, Life, Link, Schedule, Shared, Step
from headrace.compiler.middleware import middleware
from headrace.compiler.sources import source_config
from headrace.compiler.views import view_config
from headrace.hooks import Task
from headrace.project import Project
from headrace.project.inputs import ModelInput
from headrace.project.tasks import in_folds, task_of
from headrace.spec import Batch, Environment, FeatureView, Model, Source
from headrace.spec.retraining import AGAIN
from headrace.spec.rollout import LOOK, Rollout
from headrace.spec.runner import Runner
from headrace.spec.serving import Replicas, Serving
from headrace.spec.serving_journal import Journal
from headrace.spec.serving_limits import Limits
from headrace.spec.serving_routing import Cache, Shadow

SPOOL = ".headrace/spool"
"""Where servers write what they answered, under the project's root."""
ONLINE = ".headrace/online"
"""Where each environment keeps the events that servers read."""


def lower(project: Project) -> Compiled:
    """The whole project, which its rules have found without a fault."""
    name = project.project.name
    models = [(model, project.inputs(model)) for model in project.models]
    tasks = {model.name: task_of(model, project.scope.plugins) or "binary" for model in project.models}
    # Most models of a project share their inputs.
    shared = {item for _, inputs in models for item in inputs}
    batches = {model.name: [one for one in project.scope.of(Batch) if one.model == f"model/{model.name}"] for model, _ in models}
    read = {view.name: _digest(view, project) for view in _computing(project) if view.online is not None}
    configs, calls = {item: _input(item) for item in shared}, {item: sections.input_(item) for item in shared}
    runner = project.environment.runner
    workspace = _workspace(project)
    # Whom one experiment holds out, no other touches.
    held_out = max((model.experiment.holdout or 0.0 for model, _ in models if model.experiment is not None), default=0.0)
    return Compiled(
        workspace=workspace,
        backfilling=sections.dask(runner) if runner is not None and read else None,
        lives=(
            _life(
                owner(name, project.environment.name),
                model,
                [calls[item] for item in inputs],
                tasks[model.name],
                project.environment.runner,
                [_batch(one, model, inputs, runner, project) for one in sorted(batches[model.name], key=lambda one: one.name)],
                in_folds=in_folds(model, project.scope.plugins),
                governed=bool(workspace.governance.policies(model.name, "promote")),
                holdout=held_out,
            )
            for model, inputs in models
        ),
        servers=(
            _server(project, model, model.serving, tuple(configs[item] for item in inputs), tasks[model.name]).model_copy(
                update={
                    "online": tuple(sorted({(item.view, read[item.view]) for item in inputs if item.column is None and item.view in read})),
                }
            )
            for model, inputs in models
            if model.serving != "none"
        ),
    )


def _digest(view: FeatureView, project: Project) -> str:
    """The digest of what a server reads a view by: its definition, where its events are, and how they are answered by."""
    source = project.scope.get(Source, view.from_)
    config = view_config(view, source)
    if source is None or config.online is None:
        raise AssertionError(view.name)
    told = {**config.definition(source_config(source)), "online": config.online.to_json(), "place": _events(project)}
    return f"sha256:{sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}"


def _events(project: Project) -> str:
    """Where the events of an environment's views are."""
    environment = project.environment
    return environment.online if environment.online is not None else f"{ONLINE}/{environment.name}"


def module_name(model: str) -> str:
    """The Python module of a model; one that would hide a module that flows may import gets a `_` at its end."""
    name = model.replace("-", "_")
    return f"{name}_" if name in HIDING else name


def _life(  # noqa: PLR0917 - what a life is made of
    project: str,
    model: Model,
    inputs: Sequence[Call],
    task: Task,
    runner: Runner | None,
    batches: Sequence[tuple[Flow, tuple[Cron, ...]]],
    *,
    in_folds: bool,
    governed: bool,
    holdout: float,
) -> Life:
    judged = (*sections.custom(model, "training"), sections.gates(model))
    tuning = sections.tune(model, runner, in_folds=in_folds)
    flows = [_train(model, inputs, judged, task, tuning, in_folds=in_folds), _judge(model, judged), _roll_out(model, holdout)]
    # What waits for votes is looked at as often as a rollout: its deadline passes by itself.
    looks = model.rollout is not None or model.experiment is not None or governed
    schedules: dict[str, tuple[Schedule, ...]] = {"roll_out": (Interval("look", LOOK),) if looks else ()}
    links = [Link("headrace.candidate.passed", "roll_out")]
    if model.monitoring is not None:
        monitoring = sections.monitoring(model, model.monitoring)
        flows.append(_monitor(model, monitoring))
        # Triggers are asked after the windows: a tick of a retraining's schedule starts the whole look.
        schedules["monitor"] = (Interval("every", model.monitoring.every), *_ticks(model))
    elif model.retraining:
        flows.append(_asked(model))
        # A tick that met a candidate waits for it, and is asked for again.
        schedules["monitor"] = (Interval("every", AGAIN), *_ticks(model))
    if model.retraining:
        links.append(Link("headrace.retraining.requested", "train"))
    return Life(
        project=project,
        model=Address("model", model.name),
        owner=model.owner,
        description=model.description,
        module=module_name(model.name),
        flows=(*flows, *(flow for flow, _ in batches)),
        schedules={**schedules, **{flow.name: ticks for flow, ticks in batches if ticks}},
        links=tuple(links),
    )


def _ticks(model: Model) -> list[Cron]:
    return [Cron(f"retraining-{trigger.id}", trigger.schedule) for trigger in model.retraining if trigger.schedule is not None]


def _train(
    model: Model, inputs: Sequence[Call], judged: tuple[Step, ...], task: Task, tuning: tuple[Step | Shared, ...], *, in_folds: bool
) -> Flow:
    return Flow(
        name="train",
        says=f"Train model/{model.name} as of a moment (now, if none) and announce the verdict; a rollout starts by that event.",
        takes=(sections.AS_OF, sections.CAUSE),
        steps=(
            sections.features(model, inputs, task),
            *sections.custom(model, "features"),
            *tuning,
            sections.training(model, in_folds=in_folds),
            *judged,
        ),
        announces=Announces.ALWAYS,
        result="verdict",
    )


def _judge(model: Model, judged: tuple[Step, ...]) -> Flow:
    return Flow(
        name="judge",
        says=f"Judge the newest version of model/{model.name} by the gates as they are now, and announce the verdict.",
        takes=(sections.CAUSE,),
        steps=(sections.newest(model), *judged),
        announces=Announces.ALWAYS,
        result="verdict",
    )


def _roll_out(model: Model, holdout: float) -> Flow:
    begun = "rollout" if model.experiment is None else "experiment" if model.rollout is None else "rollout or the experiment"
    watched = f"Look at the {begun} of model/{model.name} once and announce what came of it."
    at_once = f"Make the newest candidate of model/{model.name} its champion and announce it."
    return Flow(
        name="roll_out",
        says=at_once if model.rollout is None and model.experiment is None else watched,
        takes=(sections.CAUSE,),
        steps=(sections.rollout(model, holdout),),
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


def _asked(model: Model) -> Flow:
    return Flow(
        name="monitor",
        says=f"Ask once whether model/{model.name} is to be trained anew, and announce it; the training starts by that event.",
        takes=(sections.CAUSE,),
        steps=(sections.retraining(model),),
        announces=Announces.IF_PASSED,
        result="decision",
    )


def _batch(
    batch: Batch, model: Model, inputs: Sequence[ModelInput], runner: Runner | None, project: Project
) -> tuple[Flow, tuple[Cron, ...]]:
    says = f"Score the rows of batch/{batch.name}: {batch.description}" if batch.description else f"Score the rows of batch/{batch.name}."
    source, group = project.scope.get(Source, batch.input), model.features.group
    within = group if source is not None and group in source.columns else None
    steps = (sections.batch(batch, model, inputs, runner, within),)
    flow = Flow(sections.batch_flow(batch.name), says, (sections.CAUSE,), steps, Announces.NEVER)
    return flow, (Cron("batch", batch.schedule),) if batch.schedule is not None else ()


def _server(project: Project, model: Model, section: Serving, inputs: tuple[InputConfig, ...], task: Task) -> ServingConfig:
    features, rollout = model.features, model.rollout
    dealt = rollout if rollout is not None else model.experiment
    return ServingConfig(
        project=project.project.name,
        model=model.name,
        entity=features.entity,
        time=features.time,
        # Scores of two versions do not compare: whoever answers one row of a group answers all.
        unit=dealt.unit if dealt is not None else features.group or features.entity,
        group=features.group,
        inputs=inputs,
        target=features.target.column,
        task=task,
        port=section.port,
        fallback=section.fallback,
        max_rows=section.max_rows,
        access=access(section),
        middleware=middleware(project.root, section.middleware),
        rollout=_judged(rollout) if rollout is not None else None,
        replicas=_replicas(section.replicas) if section.replicas is not None else None,
        journal=_journal(section.journal),
        shadow=_shadow(section.shadow) if section.shadow is not None else None,
        cache=_cache(section.cache) if section.cache is not None else None,
        limits=_limits(section.limits),
        measures=_measures(model),
    )


def _measures(model: Model) -> tuple[str, ...]:
    """The names by which the values are told that the experiment needs."""
    measures = model.experiment.measures.items() if model.experiment is not None else ()
    return tuple(sorted({word for name, one in measures for word in (one.of or name, one.per, one.covariate) if word is not None}))


def _limits(limits: Limits) -> LimitsConfig:
    return LimitsConfig(
        body=limits.body,
        depth=limits.depth,
        time=limits.time.total_seconds(),
        answer=limits.answer.total_seconds(),
        concurrency=limits.concurrency,
        connections=limits.connections,
    )


def _journal(section: Journal) -> JournalConfig:
    log = section.log
    return JournalConfig(
        durability=section.durability,
        bytes=section.bytes,
        full=section.full,
        personal=dict(sorted(section.personal.items())),
        hash_key=section.hash_key,
        encryption_keys=tuple((item.id, item.key) for item in section.encryption_keys),
        parquet=section.also.parquet if section.also is not None else None,
        log=JournalLogConfig(share=log.share, file=log.file) if log is not None else None,
    )


def _replicas(section: Replicas) -> ReplicasConfig:
    return ReplicasConfig(min=section.min, max=section.max, memory=section.memory)


def _shadow(section: Shadow) -> ShadowConfig:
    return ShadowConfig(version=section.version, share=section.share, queue=section.queue)


def _cache(section: Cache) -> CacheConfig:
    return CacheConfig(predictions=section.predictions, seconds=section.for_.total_seconds())


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
        online=_events(project),
        tracking=_tracking(environment),
        unsafe_formats=tuple(sorted(set(environment.unsafe_formats))),
        lineage=environment.lineage,
        runner=_runner(environment),
        audit=_audit(environment),
        governance=governance(project),
        plugins=PluginsConfig(allow=plugins.allow, deny=plugins.deny),
        sources={source.name: source_config(source) for source in project.sources},
        views={view.name: view_config(view, project.scope.get(Source, view.from_)) for view in _computing(project)},
        channels={channel.name: ChannelConfig(type=channel.type, params=channel.params) for channel in project.channels},
        models=tuple(model.name for model in project.models),
        cards=cards(project),
    )


def _runner(environment: Environment) -> RunnerConfig | None:
    if environment.runner is None:
        return None
    return RunnerConfig(dask=DaskConfig(workers=environment.runner.dask.workers, address=environment.runner.dask.address))


def _audit(environment: Environment) -> AuditConfig | None:
    return None if environment.audit is None else AuditConfig(key=environment.audit.key, witnesses=environment.audit.witnesses)


def _tracking(environment: Environment) -> TrackingConfig | None:
    if environment.tracking is None:
        return None
    return TrackingConfig(tracker=environment.tracking.tracker, params=environment.tracking.params)


def _computing(project: Project) -> list[FeatureView]:
    """The views that compute something for a model."""
    used = {item.view for model in project.models for item in project.inputs(model) if item.column is None}
    return [view for view in project.scope.of(FeatureView) if view.name in used]
