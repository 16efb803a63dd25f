"""What may be done to a model's server, each by a permission of its own: to predict gives no say in what answers, or in what is learned."""

from __future__ import annotations

from typing import Literal, get_args

Scope = Literal["predict", "outcomes", "observe", "manage", "approve"]
"""`predict`: ask for answers and explanations, and read how; `outcomes`: tell what turned out to be true, and events; `observe`: read
metrics, what is loaded and how each part of the server is; `manage`: load versions anew; `approve`: vote, as the principal of the key."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
