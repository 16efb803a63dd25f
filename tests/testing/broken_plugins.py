"""Plugins that break one promise each; the rest of each is right."""

import json
import math
import pickle
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import (
    Algorithm,
    AliasRecord,
    ChannelType,
    Comparison,
    Detector,
    Exporter,
    Finding,
    Gate,
    Metric,
    Prepared,
    Reader,
    Rule,
    Ruling,
    Rung,
    RunRecord,
    Sent,
    Strategy,
    Tracker,
    Transform,
    VersionRecord,
)

HERE = __name__


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    path: str = Field(default="", description="Where.")


class Open(BaseModel):
    path: str = Field(default="", description="Where.")


class Silent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    path: str = ""


class Needy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    depth: int = Field(description="How deep.")


@dataclass
class Model:
    """Answers by the first two columns; each flaw changes one thing."""

    weight: list[float]
    flaw: str = ""

    def predict(self, matrix: Any) -> Any:  # noqa: C901, PLR0911 - one flaw a line
        score = np.nan_to_num((np.nan_to_num(matrix[:, 0], nan=40) - 40) / 5) + np.nan_to_num(matrix[:, 1])
        answers = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
        match self.flaw:
            case "answers-shape":
                return answers.reshape(-1, 1)
            case "answers-list":
                return answers.tolist()
            case "answers-range":
                return answers * 2
            case "answers-learned-nothing":
                return np.full(len(matrix), 0.5)
            case "missing-values":
                return np.where(np.isnan(matrix).all(axis=1), np.nan, answers)
            case "no-rows":
                assert len(matrix)
            case "row-by-row":
                return answers * 0.5 + np.arange(len(matrix)) / len(matrix) * 0.4
            case "inputs-predict":
                matrix[np.isnan(matrix)] = 0.0
            case "save-load-other":
                return np.clip(answers + self.weight[0] * 1e-3, 0, 1)
            case "one-class" if self.weight[0] == 0.0:
                return answers * math.nan
            case "wide" if matrix.shape[1] > 50:
                return answers[:5]
        return np.clip(answers + self.weight[0] * 1e-9, 0, 1)


def _fit(flaw: str) -> Any:
    def fit(matrix: Any, target: Any, *, signature: Any, params: Any, seed: int, watch: Any = None) -> Model:
        weight = float(target.mean())
        if watch is not None and flaw == "watched-other":
            weight += 0.1
        if watch is not None and flaw != "watched-steps":
            watch.step(1, {"validation_loss": 0.5})
        if flaw == "deterministic-global":
            np.random.rand()  # noqa: NPY002
        if flaw == "deterministic-answers":
            weight += random.random() * 1e6
        if flaw == "inputs-fit":
            matrix[np.isnan(matrix)] = 0.0
        return Model([weight], flaw)

    return fit


def _save(flaw: str) -> Any:
    def save(predictor: Model) -> Any:
        if flaw == "safe-format-pickle":
            return pickle.dumps(predictor.weight)
        text = json.dumps([predictor.weight, predictor.flaw])
        if flaw == "deterministic-bytes":
            return (text + " " * random.randrange(1, 10_000)).encode()
        return text if flaw == "save-load-text" else text.encode()

    return save


def _load(flaw: str) -> Any:
    def load(data: bytes, *, signature: Any) -> Model:
        if flaw == "safe-format-pickle":
            return Model(pickle.loads(data), flaw)  # noqa: S301 - the flaw
        if flaw == "safe-format-hidden":
            pickle.loads(pickle.dumps(Params))  # noqa: S301 - the flaw
        if flaw == "rubbish" and not data.startswith(b"["):
            return Model([0.5], flaw)
        weight, flaw_ = json.loads(data)
        return Model([weight[0] + 1.0] if flaw == "save-load-other" else weight, flaw_)

    return load


@dataclass
class OneRow:
    """A form for one row that is off by a little where one is missing, or answers as one of several columns."""

    model: Model

    path = "one-row"
    exact = False

    def predict_row(self, values: Any) -> Any:
        answer = float(self.model.predict(np.array([values]))[0])
        if self.model.flaw == "compiled-shape":
            return [answer]
        off = 1e-9 if self.model.flaw == "compiled-other" and any(map(math.isnan, values)) else 0.0
        return answer + off


def compiled(predictor: Model) -> OneRow:
    return OneRow(predictor)


ALGORITHMS = {
    "answers-shape": "answers",
    "answers-list": "answers",
    "answers-range": "answers",
    "answers-learned-nothing": "answers",
    "missing-values": "missing-values",
    "no-rows": "no-rows",
    "row-by-row": "row-by-row",
    "inputs-predict": "inputs-unchanged",
    "inputs-fit": "inputs-unchanged",
    "save-load-other": "save-load",
    "save-load-text": "save-load",
    "deterministic-global": "deterministic",
    "deterministic-answers": "deterministic",
    "deterministic-bytes": "deterministic",
    "safe-format-pickle": "safe-format",
    "safe-format-hidden": "safe-format",
    "rubbish": "rubbish",
    "one-class": "one-class",
    "wide": "wide",
    "compiled-other": "compiled",
    "compiled-shape": "compiled",
    "watched-other": "watched",
    "watched-steps": "watched",
    "": "",
}
"""A flaw, and the check that must find it."""
for _flaw in ALGORITHMS:
    _word = _flaw.replace("-", "_")
    globals()[f"fit_{_word}"] = _fit(_flaw)
    globals()[f"save_{_word}"] = _save(_flaw)
    globals()[f"load_{_word}"] = _load(_flaw)


def __getattr__(name: str) -> Any:
    """The functions above stand in no text: what a name means is known only when it is asked for."""
    raise AttributeError(name)


def algorithm(flaw: str = "", params: str = "Params") -> Algorithm:
    word = flaw.replace("-", "_")
    parts = {part: f"{HERE}:{part}_{word}" for part in ("fit", "save", "load")}
    return Algorithm(
        name="broken",
        task="binary",
        params=f"{HERE}:{params}",
        **parts,
        format="json",
        watched=flaw.startswith("watched"),
        compile=f"{HERE}:compiled",
    )


def right(target: Any, predictions: Any) -> float:
    return float(np.mean((predictions - target) ** 2)) if len(target) else math.nan


def number(target: Any, predictions: Any) -> Any:
    return np.array([0.1])


def nan(target: Any, predictions: Any) -> float:
    return math.nan


def chance(target: Any, predictions: Any) -> float:
    return right(target, predictions) + random.random() * 1e-3


def order(target: Any, predictions: Any) -> float:
    return right(target[:50], predictions[:50])


def ties(target: Any, predictions: Any) -> float:
    """The misses among the rows of the highest predictions, whichever of equal ones come first."""
    return float(1 - target[np.argsort(-predictions, kind="stable")][:40].mean()) if len(target) else math.nan


def edges(target: Any, predictions: Any) -> float:
    assert target.any()
    return right(target, predictions)


def inputs(target: Any, predictions: Any) -> float:
    value = right(target, predictions)
    predictions[:] = 0.0
    return value


def latency(seconds: Any) -> float:
    return float(seconds.mean()) if len(seconds) else math.nan


def gap(target: Any, predictions: Any, groups: Any) -> float:
    means = [float(predictions[groups == group].mean()) for group in np.unique(groups)]
    return max(means) - min(means) if len(means) > 1 else math.nan


def rows(target: Any, predictions: Any) -> Any:
    return (predictions - target) ** 2


def rows_of_others(target: Any, predictions: Any) -> Any:
    return (predictions - target) ** 2 + (target.mean() - target)


def rows_short(target: Any, predictions: Any) -> Any:
    return rows(target, predictions)[:-1]


def rows_off(target: Any, predictions: Any) -> Any:
    return 2 * rows(target, predictions)


def metric(compute: str, **rest: Any) -> Metric:
    return Metric(**({"name": "broken", "compute": f"{HERE}:{compute}", "better": "lower", "range": (0.0, 1.0)} | rest))


METRICS = [
    (metric("right"), ""),
    (metric("latency", needs="latency", range=(0.0, math.inf)), ""),
    (metric("gap", needs="groups"), ""),
    (metric("number"), "number"),
    (metric("nan"), "number"),
    (metric("chance"), "deterministic"),
    (metric("order"), "order-of-rows"),
    (metric("ties"), "order-of-rows"),
    (metric("right", better="higher"), "direction"),
    (metric("latency", needs="latency", better="higher", range=(0.0, math.inf)), "direction"),
    (metric("gap", needs="groups", better="higher"), "direction"),
    (metric("right", range=(0.5, 1.0)), "range"),
    (metric("edges"), "edges"),
    (metric("inputs"), "inputs-unchanged"),
    (metric("right", each=f"{HERE}:rows"), ""),
    (metric("right", each=f"{HERE}:rows_off"), "each"),
    (metric("right", each=f"{HERE}:rows_short"), "each"),
    (metric("right", each=f"{HERE}:rows_of_others"), "each"),
    (metric("nowhere"), "import"),
    (replace(metric("right"), compute="nowhere_at_all:right"), "registration"),
    (metric("latency"), "registration"),
]


def compare(reference: Any, current: Any) -> Comparison:
    if not reference.sum() or not current.sum():
        return Comparison(math.nan, math.nan)
    effect = float(np.abs(reference / reference.sum() - current / current.sum()).sum() / 2)
    return Comparison(effect, math.exp(-effect * min(reference.sum(), current.sum())))


def of_counts(reference: Any, current: Any) -> Comparison:
    return Comparison(float(np.abs(reference - current).sum()), 1.0)


def upside_down(reference: Any, current: Any) -> Comparison:
    found = compare(reference, current)
    return replace(found, effect=found.effect * (1 - found.effect) * (found.effect < 0.2))


def no_probability(reference: Any, current: Any) -> Comparison:
    return replace(compare(reference, current), p_value=2.0)


def infinite(reference: Any, current: Any) -> Comparison:
    found = compare(reference, current)
    return replace(found, effect=math.inf if reference.sum() and (reference == 0).any() else found.effect)


def raises(reference: Any, current: Any) -> Comparison:
    assert current.sum()
    return compare(reference, current)


def detector_chance(reference: Any, current: Any) -> Comparison:
    found = compare(reference, current)
    return replace(found, effect=found.effect * (1 + random.random() * 1e-6))


def detector_inputs(reference: Any, current: Any) -> Comparison:
    found = compare(reference, current)
    current += 1
    return found


def a_float(reference: Any, current: Any) -> float:
    return 0.0


DETECTORS = [
    ("compare", ""),
    ("of_counts", "nothing-moved"),
    ("upside_down", "more-is-more"),
    ("no_probability", "probability"),
    ("infinite", "edges"),
    ("raises", "edges"),
    ("detector_chance", "deterministic"),
    ("detector_inputs", "inputs-unchanged"),
    ("a_float", "nothing-moved"),
]


def detector(compare: str) -> Detector:
    return Detector("broken", f"{HERE}:{compare}")


def send(params: Any, message: Any) -> str:
    with Path(params.path).open("a") as file:
        file.write("x\n")
    return "written"


def no_receipt(params: Any, message: Any) -> Any:
    send(params, message)


def empty_receipt(params: Any, message: Any) -> str:
    send(params, message)
    return " "


def twice(params: Any, message: Any) -> str:
    send(params, message)
    return send(params, message)


def short(params: Any, message: Any) -> str:
    assert len(message.title) < 100
    return send(params, message)


def changes(params: Any, message: Any) -> str:
    message.details.clear()
    return send(params, message)


def swallows(params: Any, message: Any) -> str:
    try:
        return send(params, message)
    except OSError:
        return "well"


def tells(params: Any, message: Any) -> str:
    try:
        return send(params, message)
    except OSError:
        raise RuntimeError(f"cannot write {params.path}") from None


def keeps(params: Any, message: Any) -> str:
    try:
        return send(params, message)
    except OSError as error:
        raise RuntimeError(f"cannot write: {error.strerror}") from None


CHANNELS = [
    ("keeps", "Params", ""),
    ("no_receipt", "Params", "receipt"),
    ("empty_receipt", "Params", "receipt"),
    ("twice", "Params", "receipt"),
    ("short", "Params", "kinds"),
    ("changes", "Params", "message-unchanged"),
    ("swallows", "Params", "failure"),
    ("tells", "Params", "failure"),
    ("keeps", "Open", "params"),
    ("keeps", "Silent", "params"),
    ("keeps", "HERE", "import"),
]


def channel(send: str, params: str) -> ChannelType:
    return ChannelType("broken", f"{HERE}:{params}", f"{HERE}:{send}")


def read(path: Any, columns: Any) -> Any:
    return pd.read_csv(path, usecols=lambda name: name in set(columns), keep_default_na=False, na_values={"value": [""]})


def names(path: Any) -> Any:
    return list(pd.read_csv(path, nrows=0).columns)


def all_columns(path: Any, columns: Any) -> Any:
    return pd.read_csv(path, keep_default_na=False, na_values={"value": [""]})


def strict(path: Any, columns: Any) -> Any:
    return pd.read_csv(path, usecols=list(columns), keep_default_na=False, na_values={"value": [""]})


def sorts(path: Any, columns: Any) -> Any:
    frame = read(path, columns)
    return frame.sort_values("id") if "id" in frame else frame


def loses(path: Any, columns: Any) -> Any:
    return pd.read_csv(path, usecols=lambda name: name in set(columns))


def none_for_empty(path: Any, columns: Any) -> Any:
    frame = read(path, columns)
    return frame if len(frame) else pd.DataFrame()


def writes(path: Any, columns: Any) -> Any:
    frame = read(path, columns)
    path.write_text(path.read_text() + "\n")
    return frame


def lenient(path: Any, columns: Any) -> Any:
    try:
        return read(path, columns)
    except ValueError:
        return pd.DataFrame({"id": [1]})


def a_list(path: Any, columns: Any) -> Any:
    return []


def no_names(path: Any) -> Any:
    return ["id"]


def a_number(path: Any) -> Any:
    return 3


def silent_list(path: Any, columns: Any) -> Any:
    return [1]


READERS = [
    ("read", "names", ""),
    ("all_columns", "names", "columns"),
    ("strict", "names", "columns"),
    ("read", "no_names", "columns"),
    ("a_list", "names", "columns"),
    ("sorts", "names", "values"),
    ("loses", "names", "values"),
    ("none_for_empty", "names", "no-rows"),
    ("writes", "names", "file-unchanged"),
    ("lenient", "names", "rubbish"),
    ("silent_list", "names", "rubbish"),
    ("read", "a_number", "names"),
]


def reader(read: str, names: str) -> Reader:
    return Reader("broken", (".txt",), f"{HERE}:{read}", f"{HERE}:{names}")


def finds(specs: Any) -> Iterator[Finding]:
    yield from (Finding(address, "said") for address, spec in specs.items() if spec.kind == "model")


def finds_beside(specs: Any) -> list[Finding]:
    return [Finding(address, "odd", path=("gatez", 9)) for address in specs if address.startswith("model/")]


def finds_what_is_absent(specs: Any) -> list[Finding]:
    return [Finding(address, "no owner", path=("owner",)) for address in specs if address.startswith("model/")]


def finds_nothing_there(specs: Any) -> list[Finding]:
    return [Finding("model/nowhere", "said")]


def finds_silently(specs: Any) -> list[Finding]:
    return [Finding(address, " ") for address in specs]


def finds_gravely(specs: Any) -> list[Finding]:
    return [Finding(address, "said", severity="fatal") for address in specs]  # type: ignore[arg-type]


def finds_by_chance(specs: Any) -> list[Finding]:
    return [Finding(address, str(random.random())) for address in specs]


def finds_none(specs: Any) -> None:
    return None


def needs_a_model(specs: Any) -> list[Finding]:
    next(address for address, spec in specs.items() if spec.kind == "model")
    return []


RULES = [
    ("finds", ""),
    ("finds_what_is_absent", ""),
    ("finds_beside", "findings"),
    ("finds_nothing_there", "findings"),
    ("finds_silently", "findings"),
    ("finds_gravely", "findings"),
    ("finds_by_chance", "findings"),
    ("finds_none", "findings"),
    ("needs_a_model", "findings"),
]


def rule(check: str, name: str = "acme/broken") -> Rule:
    return Rule(name, f"{HERE}:{check}")


def rises(params: Any) -> list[Rung]:
    return [Rung(0.1, timedelta(hours=1)), Rung(0.5, timedelta(hours=1))]


def falls(params: Any) -> list[Rung]:
    return rises(params)[::-1]


def stands(params: Any) -> list[Rung]:
    return [Rung(0.1, timedelta())]


def goes_by_steps(params: Any, steps: Any) -> Any:
    return [Rung(step.weight / 2, step.hold) for step in steps]


def by_chance(params: Any) -> list[Rung]:
    return [Rung(random.random(), timedelta(hours=1))]


def climbs_never(params: Any) -> list[Rung]:
    return []


STRATEGIES = [
    ("rises", False, "Params", ""),
    ("goes_by_steps", True, "Params", ""),
    ("rises", True, "Params", "registration"),
    ("falls", False, "Params", "steps"),
    ("stands", False, "Params", "steps"),
    ("climbs_never", False, "Params", "steps"),
    ("by_chance", False, "Params", "deterministic"),
    ("rises", False, "Open", "params"),
    ("rises", False, "Needy", "params"),
]


def strategy(rungs: str, params: str, *, steps: bool) -> Strategy:
    return Strategy("broken", f"{HERE}:{rungs}", f"{HERE}:{params}", steps=steps)


def judges(held_out: Any, params: Any, *, seed: int) -> Any:
    value = float(held_out.predictions.mean()) if len(held_out.predictions) else math.nan
    return Ruling(passed=value < 1, reason="below 1", value=value)


def always(held_out: Any, params: Any, *, seed: int) -> Any:
    return Ruling(passed=True, reason="who cares")


def of_the_first_rows(held_out: Any, params: Any, *, seed: int) -> Any:
    return Ruling(passed=bool(len(held_out.target)), reason="the first", value=float(held_out.predictions[:9].sum()))


def judges_by_chance(held_out: Any, params: Any, *, seed: int) -> Any:
    return Ruling(passed=False, reason="so it fell", value=random.random())


def needs_a_champion(held_out: Any, params: Any, *, seed: int) -> Any:
    return Ruling(passed=False, reason="by both", value=float((held_out.predictions - held_out.champion).mean()))


def sorts_rows(held_out: Any, params: Any, *, seed: int) -> Any:
    held_out.predictions.sort()
    return judges(held_out, params, seed=seed)


def gives_nothing(held_out: Any, params: Any, *, seed: int) -> Any:
    return None


class Bounded(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    most: float | None = Field(default=None, description="The most that passes.", ge=0, le=1)
    strictly: bool = Field(default=False, description="Whether the bound itself fails.")


def fails_with_a_bound(held_out: Any, params: Any, *, seed: int) -> Any:
    return judges(held_out, params, seed=seed) if params.most is None else params.greatest


def fails_strictly(held_out: Any, params: Any, *, seed: int) -> Any:
    return judges(held_out, params, seed=seed) if not params.strictly else None


GATES = [
    ("judges", "Params", ""),
    ("judges", "Bounded", ""),
    ("fails_with_a_bound", "Bounded", "ruling"),
    ("fails_strictly", "Bounded", "ruling"),
    ("always", "Params", "no-rows"),
    ("of_the_first_rows", "Params", "order-of-rows"),
    ("judges_by_chance", "Params", "deterministic"),
    ("needs_a_champion", "Params", "first-champion"),
    ("sorts_rows", "Params", "inputs-unchanged"),
    ("gives_nothing", "Params", "ruling"),
    ("judges", "Silent", "params"),
    ("judges", "Needy", "params"),
    ("finds", "Params", "registration"),
]


def gate(judge: str, params: str) -> Gate:
    return Gate("broken", f"{HERE}:{judge}", f"{HERE}:{params}", asks=("champion",))


def exports(version: Any, params: Any, folder: Any) -> None:
    (folder / "model").write_bytes(version.data)


def exports_nothing(version: Any, params: Any, folder: Any) -> None:
    return None


def exports_beside(version: Any, params: Any, folder: Any) -> None:
    exports(version, params, folder)
    exports(version, params, folder.parent)


def exports_a_link(version: Any, params: Any, folder: Any) -> None:
    exports(version, params, folder)
    (folder / "same").symlink_to(folder / "model")


def exports_by_chance(version: Any, params: Any, folder: Any) -> None:
    (folder / "model").write_text(str(random.random()))


def needs_a_server(version: Any, params: Any, folder: Any) -> None:
    (folder / "port").write_text(str(version.serving["port"]))


def rounds_all(version: Any, params: Any, folder: Any) -> None:
    metrics = json.loads(version.manifest)["metrics"]
    (folder / "page").write_text("".join(f"{name} {value:.3f}" for name, value in metrics.items()))


def asks_for_metrics(version: Any, params: Any, folder: Any) -> None:
    (folder / "page").write_text(str(version.metrics))


EXPORTERS = [
    ("exports", "Params", ""),
    ("rounds_all", "Params", "files"),
    ("asks_for_metrics", "Params", "files"),
    ("exports_nothing", "Params", "files"),
    ("exports_beside", "Params", "files"),
    ("exports_a_link", "Params", "files"),
    ("needs_a_server", "Params", "files"),
    ("exports_by_chance", "Params", "deterministic"),
    ("exports", "Open", "params"),
    ("finds", "Params", "registration"),
]


def exporter(export: str, params: str) -> Exporter:
    return Exporter("broken", f"{HERE}:{export}", f"{HERE}:{params}", "For a test.")


def _learns(flaw: str) -> Any:
    def fit(values: Any, target: Any, *, inputs: Any, params: Any, seed: int) -> Any:
        middle = np.nan_to_num(np.nanmean(values, axis=0))
        state: dict[str, Any] = {"middle": middle.tolist()}
        made = values - middle
        if flaw == "learns_by_chance":
            state["chance"] = random.random()
        if flaw == "learns_an_array":
            state["middle"] = middle
        if flaw == "learns_nothing":
            return state
        if flaw == "fills_the_rows":
            values[np.isnan(values)] = 0.0
        if flaw == "makes_too_many":
            made = np.hstack([made, made])
        return Prepared(state, tuple(inputs), made)

    return fit


def makes(values: Any, state: Any) -> Any:
    return values - np.asarray(state["middle"])


def makes_by_the_others(values: Any, state: Any) -> Any:
    return np.nan_to_num(values) - np.nan_to_num(values).mean(axis=0)


def makes_infinite_gaps(values: Any, state: Any) -> Any:
    return np.where(np.isnan(values), np.inf, values)


for _flaw in ("learns", "learns_by_chance", "learns_an_array", "learns_nothing", "fills_the_rows", "makes_too_many"):
    globals()[_flaw] = _learns(_flaw)
TRANSFORMS = [
    ("learns", "makes", "Params", ""),
    ("learns_by_chance", "makes", "Params", "deterministic"),
    ("learns_an_array", "makes", "Params", "state"),
    ("learns_nothing", "makes", "Params", "shape"),
    ("makes_too_many", "makes", "Params", "shape"),
    ("fills_the_rows", "makes", "Params", "inputs-unchanged"),
    ("learns", "makes_by_the_others", "Params", "row-by-row"),
    ("learns", "makes_infinite_gaps", "Params", "missing-values"),
    ("learns", "makes", "Silent", "params"),
    ("makes", "makes", "Params", "registration"),
]


def transform(fit: str, apply: str, params: str) -> Transform:
    return Transform("broken", "number", f"{HERE}:{fit}", f"{HERE}:{apply}", f"{HERE}:{params}")


TRACKERS = [
    ("keeps", ""),
    ("sends_always", "twice"),
    ("forgets_the_end", "changed"),
    ("makes_every_time", "changed"),
    ("sends_no_aliases", "push"),
    ("rounds", "pull"),
    ("loses_older_bytes", "pull"),
    ("mixes_versions", "pull"),
    ("children_first", "pull"),
    ("asks_for_all", "known"),
    ("tells_nothing", "failure"),
    ("tells_its_secret", "failure"),
]


class Place(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    name: str = Field(description="Which server.")
    token: str = Field(default="", description="A secret.")


SERVERS: dict[str, dict[str, Any]] = {}
"""What servers hold, by their names; one that is not here is away."""


def _sends(flaw: str) -> Any:
    def push(outgoing: Any, params: Any) -> Any:
        held = _server(flaw, params)
        for kind, items in (("run", outgoing.runs), ("version", outgoing.versions), ("alias", outgoing.aliases)):
            for item in items:
                if flaw == "sends_no_aliases" and kind == "alias":
                    continue
                key = {"run": lambda i: i.id, "version": lambda i: f"{i.model} v{i.number}", "alias": lambda i: f"aliases of {i.model}"}[
                    kind
                ](item)
                before = held.get(key)
                same = before is not None and (before.digest == item.digest if kind == "run" else before == item)
                if not same and not (flaw == "forgets_the_end" and before is not None):
                    held[key] = item
                outcome = "unchanged" if same and flaw != "sends_always" else "updated" if before is not None else "created"
                if flaw == "forgets_the_end" and before is not None:
                    outcome = "unchanged"
                yield Sent(key, "created" if flaw == "makes_every_time" and not same else outcome)

    return push


def _server(flaw: str, params: Any) -> dict[str, Any]:
    if params.name not in SERVERS:
        if flaw == "tells_nothing":
            return {}
        raise ConnectionError(f"{params.name} is away" + (f" for {params.token}" if flaw == "tells_its_secret" else ""))
    return SERVERS[params.name]


def _gives(flaw: str) -> Any:
    def pull(params: Any, *, known: Any) -> Any:
        held = _server(flaw, params)
        runs = [item for item in held.values() if isinstance(item, RunRecord)]
        for run in reversed(runs) if flaw == "children_first" else runs:
            newest = {item.name: item for item in run.artifacts}
            older = tuple(replace(item, read=newest[item.name].read) for item in run.artifacts)
            changed = {
                "rounds": {"started_at": run.started_at.replace(microsecond=0)},
                "loses_older_bytes": {"artifacts": older},
            }.get(flaw, {})
            if run.id not in known.runs or flaw == "asks_for_all":
                yield replace(run, **changed)
        versions = [item for item in held.values() if isinstance(item, VersionRecord) and (item.model, item.number) not in known.versions]
        yield from reversed(versions) if flaw == "mixes_versions" else versions
        yield from (item for item in held.values() if isinstance(item, AliasRecord))

    return pull


globals().update({f"push_{flaw}": _sends(flaw) for flaw, _ in TRACKERS} | {f"pull_{flaw}": _gives(flaw) for flaw, _ in TRACKERS})


def tracker(flaw: str) -> Tracker:
    return Tracker("broken", f"{HERE}:push_{flaw}", f"{HERE}:pull_{flaw}", f"{HERE}:Place", "For a test.")
