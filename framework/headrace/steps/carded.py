"""What a run's project says of a model for its cards, as it is written when a version is made or judged."""

from __future__ import annotations

import logging

from headrace import registry
from headrace.steps.workspace import Workspace

LOG = logging.getLogger("headrace.steps")


def said(w: Workspace, model: str) -> registry.Declared | None:
    """The spec's part and the file's text; a file that is not read is logged, and leaves the card a draft."""
    found = registry.declared(w.root, w.config.cards.get(model))
    if found is not None and found.fault is not None:
        LOG.warning("warning[card-missing]: %s: the card of model/%s stays a draft", found.fault, model)
    return found
