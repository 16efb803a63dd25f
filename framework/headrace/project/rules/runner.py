"""A task runner has an address that a scheduler can have, and a cluster beyond this machine has a store that it can reach."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.compiled import RUNNER_ADDRESS, near
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Environment
from headrace.spec.secret import REFERENCE


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All environments."""
    for environment in scope.of(Environment):
        yield from _dask(scope, environment)


@question
def _dask(scope: Scope, environment: Environment) -> Iterator[Diagnostic]:
    address = environment.runner.dask.address if environment.runner is not None else None
    if address is None:
        return
    where = scope.where(address_of(environment), ("runner", "dask", "address"))
    if RUNNER_ADDRESS.fullmatch(address) is None:
        message = f"`{address}` is no address of a Dask scheduler"
        yield Diagnostic("runner-address", message, where, help="write for example `address: tcp://10.0.0.7:8786`")
    elif not near(address) and not REFERENCE.fullmatch(environment.store) and environment.store.strip().startswith("sqlite"):
        message = f"workers of the cluster at {address} cannot reach the store of environment `{environment.name}`, which is a file"
        help_ = "write `store: postgresql://user@host/database`, or leave out `address`: the work stays on this machine"
        yield Diagnostic("runner-store", message, where, help=help_)
