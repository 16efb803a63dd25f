"""The tracker `mlflow`: an MLflow server, spoken to by its REST API; MLflow itself is not needed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from headrace.hooks import Tracker, hookimpl

__all__ = ["TRACKER", "MlflowError", "Params", "headrace_trackers"]


class Params(BaseModel):
    """The parameters of `mlflow`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    uri: Annotated[str, Field(pattern=r"^(https?://[^@\s]+|env:\w+|file:\S+)$")] = Field(
        description="The server's address, without credentials, such as `https://mlflow.example.com`.",
        json_schema_extra={"secret": "may"},
    )
    token: SecretStr | None = Field(default=None, description="A bearer token: a reference such as `env:MLFLOW_TOKEN`.")
    username: str | None = Field(default=None, description="Who logs in by password, where there is no token.", min_length=1)
    password: SecretStr | None = Field(default=None, description="That one's password: a reference such as `env:MLFLOW_PASSWORD`.")
    ca_file: str | None = Field(default=None, description="A file with the certificates to trust instead of the system's.", min_length=1)
    timeout_seconds: float = Field(default=60.0, gt=0, le=3600, description="How long one answer may take, in seconds.")
    prefix: str = Field(
        default="",
        max_length=60,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="What the names of experiments and registered models begin with there, and do not here.",
    )


class MlflowError(Exception):
    """The server did not do its part. Says what and where, never a token or a password."""


TRACKER = Tracker(
    name="mlflow",
    push=f"{__name__}.sending:push",
    pull=f"{__name__}.taking:pull",
    params=f"{__name__}:Params",
    description="An MLflow server, by its REST API.",
)


@hookimpl
def headrace_trackers() -> list[Tracker]:
    """The trackers of this plugin."""
    return [TRACKER]
