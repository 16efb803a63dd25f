"""`headrace simulate experiment`: what a declared experiment would come to, on units that are made up, thousands of times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, load_project, root_option
from headrace.cli.view import ended, progress, show, table, wants_json
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.experiment.declared import Declared
    from headrace.experiment.world import Value, World
    from headrace.hooks import Plugins
    from headrace.spec import Model

_LIKELIEST = {"error_rate": 0.01}
"""The champion's rate where none is said; of any other share, what needs the most units: a half."""
_HAIR = 1e-9
_ENDS = ("won", "lost", "guardrail", "undecided", "invalid")


@click.command("experiment")
@click.argument("model", shell_complete=models)
@click.option("--traffic", metavar="RATE", help="Requests, such as `12000/d`; what `serving.traffic` says, if not given.")
@click.option(
    "--base",
    multiple=True,
    metavar="METRIC=VALUE",
    help="The champion's value: a share, `accuracy=80%`, drifting, `accuracy=80%..85%`; a mean with a deviation, `spent=31~12`.",
)
@click.option(
    "--candidate",
    multiple=True,
    metavar="METRIC=EFFECT",
    help="How the candidate differs: `accuracy=+2pp`, `spent=-5% relative`, `accuracy=+0pp`. Without it, several usual candidates.",
)
@click.option("--dealt", multiple=True, metavar="ARM=SHARE", help="The share that an arm really gets; the others share what is left.")
@click.option("--delay", metavar="TIME", help="After how long a unit's values are known; the target's delay, if not given.")
@click.option("--cluster", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many requests a unit makes.")
@click.option("--icc", metavar="SHARE", default="0%", show_default=True, help="How much the values of one unit resemble each other.")
@click.option("--runs", type=click.IntRange(100, 1_000_000), default=1000, show_default=True, help="How often each candidate is tried.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed gives the same figures.")
@environment_option
@root_option
@json_option
def experiment(  # noqa: PLR0917 - one an option
    model: str,
    traffic: str | None,
    base: tuple[str, ...],
    candidate: tuple[str, ...],
    dealt: tuple[str, ...],
    delay: str | None,
    cluster: int,
    icc: str,
    runs: int,
    seed: int,
    environment: str | None,
    root: Path,
    *,
    as_json: bool,
) -> None:
    """Run the section `experiment` of MODEL on units that are made up, by the analysis and the decisions that a real one goes by.

    Units arrive, are dealt their arms and have values by chance; each look that is due is analysed and decided. Printed are the shares of
    the ends, the units and the days until it was decided (median and 90th percentile), and whether `alpha` and `power` are kept. Ends with
    exit code 4 where one is not: too little traffic for `detect` is the usual cause.

    \b
    Examples:
      headrace simulate experiment employment
      headrace simulate experiment employment --base accuracy=80%..84% --candidate accuracy=+2pp
      headrace simulate experiment employment --traffic 5000/h --dealt candidate=45% --json
    """  # noqa: D301 - click's own mark
    from headrace.cli.simulate import meant
    from headrace.experiment.characteristics import told, usual
    from headrace.experiment.simulate import looks, simulate

    project = load_project(root, environment)
    found = meant(project, model)
    declared = _declared(found)
    world, left_out = _world(found, declared, project.plugins, traffic, base, delay, cluster, icc, dealt)
    effects = {metric: _effect(world, metric, text) for metric, text in _pairs(world, "--candidate", candidate).items()}
    worlds = list(usual(declared, world)) if not candidate else [_named(world, effects, candidate)]
    results = []
    for number, one in enumerate(worlds, 1):
        if not wants_json():
            progress(f"{number} of {len(worlds)}: {one.name}")
        results.append(told(declared, one, simulate(_without(declared, left_out), one, runs=runs, seed=seed)))
    if not wants_json():
        ended(f"{len(worlds)} candidates, {runs:,} experiments of each")
    kept = all(result["bound"] is None or result["bound"]["kept"] for result in results)
    met = {
        "model": found.name,
        "design": declared.design,
        "days": declared.lasts / timedelta(days=1),
        "looks": len(looks(declared)),
        "units_per_day": world.per_day,
        "dealt": dict(world.dealt),
        "delay_days": world.delay / timedelta(days=1),
        "cluster": cluster,
        "icc": world.icc,
        "runs": runs,
        "seed": seed,
    }
    values = {metric: _told(about) for metric, about in world.values.items()}
    show({**met, "champion": values, "left_out": left_out, "kept": kept, "candidates": results}, _text, as_json=as_json)
    if not kept:
        raise click.exceptions.Exit(Exit.REFUSED)


def _declared(model: Model) -> Declared:
    """The section as its flow has it; HeadraceError `undeclared-experiment`."""
    from headrace.experiment.declared import declared

    if model.experiment is None:
        message = f"model/{model.name} has no section `experiment`: a candidate that is no worse is promoted"
        raise HeadraceError(
            Diagnostic("undeclared-experiment", message, help="`headrace explain model.experiment` shows one"), Exit.REFUSED
        )
    return declared(model.experiment, delay=model.features.target.delay)


def _without(declared: Declared, left_out: list[str]) -> Declared:
    """What is simulated of it: what decides, and of that what is no quantile."""
    from dataclasses import replace

    rails = tuple(rail for rail in declared.guardrails if rail.metric not in left_out)
    return replace(declared, guardrails=rails, secondary=(), segments=())


def _world(  # noqa: PLR0917 - what a world is made of
    model: Model,
    declared: Declared,
    plugins: Plugins,
    traffic: str | None,
    base: tuple[str, ...],
    delay: str | None,
    cluster: int,
    icc: str,
    dealt: tuple[str, ...],
) -> tuple[World, list[str]]:
    """What comes, before the candidate is known, and the guardrails that are left out."""
    from headrace.cli.simulate import rate, read, share
    from headrace.experiment.operational import quantile
    from headrace.experiment.world import World
    from headrace.spec.quantity import duration

    per_day = read("--traffic", rate, traffic) if traffic is not None else getattr(model.serving, "traffic", None)
    if not per_day:
        message = f"how many requests model/{model.name} gets is not known: `serving.traffic` is not declared"
        raise HeadraceError(Diagnostic("no-traffic", message, help="type for example `--traffic 12000/d`"), Exit.USAGE)
    alike = read("--icc", share, icc)
    if alike >= 1.0:
        raise click.BadParameter("`100%` would make all values of a unit one: less than that", param_hint="--icc")
    left_out = [rail.metric for rail in declared.guardrails if quantile(rail.metric) is not None]
    named = [*(one.metric for one in declared.primary), *(rail.metric for rail in declared.guardrails)]
    names = [name for name in dict.fromkeys(named) if name not in left_out]
    values = {name: _assumed(declared, plugins, name) for name in names}
    world = World(
        name="",
        per_day=per_day * declared.coverage * (1 - declared.holdout) / cluster,
        values=values,
        dealt=_dealt(declared, dealt),
        delay=declared.delay if delay is None else read("--delay", duration, delay),
        cluster=cluster,
        icc=alike,
    )
    from dataclasses import replace

    said = {name: _said(values[name], text) for name, text in _pairs(world, "--base", base).items()}
    return replace(world, values={**values, **said}), left_out


def _assumed(declared: Declared, plugins: Plugins, name: str) -> Value:
    """A metric's value where none is said: what the section was planned with, or the share that needs the most units."""
    from headrace.experiment.operational import ERROR_RATE
    from headrace.experiment.world import Value

    measured = {one.name: one.better for one in declared.measures}
    better = measured.get(name) or ("lower" if name == ERROR_RATE else plugins.metrics[name].better)
    for one in declared.primary:
        if one.metric == name and one.mean is not None:
            return Value(first=one.mean, last=one.mean, better=better, deviation=one.deviation)
        if one.metric == name and one.baseline is not None:
            return Value(first=one.baseline, last=one.baseline, better=better)
    rate = _LIKELIEST.get(name, 0.5)
    return Value(first=rate, last=rate, better=better)


def _said(about: Value, text: str) -> Value:
    """`80%`, `80%..85%`, `31.5~12`."""
    from dataclasses import replace

    from headrace.cli.simulate import read, share

    if (found := re.fullmatch(r"(-?\d+(?:\.\d+)?)~(\d+(?:\.\d+)?)", text)) is not None:
        if not float(found[2]):
            raise click.BadParameter(f"values of the deviation 0, as in `{text}`, are all one", param_hint="--base")
        return replace(about, first=float(found[1]), last=float(found[1]), deviation=float(found[2]))
    first, sign, last = text.partition("..")
    return replace(about, first=read("--base", share, first), last=read("--base", share, last if sign else first), deviation=None)


def _effect(world: World, metric: str, text: str) -> float:
    """`+2pp`, `-5% relative`, and of a mean `+0.5`: in the metric's unit."""
    from headrace.cli.simulate import read
    from headrace.spec.quantity import difference

    sign, rest = text[:1], text[1:]
    if sign not in {"+", "-"}:
        raise click.BadParameter(f"`{text}` has no sign: write for example `+2pp` or `-5% relative`", param_hint="--candidate")
    about = world.values[metric]
    if about.deviation is not None and re.fullmatch(r"\d+(?:\.\d+)?", rest):
        by = float(rest)
    else:
        by = read("--candidate", difference, rest).of(about.first)
    return by if sign == "+" else -by


def _named(world: World, effects: Mapping[str, float], said: tuple[str, ...]) -> World:
    from dataclasses import replace

    return replace(world, name=", ".join(said), effect=effects)


def _dealt(declared: Declared, given: tuple[str, ...]) -> dict[str, float]:
    """The shares that arms really get: as declared, but for those that are said."""
    from headrace.cli.simulate import read, share

    said: dict[str, float] = {}
    for text in given:
        arm, sign, value = text.partition("=")
        if not sign or arm not in declared.arms:
            raise click.BadParameter(f"`{text}` is no ARM=SHARE: the arms are {', '.join(declared.arms)}", param_hint="--dealt")
        said[arm] = read("--dealt", share, value)
    left, others = 1.0 - sum(said.values()), sum(value for arm, value in declared.arms.items() if arm not in said)
    if left < -_HAIR or (others == 0 and left > _HAIR):
        raise click.BadParameter("the shares of all arms together are 100%", param_hint="--dealt")
    return {arm: said[arm] if arm in said else max(left, 0.0) * value / others for arm, value in declared.arms.items()}


def _pairs(world: World, option: str, given: tuple[str, ...]) -> dict[str, str]:
    """METRIC=TEXT of an option that may be given again, each of a metric that is simulated."""
    found: dict[str, str] = {}
    for text in given:
        metric, sign, value = text.partition("=")
        if not sign:
            raise click.BadParameter(f"`{text}` is not of the form METRIC=VALUE", param_hint=option)
        if metric not in world.values:
            raise click.BadParameter(f"`{metric}` is not simulated, but {' and '.join(world.values)}", param_hint=option)
        found[metric] = value
    return found


def _told(about: Value) -> dict[str, Any]:
    return {"first": about.first, "last": about.last, "deviation": about.deviation, "better": about.better}


def _text(result: Mapping[str, Any]) -> str:
    shares = ", ".join(f"{arm} {share * 100:.3g}%" for arm, share in result["dealt"].items())
    champion = ", ".join(_value(metric, about) for metric, about in result["champion"].items())
    lines = [
        (
            f"model/{result['model']}: {result['design']}, {result['looks']} looks in {result['days']:g} d, "
            f"{result['units_per_day']:,.0f} units a day ({shares})"
        ),
        f"{result['runs']:,} experiments of each candidate, seed {result['seed']}",
        f"the champion's values: {champion}",
        *([f"left out, since quantiles are not simulated: {', '.join(result['left_out'])}"] if result["left_out"] else []),
        "",
    ]
    head = ("candidate", *_ENDS, "units until then", "days until then")
    rows = [
        (one["name"], *(f"{one['ends'][end]:.1%}" for end in _ENDS), _spread(one["units"], ",.0f"), _spread(one["days"], ".2g"))
        for one in result["candidates"]
    ]
    lines += [table(rows, head), ""]
    lines += [_bound(one) for one in result["candidates"] if one["bound"] is not None]
    return "\n".join(lines)


def _value(metric: str, about: Mapping[str, Any]) -> str:
    if about["deviation"] is not None:
        return f"{metric} {about['first']:g} (deviation {about['deviation']:g})"
    drift = "" if about["first"] == about["last"] else f" to {about['last'] * 100:g}%"
    return f"{metric} {about['first'] * 100:g}%{drift}"


def _spread(spread: Mapping[str, float] | None, form: str) -> str:
    return "-" if spread is None else f"{spread['median']:{form}} (p90 {spread['p90']:{form}})"


def _bound(one: Mapping[str, Any]) -> str:
    bound, word = one["bound"], "kept" if one["bound"]["kept"] else "NOT KEPT"
    found = f"{bound['measured']:.2%} ({bound['low']:.2%} to {bound['high']:.2%})"
    wanted = "asked" if bound["chance"] == "power" else "allowed"
    return f"{bound['chance'].replace('_', ' ')} ({one['name']}): {found} of {bound['declared'] * 100:g}% {wanted}: {word}"
