"""A model card as a value: what it holds part by part, its digest, what it lacks for its model's risk, and how its status may move.

Parts after Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. `text` is a person's; all other fields are filled from what was
recorded, and no file can set them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from headrace.digest import digest
from headrace.spec.card import BY_NAME, Need, Risk
from headrace.spec.card_text import unwritten

MOVES: Mapping[str, tuple[str, ...]] = {
    "draft": ("pending", "archived"),
    "pending": ("draft", "approved", "archived"),
    "approved": ("archived",),
    "archived": (),
}
"""Where a card may go: it is approved only after somebody was asked, and what was archived stays so."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Text(_Frozen):
    """A part of which a person writes: `text` is Markdown."""

    text: str = ""


class Identity(_Frozen):
    """What it is, by its digests, and whose."""

    name: str
    version: int
    model_digest: str
    manifest_digest: str
    run: str
    created_at: str
    owner: str = ""
    description: str = ""
    contact: str = ""
    license: str = ""
    """An SPDX expression."""


class Source(_Frozen):
    """Rows that it learned from, by what they were told to be."""

    name: str
    digest: str


class Data(Text):
    """The rows: their digest, until when, how many, from where."""

    digest: str = ""
    as_of: str | None = None
    rows: dict[str, int] = {}
    sources: tuple[Source, ...] = ()
    target: str = ""
    sensitive: tuple[str, ...] = ()
    """Columns that the spec calls personal."""


class Feature(_Frozen):
    """One input; `low` and `high` bound it where the spec does."""

    name: str
    type: str
    low: float | None = None
    high: float | None = None
    categories: int = 0
    missing: bool = False


class Model(Text):
    """The algorithm, what it was told, and what it takes and answers."""

    algorithm: str = ""
    task: str = ""
    params: dict[str, JsonValue] = {}
    features: tuple[Feature, ...] = ()
    seed: int | None = None
    baseline: str | None = None
    transforms: tuple[str, ...] = ()
    components: tuple[str, ...] = ()


class Result(_Frozen):
    """What one gate said: its value over `n` rows, between `low` and `high` where an interval was asked for."""

    gate: str
    metric: str
    passed: bool
    mode: str
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int | None = None
    data_digest: str | None = None


class Evaluation(Text):
    """What it scores on the held-out rows, what the baseline does, and what the gates said."""

    metrics: dict[str, float] = {}
    baseline: dict[str, float] = {}
    results: tuple[Result, ...] = ()


class Judged(Text):
    """What the gates said of one concern, such as fairness."""

    results: tuple[Result, ...] = ()


class Alert(_Frozen):
    """One alert of the spec, and who hears it."""

    id: str
    when: str
    severity: str
    notify: tuple[str, ...] = ()


class Monitoring(Text):
    """What is watched, and what follows."""

    drift: tuple[str, ...] = ()
    performance: str | None = None
    alerts: tuple[Alert, ...] = ()
    retraining: tuple[str, ...] = ()


class Rollback(Text):
    """How a candidate takes over, and what undoes it."""

    strategy: str | None = None
    fallback: str | None = None


class Security(Text):
    """The form that it is kept in, and what the gates said of it."""

    format: str = ""
    results: tuple[Result, ...] = ()


class Environment(Text):
    """What it was made by: the machine, and digests of the code, of what was installed, and of the spec."""

    machine: dict[str, str] = {}
    code: str = ""
    environment: str = ""
    spec: str = ""


class ChangeLog(_Frozen):
    """What is another than in the version before: words of `digests`, and the difference of each metric."""

    previous: int | None = None
    changed: tuple[str, ...] = ()
    metrics: dict[str, float] = {}


class Review(Text):
    """When it is looked at again."""

    due: str | None = None


class Card(_Frozen):
    """One card of one version. `card_version` counts from 1; a change of anything is a new one."""

    schema_version: Literal[1] = 1
    card_version: int
    risk: Risk | None = None
    file: str | None = None
    """Where its text is written, from the project's folder."""
    required: dict[str, tuple[Need, ...]]
    """What the risk asked for when it was written."""
    identity: Identity
    purpose: Text = Text()
    data: Data = Data()
    model: Model = Model()
    evaluation: Evaluation = Evaluation()
    fairness: Judged = Judged()
    robustness: Judged = Judged()
    explainability: Text = Text()
    limitations: Text = Text()
    tradeoffs: Text = Text()
    ethics: Text = Text()
    monitoring: Monitoring = Monitoring()
    rollback: Rollback = Rollback()
    security: Security = Security()
    environment: Environment = Environment()
    change_log: ChangeLog = ChangeLog()
    review: Review = Review()
    retirement: Text = Text()

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return self.model_dump(mode="json")

    def text_of(self, part: str) -> str:
        """What a person wrote of a part; nothing of one that is a machine's."""
        return getattr(getattr(self, part), "text", "")

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of its canonical JSON (RFC 8785): what an approval is of."""
        return digest_of(self.to_json())


@dataclass(frozen=True, slots=True)
class Lacking:
    """One thing that a card needs and has not: which part, text or evidence, why, and what to do about it."""

    part: str
    need: Need
    why: str
    help: str

    def __str__(self) -> str:
        return f"{BY_NAME[self.part].title}: {self.why}"


@dataclass(frozen=True, slots=True)
class Completeness:
    """How many of the things that a card needs it has, and what it lacks."""

    has: int
    needs: int
    lacking: tuple[Lacking, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing lacks."""
        return not self.lacking


_NOTHING_MORE: Mapping[str, tuple[Need, ...]] = MappingProxyType({})


def completeness(card: Card, more: Mapping[str, tuple[Need, ...]] = _NOTHING_MORE) -> Completeness:
    """What a card lacks of what its risk asks for, and of `more` that a policy does."""
    needs = {part: tuple(dict.fromkeys((*card.required.get(part, ()), *more.get(part, ())))) for part in BY_NAME}
    lacking = tuple(_lacking(card, needs))
    return Completeness(sum(map(len, needs.values())) - len(lacking), sum(map(len, needs.values())), lacking)


def digest_of(content: Mapping[str, Any]) -> str:
    """The digest of a card's JSON as it is kept, whatever schema it was written by."""
    import rfc8785

    return digest(rfc8785.dumps(dict(content)))


def may_move(before: str, after: str) -> bool:
    """Whether a card of one status may get another."""
    return after in MOVES[before]


def _lacking(card: Card, needs: Mapping[str, tuple[Need, ...]]) -> Iterator[Lacking]:
    texts = {part: card.text_of(part) for part in BY_NAME}
    for part, wanted in needs.items():
        if "text" in wanted and (found := unwritten(part, texts[part], texts)) is not None:
            where = f"`{card.file}`" if card.file else "the file that `governance.card` names"
            yield Lacking(part, "text", found.why, f"write it in {where}, below `## {BY_NAME[part].title}`")
        if "evidence" in wanted and (gap := _gap(card, part)) is not None:
            yield Lacking(part, "evidence", *gap)


def _gap(card: Card, part: str) -> tuple[str, str] | None:  # noqa: PLR0911 - one of each part
    """What was not recorded of a part, and what would record it; None where it was."""
    train = f"`headrace run train {card.identity.name}` makes a version that has it"
    match part:
        case "identity" if not card.identity.owner:
            return "nobody is its owner", "write `owner` in the model's spec"
        case "identity" if card.risk is None:
            return "its risk was not judged", "write `governance: {risk: low}` in the model's spec, or `medium`, or `high`"
        case "data" if not card.data.digest or not card.data.rows:
            return "no rows are recorded", train
        case "model" if not card.model.algorithm or not card.model.features:
            return "its algorithm or its inputs are not recorded", train
        case "evaluation" if not any(result.n for result in card.evaluation.results):
            return "no gate has measured it yet", f"`headrace run judge {card.identity.name}` asks the gates"
        case "fairness" if not card.fairness.results:
            return "no gate has measured a group", "write a gate such as `{id: fair, metric: equalized_odds_difference, by: sex, max: 0.1}`"
        case "robustness" if not card.robustness.results:
            return "no gate has tried it", "write a gate that tries what it answers to unusual rows"
        case "monitoring" if not card.monitoring.alerts:
            return "no alert is declared", "write `monitoring.alerts` in the model's spec"
        case "security" if not card.security.format:
            return "the form that it is kept in is not recorded", train
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is another in another card, by its path, such as `evaluation.metrics.roc_auc`; None where it is not there."""

    path: str
    before: JsonValue
    after: JsonValue


def difference(before: Card, after: Card) -> tuple[Change, ...]:
    """What is another, in a card's order; lists are told as a whole."""
    return tuple(_changes("", before.to_json(), after.to_json()))


def _changes(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        here = f"{path}.{name}" if path else name
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _changes(here, one, other)
        elif one != other:
            yield Change(here, one, other)
