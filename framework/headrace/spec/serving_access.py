"""`serving.auth`, `serving.rate`, `serving.tls` and `serving.tracing`: who may ask a model, how often, over what, and who may watch."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema

from headrace.spec.field import Effect, Spec, field
from headrace.spec.quantity import Percentage, Rate

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""How a token may be signed: with a private key that the server does not have. A shared secret would let who can check also sign."""


def _file(value: str) -> str:
    if not value.startswith("file:") or value == "file:":
        raise ValueError("write where the file is, from the project's folder: `file:PATH`")
    return value


def _key_set(value: str) -> str:
    if value.startswith("file:"):
        return _file(value)
    return web(value)


def web(value: str) -> str:
    """The URL of a web server; ValueError where it is none."""
    try:
        parts = urlsplit(value)
        there = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        there = False
    if not there:
        raise ValueError(f"`{value[:80]}` is no URL: it begins with `https://` or `http://`")
    return value


def _watcher(value: str) -> str:
    return value if value.startswith(("env:", "file:")) else web(value)


FilePath = Annotated[str, AfterValidator(_file), WithJsonSchema({"type": "string", "pattern": r"^file:\S+$"})]
"""A file from the project's folder, `file:PATH`."""
KeySet = Annotated[str, AfterValidator(_key_set), WithJsonSchema({"type": "string", "pattern": r"^(https?://|file:)\S+$"})]
"""Where a JSON Web Key Set is: a URL, or `file:PATH`."""
Endpoint = Annotated[str, AfterValidator(_watcher), WithJsonSchema({"type": "string", "pattern": r"^(https?://|file:|env:)\S+$"})]
"""The URL of a web server, or a reference to one."""


class Scopes(Spec):
    """What a token must be allowed beside predictions, each a word of its `scope` (or `scp`)."""

    outcomes: str | None = field(
        "To tell outcomes and events; nothing beside what predictions need, where it is not given.",
        Effect.REDEPLOY,
        default=None,
        example="outcomes",
        min_length=1,
        pattern=r"^\S+$",
    )
    observe: str = field(
        "To read metrics, metadata and what is loaded.",
        Effect.REDEPLOY,
        default="observe",
        example="observe",
        min_length=1,
        pattern=r"^\S+$",
    )
    manage: str = field("To load versions anew.", Effect.REDEPLOY, default="manage", example="manage", min_length=1, pattern=r"^\S+$")


class Jwt(Spec):
    """Tokens of an identity provider, each signed with a key of its published key set."""

    issuer: str = field("Who issues the tokens: their `iss`, exactly.", Effect.REDEPLOY, example="https://login.example.com/", min_length=1)
    audience: str = field("Whom they are for: among their `aud`.", Effect.REDEPLOY, example="headrace", min_length=1)
    jwks: KeySet = field(
        "Where the issuer's public keys are: the URL of its JSON Web Key Set, or `file:PATH`.",
        Effect.REDEPLOY,
        example="https://login.example.com/jwks.json",
        reference="may",
    )
    algorithms: tuple[Algorithm, ...] = field(
        "How they may be signed; nothing that is signed by a shared secret, or not at all, is ever taken.",
        Effect.REDEPLOY,
        default=("RS256", "ES256"),
        example=["RS256"],
        min_length=1,
    )
    scope: str | None = field(
        "What each must be allowed to do: a word of its `scope` (or `scp`).",
        Effect.REDEPLOY,
        default=None,
        example="predict",
        min_length=1,
        pattern=r"^\S+$",
    )
    scopes: Scopes = field(
        "What it must be allowed for what is no prediction.",
        Effect.REDEPLOY,
        default=Scopes(),
        example={"outcomes": "outcomes", "observe": "observe", "manage": "manage"},
    )


class Auth(Spec):
    """Who may ask. A request needs one of the ways that are declared; `/health/live` and `/health/ready` need none."""

    keys: bool = field(
        "Whether API keys are taken, which `headrace keys` makes: `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
        Effect.REDEPLOY,
        default=False,
        example=True,
        usual=True,
    )
    jwt: Jwt | None = field(
        "Tokens that are taken, as `Authorization: Bearer TOKEN`.",
        Effect.REDEPLOY,
        default=None,
        example={"issuer": "https://login.example.com/", "audience": "headrace", "jwks": "https://login.example.com/jwks.json"},
    )
    public: tuple[Literal["metrics", "metadata"], ...] | None = field(
        "What needs neither: `/metrics`, `/metadata`. Both, where it is not given and the server listens on loopback alone.",
        Effect.REDEPLOY,
        default=None,
        example=["metrics"],
    )


class RateLimit(Spec):
    """How many requests each caller may send: a bucket that fills at a rate, the same one whichever of a server's processes answers."""

    requests: Rate = field("How fast the bucket fills.", Effect.REDEPLOY, example="100/s", gt=0)
    burst: int | None = field(
        "How many requests it holds; what a second fills, where it is not given.", Effect.REDEPLOY, default=None, example=200, ge=1
    )
    by: Literal["key", "address"] = field(
        "Who is one caller: an API key or a token's subject; or an IP address (of IPv6 the first 64 bits).",
        Effect.REDEPLOY,
        default="key",
        example="key",
    )


class Tls(Spec):
    """What a server proves itself with; files that are renewed are taken up without a restart. TLS 1.2 and later are spoken."""

    certificate: FilePath = field(
        "The certificate, with those that lead to its root, in PEM.", Effect.REDEPLOY, example="file:tls/server.crt", reference="may"
    )
    key: FilePath = field("Its private key, in PEM, without a password.", Effect.REDEPLOY, example="file:tls/server.key", reference="must")


class Tracing(Spec):
    """Where traces of requests go, as OpenTelemetry has them (`pip install 'headrace[tracing]'`)."""

    endpoint: Endpoint = field(
        "The URL that takes OTLP over HTTP.", Effect.REDEPLOY, example="http://127.0.0.1:4318/v1/traces", reference="may"
    )
    sample: Percentage = field(
        "The share of requests that is traced; one whose `traceparent` decides is traced, or not, as that says.",
        Effect.REDEPLOY,
        default="100%",
        example="10%",
        validate_default=True,
        ge=0,
        le=1,
    )
    headers: dict[str, str] = field(
        "Headers that the endpoint wants, by where their values are kept.",
        Effect.REDEPLOY,
        default={},
        example={"Authorization": "env:OTLP_TOKEN"},
        reference="must",
    )
