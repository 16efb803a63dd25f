"""Every environment has a store of its own, at an address that a store can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath

from headrace.diagnostics import Diagnostic, Severity
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Environment
from headrace.spec.secret import REFERENCE

_URL = re.compile(r"(?P<name>[\w+]+)://(?P<rest>.*)")
_FOLDER = re.compile(r"(?P<name>https?|mlflow-artifacts|runs|models|sqlite|postgres(?:ql)?(?:\+\w+)?):/.*")
"""Addresses at which no blob can be written."""
_SERVER = re.compile(r"[\w-]+(\.[\w-]+)*:\d{2,5}(/.*)?")
"""`redis.internal:6379`."""
_STORE = "write `store: sqlite:///.headrace/state.db` or `store: postgresql://user@host/database`"


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Each by itself, and beside those before it."""
    seen: dict[str, Environment] = {}
    for environment in sorted(scope.of(Environment), key=lambda each: scope.where(address_of(each))):
        yield from _addresses(scope, environment)
        yield from _shared(scope, environment, seen)


@question
def _addresses(scope: Scope, environment: Environment) -> Iterator[Diagnostic]:
    here = address_of(environment)
    refused = None if REFERENCE.fullmatch(environment.store) else refusal(environment.store)
    if refused is not None:
        yield Diagnostic("store-url", refused, scope.where(here, ("store",)), help=_STORE)
    blobs = _FOLDER.fullmatch(environment.blobs)
    if blobs is not None:
        message, mend = (
            f"blobs cannot be kept in `{blobs['name']}`",
            "write a folder such as `blobs: .headrace/blobs`, or `blobs: s3://BUCKET`",
        )
        yield Diagnostic("store-url", message, scope.where(here, ("blobs",)), help=mend)
    for word, at in (("online", environment.online or ""), ("blobs", environment.blobs)):
        if _SERVER.fullmatch(at):
            mend = f"write a folder such as `{word}: .headrace/{word}`, or " + (
                "`online: postgresql://user@host/database`" if word == "online" else "`blobs: s3://BUCKET`"
            )
            yield Diagnostic("store-url", f"`{at}` is a server's address, and no folder", scope.where(here, (word,)), help=mend)
    online = _URL.fullmatch(environment.online or "")
    if online is not None and online["name"].partition("+")[0] not in ("postgresql", "postgres"):
        message = f"events cannot be kept in `{online['name']}`"
        mend = "write a folder such as `online: .headrace/online`, or `online: postgresql://user@host/database`"
        yield Diagnostic("store-url", message, scope.where(here, ("online",)), help=mend)


def refusal(store: str) -> str | None:
    """Why a store cannot be kept at a URL; None where it can."""
    found = _URL.fullmatch(store.strip())
    if found is None:
        return "the store's URL cannot be read"
    backend = found["name"].partition("+")[0]
    if backend not in ("sqlite", "postgresql", "postgres"):
        return f"a store cannot be kept in `{backend}`"
    if found["name"] == "sqlite" and found["rest"].lstrip("/") in ("", ":memory:"):
        return "a store in memory would be forgotten"
    return None


@question
def _shared(scope: Scope, environment: Environment, seen: dict[str, Environment]) -> Iterator[Diagnostic]:
    """Two environments with one store are one: a champion of the first would answer in the second."""
    if REFERENCE.fullmatch(environment.store):
        return  # each shell has its own
    first = seen.setdefault(_same(environment.store), environment)
    if first is not environment:
        message = f"environment `{environment.name}` has the store of `{first.name}`: both would have the same champions"
        mend = f"write `store: sqlite:///.headrace/{environment.name}.db`, or another of its own"
        here = address_of(environment)
        where = scope.where(here, ("store",) if scope.node(here, ("store",)) is not None else ("name",))
        yield Diagnostic("shared-store", message, where, help=mend, severity=Severity.WARNING)


def _same(store: str) -> str:
    """A URL as it is compared: a file by its path."""
    name, _, path = store.partition(":///")
    return f"{name}:///{normpath(path)}" if path else store
