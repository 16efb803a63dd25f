"""What a gate promises: a ruling with its reason, the same for the same rows in any order, and none that passes on nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headrace.gates.ruling import NoRuling, checked
from headrace.hooks import Gate, HeldOut, Live, Ruling
from headrace.spec.params import read_params
from headrace.testing.beside import SIGNATURE, answer, beside, rows_of, taken
from headrace.testing.fault import Broken, Checks, Unmet, function, params_are_closed, params_model, settings, tried
from headrace.testing.variants import variants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Judge = Callable[[HeldOut], object]


def check_gate(gate: Gate, params: Mapping[str, Any] | None = None) -> list[Broken]:
    """What is wrong with a gate; `params` are tried where its defaults and the examples of its fields are not all there."""
    return tried(gate, lambda found: _checked(gate, params, found))


def _checked(gate: Gate, params: Mapping[str, Any] | None, checks: Checks) -> None:
    checks.run("params", lambda: params_are_closed(gate))
    judge = function(gate, "judge")
    given = read_params(params_model(gate), settings(gate, params))

    def asked(held_out: HeldOut) -> object:
        return judge(held_out, given, seed=7)

    for said, other in variants(params_model(gate), settings(gate, params)):
        checks.run("ruling", lambda said=said, other=other: _rules(gate, lambda rows: judge(rows, other, seed=7), said))  # type: ignore[misc]
    if not gate.measures:
        checks.run("deterministic", lambda: _deterministic(gate, asked))
        checks.run("order-of-rows", lambda: _order(gate, asked))
    checks.run("first-champion", lambda: _first(gate, asked))
    checks.run("no-rows", lambda: _no_rows(gate, asked))
    checks.run("inputs-unchanged", lambda: _inputs(gate, asked))


def held_out(gate: Gate, n: int = 400) -> HeldOut:
    """Rows as they come: a candidate and a champion that know something and differ, a baseline that knows less."""
    import numpy as np

    rng = np.random.default_rng(7)
    target = (rng.random(n) < 0.4).astype(float)  # noqa: PLR2004 - a share of positives

    def answers(knows: float) -> NDArray[np.float64]:
        return np.clip(0.3 + knows * target + rng.normal(0, 0.15, n), 0.001, 0.999)

    rows = rows_of(target, rng)
    others = {"champion": answers(0.35), "baseline": answers(0.2)}
    live = _live(empty=not n) if "live" in gate.asks else None
    champion, baseline = (others[who] if who in gate.asks else None for who in ("champion", "baseline"))
    predictions = answer(rows) if {"candidate", "files"} & set(gate.asks) else answers(0.4)
    return HeldOut(rows, target, predictions, champion, baseline, live=live, signature=SIGNATURE, **beside(gate, rows, target))


def _answering(gate: Gate) -> list[str]:
    """Of whom it asks for, those that answer."""
    return [who for who in ("champion", "baseline") if who in gate.asks]


def _live(*, empty: bool) -> Live:
    """What is read online of a few entities, which is what a training set would hold, and what was answered from."""
    import pandas as pd

    held = pd.DataFrame({"spend": [1.5, 0.0, None], "region": ["north", None, "west"]}, dtype=object)
    moments = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    held = held.head(0) if empty else held
    return Live(["7", "8", "9"][: len(held)], moments[: len(held)], held, held.copy(), held.copy())


def _ruling(judge: Judge, given: HeldOut, on: str) -> Ruling:
    try:
        return checked(judge(given))
    except NoRuling as why:
        raise Unmet(f"on {on}: {why}") from None


def _rules(gate: Gate, judge: Judge, said: str) -> Iterator[str]:
    try:
        _ruling(judge, held_out(gate), f"ordinary rows{said}")
    except Unmet:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        yield f"on ordinary rows{said} it raised {type(error).__name__}: {error}"


def _deterministic(gate: Gate, judge: Judge) -> Iterator[str]:
    if len({_ruling(judge, held_out(gate), "ordinary rows") for _ in range(3)}) > 1:
        yield "the same rows and seed gave another ruling"


def _order(gate: Gate, judge: Judge) -> Iterator[str]:
    import numpy as np

    given = held_out(gate)
    order = np.random.default_rng(3).permutation(len(given.target))
    moved: dict[str, Any] = {who: getattr(given, who)[order] for who in ("target", "predictions", *_answering(gate))}
    if given.known is not None:
        moved["known"] = taken(given.known, order)
    one = _ruling(judge, given, "ordinary rows")
    other = _ruling(judge, replace(given, rows=given.rows.iloc[order].reset_index(drop=True), **moved), "the same rows in another order")
    near = one.value is None or other.value is None or math.isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-9)
    if one.passed != other.passed or not near:
        yield f"the same rows in another order gave {other.passed} ({other.reason}) instead of {one.passed} ({one.reason})"


def _first(gate: Gate, judge: Judge) -> Iterator[str]:
    """Before the first champion there is none to compare with; whether it passes then, the gate says."""
    if "champion" in gate.asks:
        _ruling(judge, replace(held_out(gate), champion=None), "rows without a champion")
    yield from ()


def _no_rows(gate: Gate, judge: Judge) -> Iterator[str]:
    """Whatever it raises fails closed; to pass on nothing is the fault."""
    try:
        said = checked(judge(held_out(gate, n=0)))
    except Exception:  # noqa: BLE001 - whatever it is, it is no pass
        return
    if said.passed:
        yield f"on no rows it passes: {said.reason}"


def _inputs(gate: Gate, judge: Judge) -> Iterator[str]:
    given, kept = held_out(gate), held_out(gate)
    judge(given)
    same = all((getattr(given, part) == getattr(kept, part)).all() for part in ("target", "predictions", *_answering(gate)))
    if given.live is not None and kept.live is not None:
        same = same and given.live.online.equals(kept.live.online) and given.live.offline.equals(kept.live.offline)
    if not same or not given.rows.equals(kept.rows):
        yield "it changes the rows that it is given"
