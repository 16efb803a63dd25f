"""P6: runs have unique ids, however many processes begin runs at once."""

import subprocess
import sys
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_values import SLOW

from headrace import tracking
from headrace.store import Store

BEGINS = """
import sys
from pathlib import Path
from headrace import tracking
from headrace.store import Store
with Store.open("sqlite:///state.db", "blobs", root=Path(sys.argv[1])) as store:
    for _ in range(25):
        run_id = tracking.new_id()
        with store.transaction("u", "begin", run_id) as session:
            tracking.begin(session, id=run_id, experiment="e", actor="u", at=store.clock.now())
        print(run_id)
"""


def test_processes_that_begin_runs_at_once_share_no_id(tmp_path):
    Store.open("sqlite:///state.db", "blobs", root=tmp_path).close()
    running = [subprocess.Popen([sys.executable, "-c", BEGINS, str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    made = [line for process in running for line in process.communicate()[0].split()]
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store:
        found = [run.id for run in tracking.search(store).runs]
    assert (100, sorted(made)) == (len(set(found)), sorted(found))


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(st.integers(1, 2000))
def test_ids_made_in_one_moment_differ_and_say_when_they_were_made(count):
    made = [tracking.new_id() for _ in range(count)]
    moments = [int(id_[:12], 16) for id_ in made]
    assert (count, {7}, sorted(moments)) == (len(set(made)), {UUID(id_).version for id_ in made}, moments)
