"""What needs a server has one."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.serving import Replicas, Serving
from headrace.spec.serving_access import Auth, RateLimit


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Rollouts and monitoring of models that never answer."""
    for model in scope.of(Model):
        yield from _served(scope, model)
        yield from _access(scope, model)
        for section in ("rollout", "experiment", "monitoring"):
            yield from _needs(scope, model, section)


@question
def _served(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if isinstance(model.serving, Serving) and model.serving.replicas is not None:
        yield from _replicas(scope, model, model.serving.replicas)


@question
def _needs(scope: Scope, model: Model, section: str) -> Iterator[Diagnostic]:
    if model.serving == "none" and getattr(model, section) is not None:
        place = scope.where(address_of(model), (section,), key=True)
        message = f"`{section}` needs requests, and {address_of(model)} says `serving: none`"
        yield Diagnostic("needs-serving", message, place, help=f"remove `{section}`, or let it serve")


@question
def _replicas(scope: Scope, model: Model, replicas: Replicas) -> Iterator[Diagnostic]:
    if replicas.min > replicas.max:
        place = scope.where(address_of(model), ("serving", "replicas", "min"))
        message = f"at least {replicas.min} replicas are more than at most {replicas.max}"
        yield Diagnostic("empty-range", message, place, help=f"write `max: {replicas.min}` or more")


@question
def _access(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if not isinstance(model.serving, Serving):
        return
    if model.serving.rate is not None and model.serving.auth is None:
        yield from _by_nobody(scope, model, model.serving.rate)
    if model.serving.auth is not None:
        yield from _nobody(scope, model, model.serving.auth)
        yield from _over_the_wire(scope, model, model.serving.auth)


@question
def _nobody(scope: Scope, model: Model, auth: Auth) -> Iterator[Diagnostic]:
    if not auth.keys and auth.jwt is None:
        place = scope.where(address_of(model), ("serving", "auth"), key=True)
        yield Diagnostic("no-way-in", "`auth` takes neither keys nor tokens, so nobody may ask", place, help="write `auth: {keys: true}`")


@question
def _by_nobody(scope: Scope, model: Model, rate: RateLimit) -> Iterator[Diagnostic]:
    if rate.by == "key":
        place = scope.where(address_of(model), ("serving", "rate"), key=True)
        message = f"requests are counted by key, and {address_of(model)} asks for none"
        yield Diagnostic("rate-by-nobody", message, place, help="write `by: address`, or `auth: {keys: true}` beside `rate`")


@question
def _over_the_wire(scope: Scope, model: Model, auth: Auth) -> Iterator[Diagnostic]:
    if auth.jwt is None or not auth.jwt.jwks.startswith("http:") or _here(urlsplit(auth.jwt.jwks).hostname or ""):
        return
    place = scope.where(address_of(model), ("serving", "auth", "jwt", "jwks"))
    message = "the keys that tokens are believed by would come without encryption, and who can change them on their way can sign tokens"
    yield Diagnostic("plain-jwks", message, place, help=f"write `https{auth.jwt.jwks.removeprefix('http')}`")


def _here(host: str) -> bool:
    """Whether a URL's host is this machine, by its name or its number."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
