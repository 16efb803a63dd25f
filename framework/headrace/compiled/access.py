"""What a server needs to know of who may ask, how often, over what, and of who watches. Secrets stand in it as references only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from headrace.compiled.config import Config


class ScopesConfig(Config):
    """The words that a token must have for what is no prediction."""

    outcomes: str | None = None
    observe: str = "observe"
    manage: str = "manage"


class JwtConfig(Config):
    """Tokens of one issuer; `jwks` is a URL, or `file:` and a path from the project's folder."""

    issuer: str
    audience: str
    jwks: str
    algorithms: tuple[str, ...]
    scope: str | None
    scopes: ScopesConfig = Field(default=ScopesConfig(), exclude_if=lambda scopes: scopes == ScopesConfig())
    """Not printed where nothing is said of it."""


class AuthConfig(Config):
    """The ways in; `public` None is what the address that the server listens on decides."""

    keys: bool
    jwt: JwtConfig | None
    public: tuple[Literal["metrics", "metadata"], ...] | None


class RateConfig(Config):
    """A bucket for each caller."""

    per_second: float
    burst: int
    by: Literal["key", "address"]


class TlsConfig(Config):
    """Two files, each `file:` and a path from the project's folder."""

    certificate: str
    key: str


class TracingConfig(Config):
    """Where traces go; `sample` is a share."""

    endpoint: str
    sample: float
    headers: dict[str, str]


class AccessConfig(Config):
    """All of it, each None where the spec says nothing of it."""

    auth: AuthConfig | None = None
    rate: RateConfig | None = None
    tls: TlsConfig | None = None
    tracing: TracingConfig | None = None
