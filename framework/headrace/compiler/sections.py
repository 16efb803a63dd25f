"""How each section of a model becomes a step: one arm a section, and every word that the steps understand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from keyword import iskeyword
from typing import assert_never

from headrace.compiler.ir import Call, Parameter, Shared, Step, Value, Variable
from headrace.hooks import Task
from headrace.project.inputs import ModelInput
from headrace.spec.batch import Batch
from headrace.spec.experiment import Experiment
from headrace.spec.expression import parse
from headrace.spec.gates import Gate, Slice
from headrace.spec.model import Model
from headrace.spec.monitoring import Monitoring
from headrace.spec.quantity import Difference
from headrace.spec.retraining import Retraining
from headrace.spec.rollout import Judge, Rollout
from headrace.spec.runner import Runner
from headrace.spec.steps import CustomStep
from headrace.spec.training import (
    Cv,
    GroupCv,
    RandomSplit,
    Range,
    Split,
    StratifiedCv,
    TimeCv,
    TimeSplit,
    Training,
    Transformation,
    Tune,
)

AS_OF = Parameter("as_of", "datetime | None")
CAUSE = Parameter("cause", "str | None")


def bare(reference: str) -> str:
    """`source/census` to `census`."""
    return reference.rpartition("/")[2]


def features(model: Model, inputs: Sequence[Call], task: Task) -> Step:
    """The step that gathers the rows; `inputs` as `input_` says each."""
    section = model.features
    return Step(
        name="features",
        says=f"Rows of {section.rows}, and the journalled ones whose answers are known by then.",
        takes=(AS_OF, CAUSE),
        gives="Rows",
        call=_call(
            "steps.features.training_rows",
            model=model.name,
            source=bare(section.rows),
            entity=section.entity,
            time=section.time,
            target=_call("Target", column=section.target.column, delay=section.target.delay),
            inputs=inputs,
            split=_split(model.training.split),
            seed=model.training.seed,
            task=task if task != "binary" else None,
            group=section.group,
            keep=section.keep if section.keep != "all" else None,
            as_of=Variable("as_of"),
            cause=Variable("cause"),
        ),
        retries=2,
        retry_after=timedelta(seconds=10),
    )


def training(model: Model, *, in_folds: bool) -> Step:
    """The step that makes a candidate; `in_folds` where its algorithm learns from folds of its rows."""
    section = model.training
    baseline = section.baseline
    tuned = section.tune is not None
    return Step(
        name="training",
        says="One candidate, with its evaluation on the held-out rows.",
        takes=(Parameter("rows", "Rows"), *((Parameter("tuned", "Tuned"),) if tuned else ())),
        gives="Candidate",
        call=_call(
            "steps.training.train",
            Variable("rows"),
            algorithm=section.algorithm,
            params=section.params,
            seed=section.seed,
            baseline=_call("Baseline", algorithm=baseline.algorithm, params=baseline.params) if baseline is not None else None,
            transforms=[_transformation(step) for step in section.transforms] or None,
            cv=_folds(model, section.cv),
            early_stopping=_early_stopping(section),
            calibrate=_calibrate(section),
            folds=_inner_folds(model) if in_folds else None,
            tuned=Variable("tuned") if tuned else None,
        ),
        timeout=section.timeout,
    )


def _transformation(step: Transformation) -> Call:
    return _call("Transformation", id=step.id, transform=step.transform, columns=step.columns, params=step.params or None)


_WAITS = timedelta(minutes=2)
"""How much longer than a search's time its trials are waited for: a worker that answers nothing any more ends no search."""


def tune(model: Model, runner: Runner | None, *, in_folds: bool) -> tuple[Step | Shared, ...]:
    """The step that searches better parameters, where there is one; what it gives goes to training beside the rows."""
    search = model.training.tune
    if search is None:
        return ()
    says = "The parameters that do best on folds of the training side; training with them is the step that repeats itself."
    rows = Parameter("rows", "Rows")
    if runner is None:
        return (Step("tune", says, (rows,), "Tuned", _searched("steps.training.tune", model, search, in_folds=in_folds), beside=True),)
    searching, driver = Parameter("searching", "Searching"), Parameter("driver", "int")
    begins = Step(
        "search",
        "What is searched, and when the time for it is over.",
        (rows,),
        "Searching",
        _searched("steps.training.search", model, search, drivers=runner.dask.workers, in_folds=in_folds),
        kept=False,
    )
    each = Step(
        "trials",
        "One trial after another, until none is left or the time is over; how many.",
        (searching, driver),
        "int",
        _call("steps.training.trials", Variable("searching"), Variable("driver")),
        kept=False,
    )
    ends = Step(
        "best",
        "The best of all trials, and every trial with it.",
        (searching, Parameter("ended", "list[int]")),
        "Tuned",
        _call("steps.training.best", Variable("searching"), Variable("ended")),
    )
    wait = (search.timeout or model.training.timeout) + _WAITS
    return (Shared("tune", says, begins, each, ends, dask(runner), runner.dask.workers, wait, beside=True),)


def dask(runner: Runner) -> Call:
    """The task runner, as a flow is decorated with it."""
    if runner.dask.address is not None:
        return _call("steps.runner.dask", address=runner.dask.address)
    return _call("steps.runner.dask", workers=runner.dask.workers)


def _searched(step: str, model: Model, search: Tune, *, drivers: int | None = None, in_folds: bool) -> Call:
    section = model.training
    goals = [_call("Maximize" if word == "maximize" else "Minimize", metric) for word, metric, _ in search.goals]
    return _call(
        step,
        Variable("rows"),
        algorithm=section.algorithm,
        params=section.params,
        seed=section.seed,
        cv=_folds(model, section.cv) or _usual_folds(model),
        early_stopping=_early_stopping(section),
        calibrate=_calibrate(section),
        transforms=[_transformation(item) for item in section.transforms] or None,
        folds=_inner_folds(model) if in_folds else None,
        search=_call(
            "Search",
            trials=search.trials,
            timeout=search.timeout or section.timeout,
            objectives=goals,
            space={name: _range(search.space[name]) for name in sorted(search.space)},
            sampler=_call("Sampler", by=search.sampler.by, seed=search.sampler.seed),
            pruner=_call("Pruner", by=search.pruner.by) if len(goals) == 1 else None,
            workers=search.workers,
            choose=search.choose if len(goals) > 1 else None,
        ),
        drivers=drivers,
    )


USUAL_FOLDS = 3
"""Into how many folds a search deals the training side that says nothing of folds."""


def _usual_folds(model: Model) -> Call:
    split = model.training.split
    if isinstance(split, TimeSplit):
        return _call("TimeFolds", folds=USUAL_FOLDS, gap=split.gap)
    if model.features.group is not None:
        return _call("GroupFolds", folds=USUAL_FOLDS, group=model.features.group)
    return _call("StratifiedFolds", folds=USUAL_FOLDS)


_INNER_FOLDS = 5
"""Into how many folds the rows of an algorithm that learns from folds are dealt, where nothing is said."""


def _inner_folds(model: Model) -> Call:
    """Those of the spec; without them by time where the split is by time, and else so that an entity is in one."""
    split = model.training.split
    if (said := _folds(model, model.training.cv)) is not None:
        return said
    if isinstance(split, TimeSplit):
        return _call("TimeFolds", folds=_INNER_FOLDS, gap=split.gap)
    return _call("GroupFolds", folds=_INNER_FOLDS, group=model.features.entity)


def _folds(model: Model, cv: Cv | None) -> Call | None:
    match cv:
        case None:
            return None
        case StratifiedCv():
            return _call("StratifiedFolds", folds=cv.folds)
        case GroupCv():
            return _call("GroupFolds", folds=cv.folds, group=cv.group or model.features.group or model.features.entity)
        case TimeCv():
            return _call("TimeFolds", folds=cv.folds, gap=cv.gap)
        case _:
            assert_never(cv)


def _early_stopping(section: Training) -> Call | None:
    early = section.early_stopping
    return _call("EarlyStopping", rounds=early.rounds, share=early.share, newest=_newest(section)) if early is not None else None


def _calibrate(section: Training) -> Call | None:
    said = section.calibrate
    return _call("Calibrate", method=said.method, share=said.share, newest=_newest(section)) if said is not None else None


def _newest(section: Training) -> bool | None:
    """Whether rows that are kept apart are the newest; said only where they are."""
    return True if isinstance(section.split, TimeSplit) else None


def _range(values: Range) -> Call:
    log = True if values.log else None
    match values:
        case Range(int_=(int(), int()) as whole):
            return _call("IntRange", whole[0], whole[1], log=log)
        case Range(float_=(float() | int(), float() | int()) as real):
            return _call("FloatRange", real[0], real[1], log=log)
        case Range(choice=tuple() as chosen):
            return _call("Choice", list(chosen))
        case _:
            raise AssertionError(values)  # a rule of `project` refuses it


_TAKEN = frozenset(
    {
        *(
            "features",
            "search",
            "trials",
            "best",
            "tune",
            "training",
            "newest",
            "gates",
            "rollout",
            "experiment",
            "monitoring",
            "alerts",
            "retraining",
        ),
        *("train", "judge", "roll_out", "monitor"),
        *("flow", "task", "steps", "datetime", "timedelta", "emit_event", "verdict", "progress", "decision", "rows", "tuned", "candidate"),
        *("create_progress_artifact", "update_progress_artifact"),
    }
)
"""Names that a flow's module has for something else."""


def custom(model: Model, after: str) -> tuple[Step, ...]:
    """The user's own steps after one of ours, in the order in which they stand."""
    return tuple(_custom(step) for step in model.steps if step.after == after)


def function(step: CustomStep) -> str:
    """What a user's step is called in Python; one that is a word of Python or of the module gets a `_` at its end."""
    name = step.id.replace("-", "_")
    return f"{name}_" if name in _TAKEN or iskeyword(name) else name


def _custom(step: CustomStep) -> Step:
    handle, given = ("Rows", "rows") if step.after == "features" else ("Candidate", "candidate")
    says = {
        "features": f"The rows as {step.python} leaves them; held-out rows stay as they are.",
        "training": f"The candidate, once {step.python} has looked at it.",
    }[step.after]
    return Step(
        name=step.id,
        function=function(step),
        says=says,
        takes=(Parameter(given, handle),),
        gives=handle,
        timeout=step.timeout,
        call=_call("steps.custom.call", Variable(given), id=step.id, python=step.python, params=step.params or None),
    )


def newest(model: Model) -> Step:
    """The step that takes up the version that is there, to be judged again."""
    return Step(
        name="newest",
        says="The newest version as it was registered: nothing is trained.",
        takes=(CAUSE,),
        gives="Candidate",
        call=_call("steps.gates.newest", model=model.name, cause=Variable("cause")),
    )


def batch(spec: Batch, model: Model, inputs: Sequence[ModelInput], runner: Runner | None, group: str | None) -> Step:
    """The step that scores every row of a source, on the environment's runner where there is one, and shows how far it is.

    `group` is what the rows are ranked within; None where the source has no such column.
    """
    name, task = _python(spec.name), f"{model.name}-{spec.name}".replace("_", "-")
    artifacts = (Variable("create_progress_artifact"), Variable("update_progress_artifact"))
    description = f"Rows of {spec.input} that batch/{spec.name} scored."
    return Step(
        name="score",
        function=f"score_{name}",
        says=f"Every row of {spec.input} once, by the champion; a run that was killed goes on where it was.",
        takes=(CAUSE,),
        gives="Scored",
        retries=2,
        retry_after=timedelta(seconds=10),
        call=_call(
            "steps.batch.score",
            batch=spec.name,
            model=model.name,
            source=bare(spec.input),
            key=spec.output.key,
            inputs=[input_(item) for item in inputs],
            path=spec.output.path,
            table=spec.output.table,
            entity=model.features.entity if any(item.column is None for item in inputs) else None,
            group=group,
            overwrite=spec.output.overwrite or None,
            duplicates=spec.duplicates if spec.duplicates != "refuse" else None,
            max_bad=spec.max_bad,
            chunk=spec.chunk,
            workers=spec.workers if runner is None else runner.dask.workers,
            runner=dask(runner) if runner is not None else None,
            cause=Variable("cause"),
            told=_call("steps.batch.shown", *artifacts, key=task, description=description),
        ),
    )


def batch_flow(name: str) -> str:
    """The flow of a batch, as its model's module calls it."""
    return f"batch_{_python(name)}"


def _python(name: str) -> str:
    return name.replace("-", "_")


def gates(model: Model) -> Step:
    """The step that judges a candidate."""
    return Step(
        name="gates",
        says="Whether the candidate may go on, and why.",
        takes=(Parameter("candidate", "Candidate"),),
        gives="Verdict",
        call=_call("steps.gates.judge", Variable("candidate"), *(_gate(gate) for gate in model.gates)),
    )


def rollout(model: Model, holdout: float = 0.0) -> Step:
    """The step that looks at a rollout once; without the section, a candidate takes over at once.

    Where an experiment follows, the step looks at whichever of both runs; `holdout` is the share that no experiment of the project touches.
    """
    if model.experiment is not None:
        before = () if model.rollout is None else (_canary(model.rollout),)
        compared = _experiment(model.experiment, model.features.target.delay, holdout)
        call = _call("steps.experiment.advance", compared, *before, model=model.name, cause=Variable("cause"))
        first = "the rollout until it has passed, then at " if before else ""
        says = f"Look once at {first}the experiment: begin it, go on, promote, keep or roll back."
        return Step(name="rollout" if before else "experiment", says=says, takes=(CAUSE,), gives="Progress", call=call)
    if model.rollout is None:
        says, call = "Make the newest candidate that passed its gates the champion.", _call("steps.rollout.replace")
    else:
        says = "Look at the rollout once: begin it, raise it, hold it, promote the candidate or roll it back."
        call = _call("steps.rollout.advance", _canary(model.rollout))
    given = _call(call.name, *call.positional, model=model.name, cause=Variable("cause"))
    return Step(name="rollout", says=says, takes=(CAUSE,), gives="Progress", call=given)


def monitoring(model: Model, section: Monitoring) -> tuple[Step, Step]:
    """The steps that measure the windows, and that alert on them."""
    drift, performance = section.drift, section.performance
    measure = Step(
        name="monitoring",
        says="Drift and performance of the windows that are full.",
        takes=(CAUSE,),
        gives="Windows",
        call=_call(
            "steps.monitoring.measure",
            model=model.name,
            window=section.window.rows,
            every=section.every,
            delay=model.features.target.delay,
            drift=None
            if drift is None
            else _call(
                "Drift",
                features=drift.features,
                method=drift.method,
                warning=drift.effect.warning,
                critical=drift.effect.critical,
            ),
            performance=None
            if performance is None
            else _call(
                "Performance",
                metric=performance.metric,
                estimate=performance.estimate,
                min_labels=performance.min_labels,
                average=performance.average,
            ),
            cause=Variable("cause"),
        ),
    )
    rules = [
        _call(
            "Alert",
            id=alert.id,
            when=alert.when,
            windows=alert.windows,
            severity=alert.severity,
            notify=[bare(channel) for channel in alert.notify],
        )
        for alert in section.alerts
    ]
    alert = Step(
        name="alerts",
        says="Which alerts fire, and which are over.",
        takes=(Parameter("windows", "Windows"),),
        gives="Alerts",
        call=_call("steps.monitoring.alert", Variable("windows"), *rules),
    )
    return measure, alert


def retraining(model: Model) -> Step:
    """The step that decides whether a new candidate is due: after the alerts, or by itself where nothing is monitored."""
    triggers = [_trigger(trigger) for trigger in model.retraining]
    monitored = model.monitoring is not None
    return Step(
        name="retraining",
        says="Whether a new candidate is worth its cost now.",
        takes=(Parameter("alerts", "Alerts") if monitored else CAUSE,),
        gives="Decision",
        call=_call("steps.retraining.decide", Variable("alerts"), *triggers)
        if monitored
        else _call("steps.retraining.ask", *triggers, model=model.name, cause=Variable("cause")),
    )


def _call(name: str, /, *positional: Value, **keywords: Value) -> Call:
    """A call without the keywords that are None: what a step is not told has the step's own default."""
    return Call(name, positional, tuple((word, value) for word, value in keywords.items() if value is not None))


def input_(item: ModelInput) -> Call:
    """One of a model's inputs, as the steps are told it."""
    match item.type:
        case "number":
            return _call("Number", item.name, column=item.column, view=_view(item), low=item.low, high=item.high)
        case "category":
            return _call("Category", item.name, column=item.column, view=_view(item))
        case "text":
            return _call("Text", item.name, column=item.column, view=_view(item))
        case None:
            raise AssertionError(item)  # a rule of `project` refuses it


def _view(item: ModelInput) -> str | None:
    return item.view if item.column is None else None


def _split(split: Split) -> Call:
    match split:
        case RandomSplit():
            return _call("RandomSplit", holdout=split.holdout, stratify=split.stratify)
        case TimeSplit():
            return _call("TimeSplit", holdout=split.holdout, gap=split.gap)
        case _:
            assert_never(split)


def _gate(gate: Gate) -> Call:
    mode = gate.mode if gate.mode != "block" else None
    waive = None if gate.waive is None else _call("Waiver", by=gate.waive.by, reason=gate.waive.reason, until=gate.waive.until)
    if gate.gate is not None:
        return _call("ByPlugin", id=gate.id, gate=gate.gate, params=gate.params or None, mode=mode, waive=waive)
    asked: dict[str, Value] = {"mode": mode, "average": gate.average, "each": gate.each, "k": gate.k}
    slices = [_slice(one) for one in gate.slices] or None
    if gate.versus is not None:
        better = gate.better_by_at_least
        return _call(
            "NoWorse",
            id=gate.id,
            metric=gate.metric,
            versus=gate.versus,
            worse_by_at_most=gate.worse_by_at_most if better is None else None,
            better_by_at_least=better,
            confidence=gate.confidence,
            test=gate.test if gate.test != "bootstrap" else None,
            first=gate.first,
            **asked,
            slices=slices,
            waive=waive,
        )
    least, most = gate.bounds
    if least is None and most is None:
        raise AssertionError(gate)  # a rule of `project` refuses it
    bound: tuple[str, Value] = ("min", least) if least is not None else ("max", most)
    if isinstance(most, timedelta):
        bound = ("max", most.total_seconds())
    return _call(
        "Minimum" if least is not None else "Maximum",
        **{"id": gate.id, "metric": gate.metric, bound[0]: bound[1]},
        by=_names(gate.by),
        min_group=gate.min_group if gate.by is not None else None,
        **asked,
        proven=gate.proven or None,
        confidence=gate.confidence if gate.proven else None,
        slices=slices,
        waive=waive,
    )


def _slice(item: Slice) -> Call:
    return _call("Slice", by=_names(item.by), where=item.where, min_rows=item.min_rows)


def _names(by: str | tuple[str, ...] | None) -> Value:
    """One name, or a list of them."""
    return list(by) if isinstance(by, tuple) else by


def _canary(section: Rollout) -> Call:
    return _call(
        "Canary",
        unit=section.unit,
        steps=[_call("Step", weight=step.weight, hold=step.hold) for step in section.steps],
        judge=[_judge(judge) for judge in section.judge],
        false_rollback=section.false_rollback,
        false_promotion=section.false_promotion,
        when_undecided=section.when_undecided,
        warmup=_call("Warmup", requests=section.warmup.requests, time=section.warmup.for_),
        no_data=_call("NoData", after=section.no_data.after, then=section.no_data.then, deadline=section.no_data.deadline),
    )


def _experiment(section: Experiment, delay: timedelta, holdout: float) -> Call:
    """What `headrace.experiment.declared` makes of the section, as code."""
    primary, decide = section.primary, section.decide
    return _call(
        "Experiment",
        arms=dict(section.arms),
        unit=section.unit,
        primary=[
            _call(
                "Primary",
                metric=primary.metric,
                detect=_difference(primary.detect),
                baseline=primary.baseline,
                mean=primary.mean,
                deviation=primary.deviation,
            )
        ],
        lasts=section.for_,
        secondary=list(section.secondary) or None,
        guardrails=[_call("Guardrail", metric=one.metric, worse_by_at_most=_difference(one.worse_by_at_most)) for one in section.guardrails]
        or None,
        segments=list(section.segments) or None,
        coverage=section.coverage,
        layer=section.layer,
        holdout=holdout or None,
        design=section.design,
        alpha=section.alpha,
        power=section.power,
        looks=section.looks,
        delay=delay,
        decide=_call("Decide", win=decide.win, lose=decide.lose, guardrail=decide.guardrail, at_end=decide.at_end),
        measures=[
            _call(
                "Measure",
                name=name,
                kind=one.kind,
                better=one.better,
                of=one.of,
                per=one.per,
                winsorize=one.winsorize,
                covariate=one.covariate,
                within=one.within,
            )
            for name, one in sorted(section.measures.items())
        ]
        or None,
    )


def _difference(given: Difference) -> Call:
    return _call("Difference", value=given.value, relative=given.relative)


def _judge(judge: Judge) -> Call:
    return _call(
        "Judge",
        metric=judge.metric,
        over=judge.over,
        promote_below=judge.promote_below,
        negligible=judge.negligible,
        ceiling=judge.ceiling,
    )


def _trigger(trigger: Retraining) -> Call:
    if trigger.schedule is not None:
        return _call("OnSchedule", id=trigger.id, cron=trigger.schedule, cooldown=trigger.cooldown, new_labels=trigger.needs.new_labels)
    if trigger.when is None:
        raise AssertionError(trigger)  # a rule of `project` refuses it
    (quantity,) = parse(trigger.when).names()
    alert = quantity.removeprefix("alert.")
    return _call("OnAlert", id=trigger.id, alert=alert, cooldown=trigger.cooldown, new_labels=trigger.needs.new_labels)
