"""Tokens of an identity provider: which are believed, by which of its published keys. Nothing here opens a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

__all__ = ["LEEWAY", "LONGEST", "BadToken", "Claims", "KeySet", "Trust", "UnknownKey", "verify"]

LEEWAY = 30
"""Seconds by which the clocks of issuer and server may differ."""
LONGEST = 8192
"""Bytes of a token; a longer one is not looked at."""
_SMALLEST_RSA = 2048
_REQUIRED = ("exp", "iat", "iss", "aud", "sub")
_CURVES: dict[str, type[ec.EllipticCurve]] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""What the parts of a hostile token, or key set, may raise."""


class BadToken(Exception):  # noqa: N818 - it says what the token is
    """A token that is not believed, and why, in words that repeat nothing of it; `scope` says that it is good, and not for this."""

    def __init__(self, why: str, *, scope: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.scope = scope


class UnknownKey(BadToken):
    """A token that says it is signed by a key that the set does not have; the set may have changed since it was read."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which tokens are believed."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What a believed token says: whose it is, until when, in seconds of the wall's time, and what it is allowed."""

    subject: str
    expires: float
    scopes: frozenset[str] = frozenset()
    """The words of what it is allowed."""


@dataclass(frozen=True, slots=True)
class _Key:
    id: str | None
    algorithm: str | None
    public: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """An issuer's public keys that can check a signature."""

    keys: tuple[_Key, ...]

    @classmethod
    def parse(cls, data: bytes) -> KeySet:
        """A JSON Web Key Set (RFC 7517), without what no token is checked by; ValueError where none is left."""
        try:
            told = json.loads(data)
            listed = told["keys"]
            found = tuple(key for item in listed if (key := _key(item)) is not None)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError("it is no JSON Web Key Set") from None
        if not found:
            raise ValueError("it has no public key that a signature can be checked by")
        return cls(found)

    def find(self, algorithm: str, id_: str | None) -> Any:  # noqa: ANN401 - a public key of one of four kinds
        """The key of this id that signs this way; UnknownKey where there is none. Without an id, the only one there is."""
        fit = [key for key in self.keys if key.algorithm in (None, algorithm) and _signs(key.public, algorithm)]
        named = fit if id_ is None else [key for key in fit if key.id == id_]
        if not named:
            raise UnknownKey("it is signed by a key that its issuer does not publish")
        if len(named) > 1:
            raise BadToken("it does not say which of its issuer's keys it is signed by")
        return named[0].public


def verify(token: bytes, trust: Trust, keys: KeySet) -> Claims:
    """What a token says; BadToken, or UnknownKey, where it is not believed.

    Signature, issuer, audience and times are checked; `exp`, `iat`, `iss`, `aud` and `sub` must be there. A key that the token itself
    brings or points at (`jwk`, `jku`, `x5u`, `x5c`) is passed over, and an extension that must be understood (`crit`) is refused.
    """
    if len(token) > LONGEST:
        raise BadToken("it is too long")
    try:
        head = jwt.get_unverified_header(token)
        algorithm, id_ = head.get("alg"), head.get("kid")
    except _UNREADABLE:
        raise BadToken("it cannot be read") from None
    if algorithm not in trust.algorithms:
        raise BadToken("it is not signed in a way that is taken")
    public = keys.find(algorithm, id_)
    try:
        told = jwt.decode(
            token,
            public,
            algorithms=[algorithm],
            issuer=trust.issuer,
            audience=trust.audience,
            leeway=LEEWAY,
            options={"require": list(_REQUIRED)},
        )
        claims = Claims(str(told["sub"]), float(told["exp"]) + LEEWAY, frozenset(_scopes(told)))
    except _UNREADABLE as error:
        raise BadToken(_why(error)) from None
    if trust.scope is not None and trust.scope not in claims.scopes:
        raise BadToken(f"it is not allowed `{trust.scope}`", scope=True)
    return claims


_WHY: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidAudienceError, "it is for another audience"),
    (jwt.InvalidIssuerError, "it is of another issuer"),
    (jwt.InvalidSignatureError, "its signature is not its issuer's"),
)


def _why(error: Exception) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it lacks `{error.claim}`"
    return next((said for kind, said in _WHY if isinstance(error, kind)), "it cannot be read")


def _scopes(told: Mapping[str, Any]) -> set[str]:
    """What a token is allowed: `scope` with words between spaces (RFC 8693), or `scp`, such words or a list of them."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        match told.get(name):
            case str() as text:
                found |= set(text.split())
            case list() as items:
                found |= {item for item in items if isinstance(item, str)}
            case _:
                pass
    return found


def _key(item: Any) -> _Key | None:  # noqa: ANN401 - any JSON
    """A public key of the set; None where it is none that a signature is checked by."""
    if not isinstance(item, dict) or item.get("kty") not in ("RSA", "EC", "OKP") or item.get("use", "sig") != "sig":
        return None
    told = {name: item[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in item}  # of a private key its public part
    id_, algorithm = item.get("kid"), item.get("alg")
    try:
        public = jwt.PyJWK(told).key
    except _UNREADABLE:
        return None
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < _SMALLEST_RSA:
        return None
    return _Key(id_ if isinstance(id_, str) else None, algorithm if isinstance(algorithm, str) else None, public)


def _signs(public: Any, algorithm: str) -> bool:  # noqa: ANN401 - a public key of one of four kinds
    """Whether a key is of the kind that signs this way."""
    match algorithm[:2]:
        case "RS" | "PS":
            return isinstance(public, rsa.RSAPublicKey)
        case "ES":
            return isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, _CURVES[algorithm])
        case _:
            return isinstance(public, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
