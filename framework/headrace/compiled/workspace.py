"""`flows/headrace.json`: what every run and server of a project needs to know. Secrets stand in it as references only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from headrace.compiled.card import CardConfig
from headrace.compiled.config import Config
from headrace.compiled.governance import GovernanceConfig
from headrace.compiled.runner import RunnerConfig

DEFAULT = "dev"
"""The environment that is meant where several are declared and none is named; it exists without being declared."""


def owner(project: str, environment: str) -> str:
    """By what name Prefect knows whose something is: `labour`, or `labour@staging`, so that environments share a server and nothing else.

    What the default one has carries the project's name alone. It rests on the environment's name, so that one more that is declared renames
    nothing; no name of ours holds an `@`.
    """
    return project if environment == DEFAULT else f"{project}@{environment}"


class PluginsConfig(Config):
    """Which installed plugins take part; `allow` None is all of them."""

    allow: tuple[str, ...] | None
    deny: tuple[str, ...]


class ColumnConfig(Config):
    """One column of a source: its name in the file, and what every value of it is."""

    from_: str = Field(alias="from")
    type: Literal["int64", "float", "category", "text", "timestamp"]


class ArrivalConfig(Config):
    """When each row arrived: spread over the year that the column `spread` holds, under the name `time`."""

    time: str
    spread: str
    order: Literal["random", "file"]
    seed: int


Says = Literal[
    "range",
    "values",
    "pattern",
    "missing",
    "reads_as",
    "fresh_within",
    "ahead_at_most",
    "monotone",
    "refers",
    "like",
    "unique",
    "rows",
    "holds",
    "pandera",
]
"""What a check says."""


class CheckConfig(Config):
    """One thing that must hold of a source's rows; `says` names what. Bounds are `low` and `high`, durations in seconds."""

    id: str
    says: Says
    column: str | None
    low: float | None
    high: float | None
    values: tuple[str, ...]
    columns: tuple[str, ...]
    """Those of `unique`; of `monotone`, by what it is ordered, and within what."""
    text: str | None
    """The pattern, the condition that holds, the type, the direction, the measure, or the schema."""
    mode: Literal["block", "warn"]
    other: str | None = None
    """The source that a column refers to, or is like; or, as `model/NAME`, whose champion's training had rows that it is like."""
    other_column: str | None = None
    """The column of that."""


class SourceConfig(Config):
    """Where rows are, at `uri` (a `table` of it, where that is a database) or by `python`, and their columns by the project's names."""

    uri: str | None = None
    table: str | None = None
    python: str | None = None
    columns: dict[str, ColumnConfig]
    arrival: ArrivalConfig | None
    fresh_within_seconds: int | float | None
    checks: tuple[CheckConfig, ...]
    personal: tuple[str, ...] = ()
    """Columns whose values no message may show."""

    def reads(self) -> dict[str, JsonValue]:
        """What of it decides which rows there are: all but what judges and what hides them."""
        return {key: value for key, value in self.to_json().items() if key not in _BESIDE}


_BESIDE = ("fresh_within_seconds", "checks", "personal")


class FeatureConfig(Config):
    """How one feature is computed; exactly one way, `kind`.

    `of` is the column, the condition of a `ratio`, the text of an `expression`, or None where whole rows are counted. Durations in seconds.
    """

    kind: Literal["column", "sum", "count", "mean", "min", "max", "std", "last", "distinct", "ratio", "since", "expression"]
    of: str | None
    over_seconds: int | float | None
    where: str | None
    empty: float | None
    expires_seconds: int | float | None
    type: Literal["number", "category"]
    back: int = Field(default=0, exclude_if=lambda back: back == 0)
    """How many values before the newest one; not printed where it is none, since a view without it computes what it always did."""
    ago_seconds: int | float = Field(default=0, exclude_if=lambda ago: ago == 0)
    """How long before the moment the window ends; not printed where it ends there, for the same reason."""


class OnlineConfig(Config):
    """How servers read a view: the age that the newest event may have, what an older one means, and what a request may send itself."""

    fresh_within_seconds: int | float | None
    when_stale: Literal["answer", "refuse"]
    sent: Literal["refuse", "wins"]


class ViewConfig(Config):
    """A feature view: rows of a source as events of an entity, and what is computed of those that are known at a moment.

    A row is known `available_after_seconds` after its time, or when `available_at` says, whichever is later; one that takes
    `late_seconds` longer than that is passed over for ever. A window is `(t-w, t]` or `[t-w, t)`.
    """

    source: str
    entity: str
    time: str
    available_at: str | None
    available_after_seconds: int | float
    late_seconds: int | float | None
    window_edges: Literal["(t-w, t]", "[t-w, t)"]
    tie_break: tuple[str, ...]
    features: dict[str, FeatureConfig]
    online: OnlineConfig | None = None
    """None where requests send the features themselves."""

    def computes(self) -> dict[str, JsonValue]:
        """What of it decides a value: all but how it is served."""
        return {key: value for key, value in self.to_json().items() if key != "online"}

    def definition(self, source: SourceConfig) -> dict[str, JsonValue]:
        """What decides a value: of the view, and of the source that it names. One digest of it is one set of values of the same rows."""
        return {"view": self.computes(), "source": source.reads()}


class ChannelConfig(Config):
    """Where notifications go; `params` are the type's own, and its plugin reads them."""

    type: str
    params: dict[str, JsonValue]


class TrackingConfig(Config):
    """The tracking server of others; `params` are its plugin's own, which reads them."""

    tracker: str
    params: dict[str, JsonValue]


class AuditConfig(Config):
    """The key that signs checkpoints of the audit log, as a reference, and their witnesses beside this machine's own."""

    key: str | None
    witnesses: tuple[str, ...]


class WorkspaceConfig(Config):
    """The whole file; `store`, `blobs`, `spool` and `online` are URLs or paths from the project's folder."""

    project: str
    language: int
    environment: str
    production: bool
    store: str
    blobs: str
    spool: str
    online: str = ".headrace/online"
    """Where events are kept for servers to read."""
    tracking: TrackingConfig | None = None
    """Where runs and versions are mirrored to; None where they stay."""
    unsafe_formats: tuple[str, ...] = Field(default=(), exclude_if=lambda formats: not formats)
    """Formats that may run code when they are read, and are let in; not printed where none is."""
    lineage: str | None = Field(default=None, exclude_if=lambda lineage: lineage is None)
    """Who is told of runs by OpenLineage's events, as a URL, a path or a reference; not printed where nobody is."""
    runner: RunnerConfig | None = Field(default=None, exclude_if=lambda runner: runner is None)
    """What takes the work that many can share; not printed where it is the process that has it."""
    audit: AuditConfig | None = Field(default=None, exclude_if=lambda audit: audit is None)
    """Not printed where key and witness are this machine's own."""
    governance: GovernanceConfig = Field(default=GovernanceConfig(), exclude_if=lambda said: said == GovernanceConfig())
    """Who must agree; not printed where nobody must."""
    plugins: PluginsConfig
    sources: dict[str, SourceConfig]
    views: dict[str, ViewConfig]
    channels: dict[str, ChannelConfig]
    models: tuple[str, ...]
    cards: dict[str, CardConfig] = Field(default_factory=dict, exclude_if=lambda cards: not cards)
    """What the specs say for the cards of their models; not printed where none says anything."""

    @property
    def owner(self) -> str:
        """By what name Prefect knows it."""
        return owner(self.project, self.environment)
