"""`headrace simulate`: what a declared policy would do, on traffic that is made up, thousands of times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.completing import models
from headrace.cli.place import environment_option, json_option, load_project, root_option
from headrace.cli.simulate_experiment import experiment
from headrace.cli.view import ended, progress, show, table, wants_json
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from headrace.project import Project
    from headrace.rollout.canary import Canary
    from headrace.rollout.world import Effect, Rate, World
    from headrace.spec import Model


@click.group("simulate")
def command() -> None:
    """Run a declared policy on traffic that is made up, and print how often it errs and how long it takes.

    \b
    Examples:
      headrace simulate rollout employment
      headrace simulate experiment employment
    """  # noqa: D301 - click's own mark


command.add_command(experiment)


@command.command("rollout")
@click.argument("model", shell_complete=models)
@click.option("--traffic", metavar="RATE", help="Requests, such as `12000/d`; what `serving.traffic` says, if not given.")
@click.option(
    "--base",
    multiple=True,
    metavar="METRIC=RATE",
    help="The champion's rate, such as `error_rate=1%`, or from the first step to the last, `error_rate=0.5%..3%`; 1% if not given.",
)
@click.option(
    "--candidate",
    multiple=True,
    metavar="METRIC=EFFECT",
    help="The candidate: `error_rate=2x` the champion's rate, or a rate of its own, `error_rate=3%`. Without it, several usual ones.",
)
@click.option("--cluster", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many requests come of one unit.")
@click.option("--icc", metavar="SHARE", default="0%", show_default=True, help="How much failures of one unit resemble each other.")
@click.option(
    "--runs", type=click.IntRange(100, 1_000_000), default=4000, show_default=True, help="How often each candidate is rolled out."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed gives the same figures.")
@click.option(
    "--every",
    type=click.IntRange(1),
    help="Judge after each so many requests; after 50 at first and 2% of those before later, if not given.",
)
@environment_option
@root_option
@json_option
def rollout(  # noqa: PLR0917 - one an option
    model: str,
    traffic: str | None,
    base: tuple[str, ...],
    candidate: tuple[str, ...],
    cluster: int,
    icc: str,
    runs: int,
    seed: int,
    every: int | None,
    environment: str | None,
    root: Path,
    *,
    as_json: bool,
) -> None:
    """Run the section `rollout` of MODEL on traffic that is made up, by the rules that its servers and its flow go by.

    Requests arrive and fail by chance, at rates that are said or assumed, and that may drift. Printed are the shares of the ends, the
    candidate's requests and the days until it was promoted or rolled back for harm (median and 90th percentile), and whether the spec's
    `false_rollback` and `false_promotion` are kept. Ends with exit code 4 where one is not: failures of one unit that come together are the
    usual cause.

    \b
    Examples:
      headrace simulate rollout employment
      headrace simulate rollout employment --base error_rate=0.5%..3% --candidate error_rate=2x
      headrace simulate rollout employment --traffic 5000/h --cluster 10 --icc 20% --json
    """  # noqa: D301 - click's own mark
    from headrace.rollout.characteristics import told, usual
    from headrace.rollout.declared import canary as declared
    from headrace.rollout.simulate import simulate

    project = load_project(root, environment)
    found = meant(project, model)
    canary = declared(found.rollout, found.features.target.delay) if found.rollout is not None else None
    if canary is None:
        message = f"model/{found.name} has no section `rollout`: a version that passes its gates answers at once"
        raise HeadraceError(Diagnostic("no-rollout", message, help="`headrace explain model.rollout` shows one"), Exit.REFUSED)
    _simulable(canary)
    world = _world(found, canary, traffic, base, cluster, icc)
    chosen = _effects(canary, candidate)
    worlds = list(usual(canary, world)) if not chosen else [_chosen(world, chosen, candidate)]
    results = []
    for number, one in enumerate(worlds, 1):
        if not wants_json():
            progress(f"{number} of {len(worlds)}: {one.name}")
        ends = simulate(canary, one, runs=runs, seed=seed, every=every or 50, grows=every is None)
        results.append(told(canary, one, ends))
    if not wants_json():
        ended(f"{len(worlds)} candidates, {runs:,} rollouts of each")
    kept = all(result["bound"] is None or result["bound"]["kept"] for result in results)
    met = {"model": found.name, "traffic_per_day": world.per_day, "cluster": cluster, "icc": world.icc, "runs": runs, "seed": seed}
    told_all = {**met, "steps": _steps(canary), "assumed": _unsaid(canary, base), "kept": kept, "candidates": results}
    show(told_all, _text, as_json=as_json)
    if not kept:
        raise click.exceptions.Exit(Exit.REFUSED)


def _simulable(canary: Canary) -> None:
    """HeadraceError `not-simulated` where the rollout is judged by what no server counts."""
    beyond = [judge.metric for judge in canary.judge if not judge.counted]
    if beyond:
        message = f"the rollout is judged by `{beyond[0]}`, and what is simulated are requests that fail or are slow"
        help_ = f"try it without `{beyond[0]}`: false_rollback then is the part that the others have of it"
        raise HeadraceError(Diagnostic("not-simulated", message, help=help_), Exit.REFUSED)


def meant(project: Project, text: str) -> Model:
    """The model that is meant; HeadraceError `unknown-model`."""
    from headrace.spec.wording import nearest

    name, known = text.removeprefix("model/"), {model.name: model for model in project.models}
    if name not in known:
        meant = nearest(name, list(known))
        help_ = f"did you mean `{meant}`?" if meant else f"the project has: {', '.join(sorted(known)) or 'none'}"
        raise HeadraceError(Diagnostic("unknown-model", f"there is no model `{name[:80]}`", help=help_), Exit.USAGE)
    return known[name]


def _world(model: Model, canary: Canary, traffic: str | None, base: tuple[str, ...], cluster: int, icc: str) -> World:  # noqa: PLR0917 - what a world is made of
    """What comes, before the candidate is known."""
    from headrace.rollout.world import World

    per_day = read("--traffic", rate, traffic) if traffic is not None else getattr(model.serving, "traffic", None)
    if not per_day:
        message = f"how many requests model/{model.name} gets is not known: `serving.traffic` is not declared"
        raise HeadraceError(Diagnostic("no-traffic", message, help="type for example `--traffic 12000/d`"), Exit.USAGE)
    alike = read("--icc", share, icc)
    if alike >= 1.0:
        raise click.BadParameter("`100%` would make all failures of a unit one: less than that", param_hint="--icc")
    said = {metric: read("--base", _ramp, text) for metric, text in _pairs(canary, "--base", base).items()}
    return World(
        name="",
        per_day=per_day,
        base={j.metric: said.get(j.metric, _assumed(j.ceiling)) for j in canary.judge},
        effect={},
        cluster=cluster,
        icc=alike,
    )


def _assumed(ceiling: float | None) -> Rate:
    from headrace.rollout.expected import assumed
    from headrace.rollout.world import Rate

    rate = assumed(ceiling)
    return Rate(rate, rate)


def _chosen(world: World, effects: Mapping[str, Effect], said: tuple[str, ...]) -> World:
    from dataclasses import replace

    return replace(world, name=", ".join(said), effect=effects)


def _effects(canary: Canary, candidate: tuple[str, ...]) -> dict[str, Effect]:
    from headrace.rollout.world import Effect
    from headrace.spec.quantity import ratio

    def effect(text: str) -> Effect:
        return Effect(rate=share(text)) if text.endswith("%") else Effect(times=ratio(text))

    return {metric: read("--candidate", effect, text) for metric, text in _pairs(canary, "--candidate", candidate).items()}


def _pairs(canary: Canary, option: str, given: tuple[str, ...]) -> dict[str, str]:
    """METRIC=TEXT of an option that may be given again, each of a metric that the rollout is judged by."""
    judged = [str(judge.metric) for judge in canary.judge]
    found: dict[str, str] = {}
    for text in given:
        metric, sign, value = text.partition("=")
        if not sign:
            raise click.BadParameter(f"`{text}` is not of the form METRIC=VALUE", param_hint=option)
        if metric not in judged:
            raise click.BadParameter(f"the rollout is not judged by `{metric}`, but by {' and '.join(judged)}", param_hint=option)
        found[metric] = value
    return found


def _unsaid(canary: Canary, base: tuple[str, ...]) -> list[str]:
    said = {text.partition("=")[0] for text in base}
    return [judge.metric for judge in canary.judge if judge.metric not in said]


def _steps(canary: Canary) -> list[dict[str, float]]:
    return [{"weight": step.weight, "hold_seconds": step.hold.total_seconds()} for step in canary.steps]


def read(option: str, reader: Any, text: str) -> Any:  # noqa: ANN401 - of whatever the reader makes
    """The text of an option as its reader has it; told in its place where it cannot be read."""
    try:
        return reader(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def rate(text: str) -> float:
    """Requests a day."""
    from headrace.spec import quantity

    return quantity.rate(text)


def share(text: str) -> float:
    """A share of all, at most 1."""
    from headrace.spec.quantity import percentage

    found = percentage(text)
    if found > 1.0:
        raise ValueError(f"`{text}` is more than all")
    return found


def _ramp(text: str) -> Rate:
    from headrace.rollout.world import Rate

    first, sign, last = text.partition("..")
    return Rate(share(first), share(last if sign else first))


def _text(result: Mapping[str, Any]) -> str:
    from headrace.spec.quantity import write_duration

    whole = timedelta(seconds=sum(step["hold_seconds"] for step in result["steps"]))
    steps = " → ".join(f"{step['weight'] * 100:g}%" for step in result["steps"])
    first = result["candidates"][0]["rates"]
    lines = [
        f"model/{result['model']}: {steps} in {write_duration(whole)}, {result['traffic_per_day']:,.0f} requests a day",
        f"{result['runs']:,} rollouts of each candidate, seed {result['seed']}",
        "the champion's rates: " + ", ".join(_rates(metric, rates["champion"], result["assumed"]) for metric, rates in first.items()),
        "",
    ]
    head = ("candidate", "promoted", "rolled back", "undecided", "no data", "held", "its requests until then", "days until then")
    rows = [
        (
            one["name"],
            *(f"{one['ends'][end]:.1%}" for end in ("promoted", "harmful", "undecided", "no-data", "held")),
            _spread(one["candidate_requests"], ",.0f"),
            _spread(one["days"], ".2g"),
        )
        for one in result["candidates"]
    ]
    lines += [table(rows, head), ""]
    lines += [_bound(one) for one in result["candidates"] if one["bound"] is not None]
    return "\n".join(lines)


def _rates(metric: str, rates: list[float], assumed: list[str]) -> str:
    told = f"{rates[0] * 100:g}%" if rates[0] == rates[1] else f"{rates[0] * 100:g}% to {rates[1] * 100:g}%"
    return f"{metric} {told}" + (" (assumed)" if metric in assumed else "")


def _spread(spread: Mapping[str, float] | None, form: str) -> str:
    return "-" if spread is None else f"{spread['median']:{form}} (p90 {spread['p90']:{form}})"


def _bound(one: Mapping[str, Any]) -> str:
    bound, word = one["bound"], "kept" if one["bound"]["kept"] else "NOT KEPT"
    found = f"{bound['measured']:.2%} ({bound['low']:.2%} to {bound['high']:.2%})"
    return f"{bound['error'].replace('_', ' ')} ({one['name']}): {found} of {bound['allowed'] * 100:g}% allowed: {word}"
