"""What a worker of a cluster raises is raised here as what it was."""

from __future__ import annotations

import pickle

from headrace.diagnostics import Diagnostic, Exit, HeadraceError


def test_faults_come_back_from_another_process_with_their_help_and_exit_code() -> None:
    raised = HeadraceError(Diagnostic("too-few-rows", "fold 1 of 3 has no rows", help="write fewer `folds`"), Exit.LOCKED)
    found = pickle.loads(pickle.dumps(raised))  # noqa: S301 - our own
    assert (str(raised), raised.code, list(raised.report), raised.__notes__) == (
        str(found),
        found.code,
        list(found.report),
        found.__notes__,
    )
