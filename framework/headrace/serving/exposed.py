"""What a server must ask for before it listens where others than this machine reach it."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import Literal

from headrace.compiled import AccessConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

Allowed = Literal["anonymous", "plain-http"]
ALLOWED: tuple[Allowed, ...] = ("anonymous", "plain-http")
"""What `--allow` may say: that whoever reaches the port may ask, and that somebody else, such as a proxy, speaks TLS."""


def is_exposed(host: str) -> bool:
    """Whether others than this machine reach an address that was bound."""
    return not ip_address(host.partition("%")[0]).is_loopback


def refuse(access: AccessConfig, host: str, *, model: str, production: bool, allowed: Collection[str] = ()) -> None:
    """HeadraceError where a server would let in whoever reaches it (`open-server`) or, in production, be overheard (`plain-server`)."""
    if not is_exposed(host):
        return
    if access.auth is None and "anonymous" not in allowed:
        message = f"the server of model/{model} would answer whoever reaches {host}: it asks nobody for a key"
        help_ = "write `auth: {keys: true}` under `serving` of the model, or add `--allow anonymous`"
        raise HeadraceError(Diagnostic("open-server", message, help=help_), Exit.REFUSED)
    if production and access.tls is None and "plain-http" not in allowed:
        message = f"the server of model/{model} would speak plain HTTP on {host}, in a production environment"
        help_ = "write `tls: {certificate: file:PATH, key: file:PATH}` under `serving` of the model, or, behind a proxy that speaks TLS, "
        raise HeadraceError(Diagnostic("plain-server", message, help=help_ + "add `--allow plain-http`"), Exit.REFUSED)
