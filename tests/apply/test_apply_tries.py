"""A real Prefect asks before it tries a task again."""

import os
import subprocess
import sys

import pytest

CODE = """
import sys
from prefect import flow, task
from headrace import steps
from headrace.diagnostics import Diagnostic, HeadraceError
told = []
@task(retries=2, retry_delay_seconds=0, retry_condition_fn=steps.again, persist_result=False)
def work():
    told.append(1)
    raise HeadraceError(Diagnostic(sys.argv[1], "it is told"))
@flow
def whole():
    assert work(return_state=True).is_failed()
whole()
print(len(told))
"""


@pytest.mark.prefect
@pytest.mark.parametrize(("fault", "tries"), [("missing-column", 1), ("source-unreachable", 3)])
def test_what_is_wrong_is_told_at_once_and_what_is_out_of_reach_is_tried_again(prefect_url, fault, tries):
    env = {**os.environ, "PREFECT_API_URL": prefect_url}
    done = subprocess.run([sys.executable, "-c", CODE, fault], env=env, capture_output=True, text=True, check=True)
    assert str(tries) == done.stdout.split()[-1]
