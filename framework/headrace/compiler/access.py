"""Who may ask a model, how often, over what, and who watches, as its server reads it."""

from __future__ import annotations

from math import ceil

from headrace.compiled import AccessConfig, AuthConfig, JwtConfig, RateConfig, ScopesConfig, TlsConfig, TracingConfig
from headrace.spec.serving import Serving
from headrace.spec.serving_access import Auth, Jwt, RateLimit, Tls, Tracing

_DAY = 86400.0


def access(section: Serving) -> AccessConfig:
    """What the section says of it."""
    return AccessConfig(
        auth=None if section.auth is None else _auth(section.auth),
        rate=None if section.rate is None else _rate(section.rate),
        tls=None if section.tls is None else _tls(section.tls),
        tracing=None if section.tracing is None else _tracing(section.tracing),
    )


def _auth(auth: Auth) -> AuthConfig:
    return AuthConfig(keys=auth.keys, jwt=None if auth.jwt is None else _jwt(auth.jwt), public=auth.public)


def _jwt(jwt: Jwt) -> JwtConfig:
    scopes = ScopesConfig(outcomes=jwt.scopes.outcomes, observe=jwt.scopes.observe, manage=jwt.scopes.manage)
    return JwtConfig(issuer=jwt.issuer, audience=jwt.audience, jwks=jwt.jwks, algorithms=jwt.algorithms, scope=jwt.scope, scopes=scopes)


def _rate(rate: RateLimit) -> RateConfig:
    per_second = rate.requests / _DAY
    return RateConfig(per_second=per_second, burst=max(1, ceil(per_second)) if rate.burst is None else rate.burst, by=rate.by)


def _tls(tls: Tls) -> TlsConfig:
    return TlsConfig(certificate=tls.certificate, key=tls.key)


def _tracing(tracing: Tracing) -> TracingConfig:
    return TracingConfig(endpoint=tracing.endpoint, sample=tracing.sample, headers=tracing.headers)
