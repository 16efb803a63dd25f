"""What may pass by itself is tried again; what is wrong stays wrong, and is told at once."""

import pytest
from prefect.states import Failed

from headrace import steps
from headrace.diagnostics import Diagnostic, HeadraceError, Report


def raised(*ids):
    """What a task ends in that raised these faults."""
    return Failed(data=HeadraceError(Report([Diagnostic(name, "it is told") for name in ids])))


@pytest.mark.parametrize("ids", [("source-unreachable",), ("store-busy",), ("output-unwritable", "prefect-away"), ("source-failed",)])
def test_what_was_out_of_reach_is_tried_again(ids):
    assert steps.again(None, None, raised(*ids))


@pytest.mark.parametrize("ids", [("missing-column",), ("already-answered",), ("source-unreachable", "missing-column")])
def test_what_is_wrong_is_not(ids):
    assert not steps.again(None, None, raised(*ids))


def test_what_is_no_fault_of_ours_is_tried_again():
    assert steps.again(None, None, Failed(data=OSError("gone")))
