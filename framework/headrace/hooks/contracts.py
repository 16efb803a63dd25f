"""What a plugin may add, each a plain value whose implementation is named by a string `module:function`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from math import inf
from typing import Any, ClassVar, Literal

from headrace.hooks.answers import TASKS, Task
from headrace.hooks.held import Asks


def resolve(reference: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import `module:attribute`; ImportError or AttributeError where it does not exist."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


@dataclass(frozen=True, slots=True)
class Takes:
    """How an implementation is called: with so many values by position, and these by name."""

    positional: int
    keywords: frozenset[str] = frozenset()

    def __str__(self) -> str:
        by_position = {0: "nothing", 1: "one value by position", 2: "two values by position"}
        told = by_position.get(self.positional, f"{self.positional} values by position")
        return f"{told}, and `{'`, `'.join(sorted(self.keywords))}` by name" if self.keywords else told


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A way to make a model.

    `params` names a pydantic model. `fit(matrix, target, *, signature, params, seed)` returns a Predictor: matrix (n, k)
    float64 with NaN, target (n,) float64, and a Signature that says what each column is. `save(predictor)` returns bytes in a format that
    is safe to read, and `load(data, *, signature)` the same Predictor; a loaded model must answer exactly as the one that was saved.
    A pickle, also one within an archive, is never handed to `load` (`unsafe-format`), unless the environment lets `format` in by name.

    `task` says what the target is and what `predict` gives: `binary`, 0 and 1 to the probability of 1, (n,); `multiclass`, the codes
    0 to c - 1, each of them there, to probabilities (n, c), rows summing to 1; `regression`, numbers to numbers, (n,); `quantile`, numbers
    to (n, q), one column for each level of `params.quantiles` (ascending), never crossing; `ranking`, a relevance of 0 to 30 in whole
    numbers to scores, (n,), the higher the better among the rows of one group. `fit` of a ranking takes the keyword `group`, too: how many
    rows each group has, (g,) int64, groups following one another.

    With `watched=True`, `fit` takes the keyword `watch`, too: a `Watch`, or None. Being watched changes nothing of the model.

    An ensemble names `components`, and has parameters that name other algorithms (fields of type `AlgorithmName`, each with `params`
    beside): `fit` and `load` then take the keyword `algorithms`, an `Algorithms`, by which those are fitted, saved and loaded.
    """

    name: str
    task: Task
    params: str
    fit: str
    save: str
    load: str
    format: str
    watched: bool = False
    """Whether it trains step by step and can be watched: progress, early stopping, checkpoints."""
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""
    constant: bool = False
    """Whether it looks at no input and gives every row the same answer, as a baseline may."""
    python: bool = False
    """Whether its parameter `python` names a function of the user's own, `module:function`, found from the project's folder.

    The function is given all parameters by name that `params`, a model with `extra="allow"`, does not declare.
    """
    components: str | None = None
    """Of an ensemble, what tells its parts: `components(data)` gives `Component`s of the bytes that `save` gave."""
    folds: bool = False
    """Whether `fit` takes the keyword `folds`: pairs of positions of its rows, (i,) and (j,), a model of the first to answer the second.

    They are dealt so that nothing of the second is known by the first: by entity, or by time with the gap that labels need. Rows of the
    oldest time may be in no second part.
    """
    compile: str | None = None
    """What makes a Predictor faster at one row: `compile(predictor)` gives a RowPredictor, or None where this one has no such form.

    A server holds its answers against the Predictor's own before it uses it.
    """

    @property
    def calls(self) -> dict[str, Takes]:
        """How its implementation is called."""
        others = {"algorithms"} if self.components is not None else set()
        grouped = {"group"} if self.task == "ranking" else set()
        given = (
            {"signature", "params", "seed"}
            | others
            | grouped
            | ({"watch"} if self.watched else set())
            | ({"folds"} if self.folds else set())
        )
        return {
            "fit": Takes(2, frozenset(given)),
            "save": Takes(1),
            "load": Takes(1, frozenset({"signature"} | others)),
            "components": Takes(1),
            "compile": Takes(1),
        }


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that says how good a model is.

    `needs="probability"`: `compute(target, predictions)`, target (n,); predictions (n,), or (n, c) where `tasks` has `multiclass`.
    `needs="number"`: `compute(target, predictions)` of a regression, both (n,).
    `needs="quantiles"`: `compute(target, predictions, *, quantiles)`, predictions (n, q), quantiles the q levels.
    `needs="groups"`: `compute(target, predictions, groups)` of a binary model, groups (n,) of text.
    `needs="ranking"`: `compute(target, predictions)` of the rows of one group, relevance and scores, both (n,); its value for a model is
    the mean over groups, without those for which it gives NaN.
    `needs="noise"`: `compute(before, after)`, predictions for the rows as they are and for the same rows with noise added to numbers.
    `needs="latency"`: `compute(seconds)`, the wall time of single-row predictions after warm-up, whatever the task.
    It gives NaN where it is not defined, such as for answers that are all the same.
    """

    name: str
    compute: str
    better: Literal["higher", "lower"]
    needs: Literal["probability", "groups", "latency", "noise", "number", "quantiles", "ranking"] = "probability"
    range: tuple[float, float] = (-inf, inf)
    """The least and the greatest value that it can have, so that a bound that nothing reaches is found."""
    seconds: float = 60.0
    """How long one value may take, wall time: then it is stopped and has none. A comparison with confidence may take ten times that."""
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""
    tasks: tuple[Task, ...] = ()
    """Which tasks it is for; where it is empty, `needs` says it: `probability` and `groups` mean `binary`."""
    averages: bool = False
    """Whether, for several classes, it takes `average=` by name: `macro`, `weighted`, or `each` for one value a class, (c,)."""
    cuts: bool = False
    """Whether, for a ranking, it takes `k=` by name: only the first k of each group count; None for all of them."""
    partial: bool = False
    """Whether it sees one side of a model alone, such as its calibration, so that a worse model may score as well, or have no value."""
    each: str | None = None
    """`each(target, predictions)`, of the same shapes, to one value a row, (n,), whose mean is the metric: experiments need it."""

    @property
    def of(self) -> tuple[Task, ...]:
        """The tasks that it is for."""
        if self.tasks:
            return self.tasks
        meant: dict[str, tuple[Task, ...]] = {
            "latency": TASKS,
            "number": ("regression",),
            "quantiles": ("quantile",),
            "ranking": ("ranking",),
        }
        return meant.get(self.needs, ("binary",))

    @property
    def calls(self) -> dict[str, Takes]:
        """How its implementation is called."""
        named = frozenset(
            word for word, taken in (("quantiles", self.needs == "quantiles"), ("average", self.averages), ("k", self.cuts)) if taken
        )
        return {"compute": Takes({"groups": 3, "latency": 1}.get(self.needs, 2), named), "each": Takes(2)}


@dataclass(frozen=True, slots=True)
class Detector:
    """A way to tell drift from counts in the same bins: `compare(reference, current)`, int64 (b,) each, to a Comparison."""

    name: str
    compare: str
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""
    seconds: float = 60.0
    """How long one comparison may take, wall time: then it is stopped, and this feature has none."""

    calls: ClassVar[dict[str, Takes]] = {"compare": Takes(2)}


@dataclass(frozen=True, slots=True)
class ChannelType:
    """A way to deliver: `send(params, message)`, a Message, returns a receipt as text, or raises; `params` names a pydantic model.

    Params arrive with their references (`env:NAME`) already replaced.
    """

    name: str
    params: str
    send: str
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""
    seconds: float = 60.0
    """How long one message may take, wall time: then it is stopped, which is a failure like another, and tried again."""

    calls: ClassVar[dict[str, Takes]] = {"send": Takes(2)}


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read a source: `read(path, columns)`, a local path and the file's column names, to a DataFrame.

    A column that the file lacks is left out of the frame. `names(path)` lists all columns, so that a misspelt one can be named.
    `parts(path, columns, rows)` gives the same rows as DataFrames of so many, so that a batch holds no more of them at a time.
    """

    name: str
    suffixes: tuple[str, ...]
    read: str
    names: str | None = None
    parts: str | None = None
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""
    seconds: float = 3600.0
    """How long one reading of a file may take, wall time: then it is stopped, and the source cannot be read."""

    calls: ClassVar[dict[str, Takes]] = {"read": Takes(2), "names": Takes(1), "parts": Takes(3)}


@dataclass(frozen=True, slots=True)
class Rule:
    """A judgement over the whole project: `check(specs)`, every spec by its address (`model/churn`), to Findings.

    `name` is `OWNER/RULE` in lower case with dashes, such as `acme/owner-is-a-team`: what it finds is told under this id. Specs are the
    frozen values that `headrace show` prints; where a finding stands in the files, the core adds.
    """

    name: str
    check: str
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""

    calls: ClassVar[dict[str, Takes]] = {"check": Takes(1)}


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way for a candidate to take over, as the steps of a canary: `rungs(params)` gives `Rung`s, each a share and how long it holds.

    It is asked when a project is compiled, and the steps that it gives are what flows are made of and rules judge: weights between 0 and 1
    that rise. How a step is judged is no part of it. With `steps=True` it is `rungs(params, steps)`: the key `steps` of the section is
    required, and arrives as Rungs too. The same params give the same steps.
    """

    name: str
    rungs: str
    params: str
    steps: bool = False
    """Whether it goes by the key `steps` of the section `rollout`; otherwise that key is refused."""
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""

    @property
    def calls(self) -> dict[str, Takes]:
        """How its implementation is called."""
        return {"rungs": Takes(2 if self.steps else 1)}


@dataclass(frozen=True, slots=True)
class Gate:
    """A judgement of a candidate that is no bound of a metric: `judge(held_out, params, *, seed)`, a HeldOut, to a Ruling.

    Whatever it raises, and a Ruling with NaN in it, fails the gate. The same values and seed give the same Ruling.
    """

    name: str
    judge: str
    params: str
    asks: tuple[Asks, ...] = ()
    """What it looks at beside the held-out rows, and only this is had: the answers of `champion` and `baseline`; `live` data; the
    `candidate`, to ask it about other rows; the `training` rows; the stored `artifact`; `files` of the project; a `process` of its own to
    measure the candidate in; what the `records` say of it."""
    seconds: float = 600.0
    """How much wall time it may take; one that takes longer fails."""
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""
    tasks: tuple[Task, ...] = ("binary",)
    """Which tasks it judges: what `HeldOut` has is as `Algorithm.task` says."""
    measures: bool = False
    """Whether it goes by measured times or memory, so that the same rows and seed may give another Ruling."""

    calls: ClassVar[dict[str, Takes]] = {"judge": Takes(2, frozenset({"seed"}))}


@dataclass(frozen=True, slots=True)
class Exporter:
    """A form in which a version leaves Headrace: `export(version, params, folder)`, an Export, writes files into an empty folder.

    The folder is given its name only when all is written; where the function raises, nothing is left. One `of` a `server` is given a
    Server in the version's place: it says how another machine serves the model, whichever version is its champion.
    """

    name: str
    export: str
    params: str
    description: str
    """One line that says what is written."""
    of: Literal["version", "server"] = "version"
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""

    calls: ClassVar[dict[str, Takes]] = {"export": Takes(3)}


@dataclass(frozen=True, slots=True)
class Transform:
    """A way to make other inputs of some, learned from the training rows alone and kept with the model.

    `fit(values, target, *, inputs, params, seed)` is given c inputs of n training rows, (n, c) float64 with NaN where one is missing (a
    category is its position in `categories` of its Input), and answers a Prepared. `apply(values, state)` makes (m, d) of (m, c), for one
    row as for many: each row by itself, by the state alone, after a round trip through JSON. `of` says which inputs it takes; `any` is a
    number or a category. One of texts is given (n, c) objects instead, each a text, empty where one is missing, and no other can take
    a text.
    """

    name: str
    of: Literal["number", "category", "text", "any"]
    fit: str
    apply: str
    params: str
    makes: tuple[str, ...] = ("{input}", "{input}_*")
    """What the inputs that it makes of one are called, so that a step after it can name them; `*` stands for any text."""
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""

    calls: ClassVar[dict[str, Takes]] = {"fit": Takes(2, frozenset({"inputs", "params", "seed"})), "apply": Takes(2)}


@dataclass(frozen=True, slots=True)
class Tracker:
    """A server of others to which runs and versions are mirrored, and from which they are taken.

    `push(outgoing, params)`, an Outgoing, gives a Sent or a Skipped for each thing once it is there, all of it: whoever stops between two
    loses nothing, and what is there already is `unchanged`. `pull(params, *, known)`, a Known, gives RunRecords (parents before children),
    then VersionRecords (by number), then AliasRecords, of what has ended and is not known; Skipped for what it cannot give. Bytes are read
    before the next one is asked for. Both raise where the server does not do its part; params arrive with their references (`env:NAME`)
    replaced, and no error may tell a secret.
    """

    name: str
    push: str
    pull: str
    params: str
    description: str
    """One line that says what server it is."""
    override: bool = False
    """Whether it takes the place of one of the same name that is built in, or installed where this one is the project's own."""

    calls: ClassVar[dict[str, Takes]] = {"push": Takes(2), "pull": Takes(1, frozenset({"known"}))}


Item = Algorithm | Metric | Detector | ChannelType | Reader | Rule | Strategy | Gate | Exporter | Transform | Tracker
"""Anything that a plugin may add."""
