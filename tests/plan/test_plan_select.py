"""What `--select` cannot mean is refused before anything is planned."""

from __future__ import annotations

import pytest

from headrace.diagnostics import Exit, HeadraceError
from headrace.plan import Selection, prepare


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("model/employment model/other", ""),
        ("", ""),
        ("+", ""),
        ("kind:modle", ": there is no kind `modle`"),
        ("state:changed", ": a state is one of modified, new, removed, outside"),
        ("tag:critical", ": there is no `tag:`"),
    ],
)
def test_what_is_no_selection_is_refused(folder, text, why):
    with pytest.raises(HeadraceError) as raised:
        prepare(folder.project(), "/srv/labour", folder.applied(), folder.observed(), Selection((text,), ()))
    (found,) = raised.value.report
    assert (raised.value.code, found.id, found.message) == (Exit.USAGE, "bad-selector", f"`{text}` cannot be read as a selection{why}")
