"""What gates decide by, gathered: answers to the same held-out rows, their groups, and how long answering takes."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from headrace import registry
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.gates.beside import Beside
from headrace.gates.values import ByPlugin, Gate, NoWorse
from headrace.hooks import Answers, Live, Plugins, Predictor, Signature
from headrace.hooks.answers import BINARY
from headrace.registry import Loaded, Version
from headrace.store import Store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

T = TypeVar("T")
ANSWERING = ("champion", "baseline")
"""Those that are asked on the held-out rows, beside the candidate."""
WARM_UP = 50
"""Single-row predictions before the clock counts."""
MEASURED = 400
"""Single-row predictions that it counts."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A fact that is not there, and why; a gate that needs it fails."""

    reason: str
    first: bool = False
    """There is no champion, because there never was one: `first` of a gate speaks of that, and of nothing else."""


@dataclass(frozen=True)
class Facts:
    """Of the n held-out rows: `target` (n,) and `predictions` as `answers` says, `groups` (n,) of text by input, `others` by who answered.

    `seconds` (m,) are single-row predictions' wall times. Whatever could not be had is `Absent`.
    """

    target: Values
    predictions: Values | Absent
    groups: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    others: Mapping[str, Values | Absent] = field(default_factory=dict)
    seconds: Values | Absent = field(default_factory=lambda: Absent("no latency was measured"))
    live: Live | Absent = field(default_factory=lambda: Absent("there is no live data here"))
    rows: pd.DataFrame | None = None
    """The inputs of the held-out rows, where a plugin's gate looks at them."""
    answers: Answers = BINARY
    """What the candidate answers."""
    group: NDArray[np.int64] | None = None
    """Of a ranking, (n,): rows with the same number are ranked among each other."""
    noisy: Values | Absent = field(default_factory=lambda: Absent("no gate asked for it"))
    """The answers to the held-out rows with noise, each draw after the other, (d n,) or (d n, c)."""
    beside: Beside | None = None
    """What a plugin's gate may look at beside these."""


def gather(store: Store, plugins: Plugins, version: Version, gates: Sequence[Gate], live: Callable[[], Live] | None = None) -> Facts:
    """Ask the candidate, and whom it is compared with, on the held-out rows of its registration; HeadraceError where these are lost.

    `live` gives the model's live data, and is asked where a gate asks for it.
    """
    import pandas as pd

    held = pd.read_parquet(io.BytesIO(store.blobs.get(version.manifest["reference"])))
    answers = Answers.of(version.manifest)
    target = answers.target(held[version.manifest["target"]])
    loaded = _try(lambda: registry.load(store, plugins, version))
    predictions = loaded if isinstance(loaded, Absent) else _try(lambda: _ask(loaded.predictor, loaded.signature, held, answers))
    versus: set[str] = {gate.versus for gate in gates if isinstance(gate, NoWorse)}
    if any(isinstance(gate, NoWorse) and gate.first == "baseline" for gate in gates):
        versus.add("baseline")
    own = [gate for gate in gates if isinstance(gate, ByPlugin)]
    asks = {who for gate in own if gate.gate in plugins.gates for who in plugins.gates[gate.gate].asks}
    versus |= asks & {*ANSWERING, "live"}
    bounded = [gate for gate in gates if not isinstance(gate, ByPlugin)]
    wants_live = live is not None and "live" in versus
    found = _try(live) if wants_live and live is not None else Absent("there is no live data here")
    others = {who: _other(store, plugins, version, who, held) for who in versus - {"live"}}
    slices = [one for gate in bounded for one in gate.slices]
    parted = [gate.by for gate in bounded if not isinstance(gate, NoWorse)] + [one.by for one in slices]
    by = {name for given in parted if given is not None for name in ([given] if isinstance(given, str) else given)}
    groups = {name: _groups(held[name]) for name in by if name in held.columns}
    seconds: Values | Absent = Absent("no latency was measured")
    if any(plugins.metrics[gate.metric].needs == "latency" for gate in bounded if gate.metric in plugins.metrics):
        seconds = loaded if isinstance(loaded, Absent) else _try(lambda: measure(loaded, held))
    names = [item["name"] for item in version.manifest["signature"] if item["name"] in held.columns]
    rows = held[names] if own or any(one.where is not None for one in slices) else None
    ranked = version.manifest.get("group")
    group = pd.factorize(held[ranked], sort=True)[0].astype("int64") if ranked is not None else None
    beside = Beside(store, plugins, version, held, None if isinstance(loaded, Absent) else loaded)
    noisy: Values | Absent = Absent("no gate asked for it")
    if any(plugins.metrics[gate.metric].needs == "noise" for gate in bounded if gate.metric in plugins.metrics):
        noisy = _try(lambda: beside.noisy(int(version.manifest.get("seed", 0))))
    return Facts(
        target,
        predictions,
        noisy=noisy,
        groups=groups,
        others=others,
        seconds=seconds,
        live=found,
        rows=rows,
        answers=answers,
        group=group,
        beside=beside,
    )


def measure(loaded: Loaded, held: pd.DataFrame) -> Values:
    """Seconds of `MEASURED` single-row predictions after `WARM_UP`, from a request's values to the answer, shape (m,)."""
    import numpy as np
    import pandas as pd

    names = [item.name for item in loaded.signature.inputs]
    few = held[names].head(WARM_UP + MEASURED).to_dict("records")
    requests = [{str(name): None if pd.isna(value) else value for name, value in row.items()} for row in few]
    seconds = []
    for number in range(WARM_UP + MEASURED):
        request = requests[number % len(requests)]
        began = time.perf_counter()
        values, _ = loaded.signature.encode_row(request)
        loaded.predictor.predict(loaded.signature.matrix([values]))
        seconds.append(time.perf_counter() - began)
    return np.array(seconds[WARM_UP:])


def _try(gather_one: Callable[[], T]) -> T | Absent:
    """A fact, or why it is not there: whatever goes wrong with a model speaks against it and ends nothing."""
    try:
        return gather_one()
    except HeadraceError as error:
        return Absent("; ".join(item.message for item in error.report))
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        return Absent(f"{type(error).__name__}: {error}")


def _other(store: Store, plugins: Plugins, version: Version, who: str, held: pd.DataFrame) -> Values | Absent:
    wanted = Answers.of(version.manifest)
    if who == "baseline":
        baseline = version.manifest.get("baseline")
        if baseline is None:
            return Absent("no baseline was trained")
        signature = Signature.from_json(version.manifest["signature"])
        part = {"algorithm": baseline["algorithm"], "digest": baseline["digest"]}
        what = f"the baseline of {version}"
        levels = tuple(baseline.get("params", {}).get("quantiles", ())) if wanted.task == "quantile" else ()
        own = Answers(wanted.task, wanted.classes, levels)
        return _try(
            lambda: _aligned(
                _ask(registry.load_part(store, plugins, **part, signature=signature, what=what), signature, held, own), own, wanted
            )
        )
    with store.read() as session:
        number = registry.aliases(session, version.model).get(registry.CHAMPION)
        champion = None if number is None else registry.get(session, version.model, number)
    if champion is None:
        return Absent("there is no champion", first=True)

    def ask() -> Values:
        loaded, own = registry.load(store, plugins, champion), Answers.of(champion.manifest)
        return _aligned(_ask(loaded.predictor, loaded.signature, held, own), own, wanted)

    return _try(ask)


def _aligned(given: Values, own: Answers, wanted: Answers) -> Values:
    """Another model's answers in the candidate's columns: of a class that it does not know, it says nothing.

    HeadraceError where the two answer different questions.
    """
    import numpy as np

    if own == wanted:
        return given
    if own.task != wanted.task or own.quantiles != wanted.quantiles:
        one, other = (f"{answers.task} {', '.join(answers.keys)}".strip() for answers in (own, wanted))
        raise HeadraceError(Diagnostic("bad-predictions", f"it answers {one}, and the candidate {other}"))
    nothing = np.zeros(len(given))
    return np.column_stack([given[:, own.classes.index(name)] if name in own.classes else nothing for name in wanted.classes])


def _ask(predictor: Predictor, signature: Signature, held: pd.DataFrame, answers: Answers = BINARY) -> Values:
    """Answers to the held-out rows; HeadraceError where they are none of this task, or need an input that the rows do not have."""
    import numpy as np

    lacking = [item.name for item in signature.inputs if item.name not in held.columns]
    if lacking:
        raise HeadraceError(Diagnostic("missing-input", f"it needs the input `{'`, `'.join(lacking)}`, which these rows do not have"))
    predictions = np.asarray(predictor.predict(signature.encode(held)), dtype=np.float64)
    if why := answers.fault(predictions, len(held)):
        raise HeadraceError(Diagnostic("bad-predictions", f"it {why}"))
    return predictions


def _groups(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Each row's group as text; what is missing is a group of its own."""
    import numpy as np

    return np.array(["missing" if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)], dtype=object)
