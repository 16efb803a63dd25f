"""`kind: project` and `kind: environment`: what the folder is called, where it keeps what it remembers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema

from headrace.address import NAME, Address
from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Name, ParamsOf, TrackerName
from headrace.spec.runner import Runner


def _language(value: object) -> object:
    # To Python, True is 1.
    if isinstance(value, bool):
        raise ValueError("the version of the language is a number")
    return value


def _address(value: str) -> str:
    return str(Address.parse(value))


MovedAddress = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "pattern": f"^[a-z_]+/{NAME.pattern}$"})]
"""`model/basket`; it is no reference, since what was moved stands no longer."""


class Plugins(Spec):
    """Which plugins may take part."""

    allow: tuple[str, ...] | None = field(
        "Distributions whose plugins are loaded; all installed ones where it is not given.",
        Effect.METADATA,
        default=None,
        example=["headrace-fairlearn"],
    )
    deny: tuple[str, ...] = field("Distributions whose plugins are never loaded.", Effect.METADATA, default=(), example=["headrace-mlflow"])


class Moved(Spec):
    """What is called by another name now. It may stand for ever: once it is done, it says nothing."""

    from_: MovedAddress = field("The address that it had.", Effect.METADATA, alias="from", example="model/bskt")
    to: MovedAddress = field("The address that it has now.", Effect.METADATA, example="model/basket")


class Project(Spec):
    """The project that this folder declares; one a folder."""

    kind: Literal["project"]
    name: Name = field("What the project owns in Prefect carries this name.", Effect.BREAKING, example="labour")
    language: Annotated[Literal[1], BeforeValidator(_language, json_schema_input_type=Literal[1])] = field(
        "The version of the language that these files are written in.", Effect.METADATA, example=1
    )
    variables: dict[Name, str | int | float | bool] = field(
        "What `${var.NAME}` is worth in every document, unless the environment says otherwise.",
        Effect.METADATA,
        default={},
        example={"rows": 30000},
        reference="may",
    )
    plugins: Plugins = field("Which plugins may take part.", Effect.METADATA, default=Plugins(), example={"allow": []})
    moved: tuple[Moved, ...] = field(
        "What was renamed: it keeps its history, its champion and its windows.",
        Effect.METADATA,
        default=(),
        example=[{"from": "model/bskt", "to": "model/basket"}],
    )


class Tracking(Spec):
    """A tracking server of others, to which `headrace runs push` mirrors what was trained, and from which `pull` takes it."""

    tracker: TrackerName = field("A kind of server that a plugin registered.", Effect.RECONFIGURE, example="mlflow")
    params: Annotated[dict[str, Any], ParamsOf("tracker")] = field(
        "The plugin's parameters; secrets as references such as `env:MLFLOW_TOKEN`.",
        Effect.RECONFIGURE,
        default={},
        example={"uri": "http://127.0.0.1:5000", "token": "env:MLFLOW_TOKEN"},
    )


class Audited(Spec):
    """Where checkpoints of an environment's audit log are signed and published; neither lies in its database."""

    key: str | None = field(
        "The Ed25519 key that signs them, as `env:NAME` or `file:PATH`; where it is not given, a file under `.headrace/audit/` is made.",
        Effect.METADATA,
        default=None,
        example="env:HEADRACE_AUDIT_KEY",
        reference="must",
        pattern="^(env|file):.+$",
    )
    witnesses: tuple[str, ...] = field(
        "Files or folders that take each checkpoint beside `.headrace/audit/`, best where who keeps the database cannot write.",
        Effect.METADATA,
        default=(),
        example=["/mnt/audit/churn"],
    )


class Environment(Spec):
    """One place where models live: a store and a root for blobs, one each."""

    kind: Literal["environment"]
    name: Name = field("The environment's name.", Effect.BREAKING, example="dev")
    store: str = field(
        "Where all that is remembered is kept: an SQLAlchemy URL, or `env:NAME` or `file:PATH` for one with a password.",
        Effect.REDEPLOY,
        default="sqlite:///.headrace/state.db",
        example="sqlite:///.headrace/state.db",
        reference="may",
    )
    variables: dict[Name, str | int | float | bool] = field(
        "What `${var.NAME}` is worth in this environment; they come before the project's.",
        Effect.METADATA,
        default={},
        example={"rows": 1000},
        reference="may",
    )
    blobs: str = field(
        "The root of models and data snapshots: a folder or an fsspec URL.",
        Effect.REDEPLOY,
        default=".headrace/blobs",
        example=".headrace/blobs",
        reference="may",
    )
    online: str | None = field(
        "Where events are kept for servers to read: a folder of SQLite files, or a PostgreSQL URL, `env:NAME` or `file:PATH` for one"
        " with a password; `.headrace/online/` and the environment's name where it is not given.",
        Effect.REDEPLOY,
        default=None,
        example=".headrace/online/dev",
        reference="may",
    )
    tracking: Tracking | None = field(
        "The tracking server that runs, versions and aliases are mirrored to and taken from; none where it is not given.",
        Effect.RECONFIGURE,
        default=None,
        example={"tracker": "mlflow", "params": {"uri": "http://127.0.0.1:5000"}},
    )
    unsafe_formats: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]*$")], ...] = field(
        "Formats, as algorithms declare them, whose models may run code when they are read and are let in all the same: kept with a"
        " signed statement of where they came from, and loaded only by it. None where it is not given.",
        Effect.RECONFIGURE,
        default=(),
        example=["joblib"],
    )
    lineage: str | None = field(
        "Who is told of the start and the end of each run by OpenLineage's events: a URL that takes them by POST, or a file;"
        " `env:NAME` or `file:PATH` for one with a key.",
        Effect.RECONFIGURE,
        default=None,
        example="http://127.0.0.1:5000/api/v1/lineage",
        reference="may",
        min_length=1,
    )
    audit: Audited | None = field(
        "Who signs checkpoints of the audit log, and who else witnesses them; without it, a key and a witness of this machine.",
        Effect.METADATA,
        default=None,
        example={"witnesses": ["/mnt/audit/churn"]},
    )
    runner: Runner | None = field(
        "What takes trials of searches, days of backfills and rows of batches; where it is not given, the process that runs them.",
        Effect.REDEPLOY,
        default=None,
        example={"dask": {"workers": 4}},
    )
    production: bool = field(
        "A production environment refuses a driven clock and event times sent by callers.",
        Effect.RECONFIGURE,
        default=False,
        example=False,
    )
    tenants: tuple[Name, ...] = field(
        "Tenants whose models, data and keys are kept apart in it.", Effect.RECONFIGURE, default=(), example=["acme", "globex"], later=True
    )
