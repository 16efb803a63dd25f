"""The plan with what simulated rollouts come to: each is simulated once, and told again while all that it goes by is the same."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.plan import Forecast, Prepared
    from headrace.spec import Model

_MOST = 20
"""So many rollouts a plan simulates, some 10 s of work; of more, the next plan does."""


def foresee(root: Path, made: Prepared) -> Prepared:
    """The same plan; its forecasts know how soon each rollout would decide."""
    models = {model.name: model for model in made.project.models}
    left = _MOST
    forecasts = []
    for found in made.plan.forecasts:
        told, simulated = _rollout(root, models[found.model], found, may=left > 0)
        left -= simulated
        forecasts.append(told)
    return replace(made, plan=replace(made.plan, forecasts=tuple(forecasts)))


def _rollout(root: Path, model: Model, found: Forecast, *, may: bool) -> tuple[Forecast, bool]:
    """The forecast with what is expected, and whether that was simulated now."""
    from headrace.rollout.declared import canary
    from headrace.rollout.expected import asked, expected
    from headrace.spec.serving import Serving

    if model.rollout is None or not isinstance(model.serving, Serving) or model.serving.traffic is None:
        return found, False
    section, per_day = canary(model.rollout, model.features.target.delay), model.serving.traffic
    question = {"rollout": asked(section, per_day), "code": _code()}
    place = _place(root, question)
    answer = _read(place, question)
    simulated = answer is None
    if answer is None:
        if not may:
            return found, False
        answer = {"asked": question, "expected": expected(section, per_day)}
        _write(place, answer)
    return replace(found, expected=answer["expected"]), simulated


def _place(root: Path, question: object) -> Path:
    from headrace.digest import digest

    name = digest(json.dumps(question, sort_keys=True).encode()).removeprefix("sha256:")
    return root / ".headrace" / "cache" / f"forecast-{name[:32]}.json"


def _read(place: Path, question: object) -> dict[str, Any] | None:
    """What was found; None where it was not asked yet, or what was written is torn."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told: dict[str, Any] = json.loads(place.read_bytes())
        if told["asked"] == question and "expected" in told:
            return told
    return None


def _write(place: Path, answer: dict[str, Any]) -> None:
    """Where nothing can be written, it is simulated again; a plan is no reason for a project to have a folder of ours."""
    from headrace.cli.whole import write

    if not place.parents[1].is_dir():
        return
    with suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        ignored = place.parent / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="ascii")
        write(place, json.dumps(answer).encode())


@lru_cache(maxsize=1)
def _code() -> str:
    """The code that simulates: another one may find other figures."""
    import headrace
    from headrace.digest import digest

    home = Path(headrace.__file__).parent
    files = sorted(path for room in ("rollout", "stats") for path in (home / room).glob("*.py"))
    return digest(b"".join(path.read_bytes() for path in files))
