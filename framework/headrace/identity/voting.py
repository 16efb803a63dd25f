"""Who votes by a key that was shown: the principal that it was made for, where it may vote on the model that is asked about."""

from __future__ import annotations

from sqlmodel import Session

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.identity import keys
from headrace.store import clock

__all__ = ["allowed", "shown", "voter"]


def voter(session: Session, environment: str, model: str, text: str) -> keys.Known:
    """The key, whose `principal` is who votes; compared in constant time, as servers do.

    HeadraceError `bad-key` (exit 4), which repeats nothing of it, where it is none of this environment, has ended, is nobody's, is not for
    this model, or may not vote.
    """
    found = shown(session, environment, text)
    if found is None:
        raise _bad(f"environment {environment} has no such key, or it has ended")
    return allowed(found, model)


def shown(session: Session, environment: str, text: str) -> keys.Known | None:
    """The key that was shown; None where it is none of this environment, or has ended."""
    return keys.read(session, environment).find(text.encode(errors="replace"), clock.wall().timestamp())


def allowed(found: keys.Known, model: str) -> keys.Known:
    """The same key, where one may vote by it on a model. HeadraceError `bad-key` (exit 4)."""
    if found.models is not None and model not in found.models:
        raise _bad(f"key {found.id} is not for model/{model}")
    if found.principal is None or found.scopes is None or "approve" not in found.scopes:
        raise _bad(f"key {found.id} is nobody's to vote by")
    return found


def _bad(why: str) -> HeadraceError:
    help_ = "`headrace keys create --name NAME --may approve --principal NAME` makes one"
    return HeadraceError(Diagnostic("bad-key", why, help=help_), Exit.REFUSED)
