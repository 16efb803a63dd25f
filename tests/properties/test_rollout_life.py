"""Whatever happens in whatever order, a rollout never breaks its promises: a state machine over a real store."""

import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

sys.path.insert(0, str(Path(__file__).parent.parent / "rollout"))

from rollout_values import CANARY
from rollout_world import World

from headrace import rollout, traffic
from headrace.diagnostics import HeadraceError
from headrace.rollout import Bake
from headrace.rollout.judgement import watch
from headrace.store import Store
from headrace.traffic import CANDIDATE, CHAMPION

ENDED = {"active", "failed", "rolled_back"}


class Life(RuleBasedStateMachine):
    @initialize(bake=st.sampled_from([None, Bake(time=timedelta(days=9), holdback=0.1)]))
    def begin(self, bake):
        self.canary = replace(CANARY, bake=bake)
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open("sqlite:///headrace.db", "blobs", root=Path(self.folder.name))
        self.world, self.versions, self.ended = World(self.store), 1, {}
        self.world.passes(1)
        self.world.look(self.canary)

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule()
    def a_candidate_passes(self):
        self.versions += 1
        self.world.passes(self.versions)

    @rule(hours=st.integers(1, 24 * 20))
    def time_goes_by(self, hours):
        self.world.wait(timedelta(hours=hours))

    @rule(hundreds=st.integers(0, 10), bad=st.sampled_from([0.0, 0.0, 0.02, 0.9]))
    def requests_arrive_at_their_share(self, hundreds, bad):
        share = self.world.weights().share
        candidate = round(100 * hundreds * share)
        self.world.requests(candidate, 100 * hundreds - candidate, bad=round(candidate * bad))

    @rule(again=st.booleans())
    def the_flow_looks(self, again):
        before = [row.candidate for row in self.world.rows() if row.state == "baking"]
        progress = self.world.look(self.canary)
        if progress.passed:
            self._was_right(progress, before)
        if again and progress.event != "headrace.rollout.looked":
            kinds = self.world.kinds()
            if self.world.look(self.canary).event == "headrace.rollout.looked":
                assert self.world.kinds() == kinds

    @precondition(lambda self: self.world.weights().share > 0)
    @rule()
    def the_server_looks(self):
        weights = self.world.weights()
        with self.store.read() as session:
            verdict = watch(CANARY).look(session, weights)
        if verdict is not None:
            traffic.abort(self.store, weights, verdict, self.world.now)
            assert self.world.weights().pairs == ((CHAMPION, 1.0), (CANDIDATE, 0.0))

    @rule()
    def a_person_rolls_back(self):
        try:
            rollout.roll_back(self.store, model="m", actor="test", reason="by hand")
        except HeadraceError:
            assert "previous" not in self.world.aliases()

    def _was_right(self, progress, baked):
        payload = progress.payload
        assert self.canary.bake is None or payload["champion"] is None or payload["candidate"] in baked
        if payload["verdict"] == "healthy":
            assert all(found["passed"] for found in payload["evidence"].values())
            assert payload["requests"] >= CANARY.warmup.requests

    @invariant()
    def the_champion_answers_what_no_rollout_takes(self):
        aliases, weights = self.world.aliases(), self.world.weights()
        assert weights.arm(CHAMPION).version == aliases["champion"]
        assert abs(sum(arm.weight for arm in weights.arms) - 1) < 1e-9

    @invariant()
    def one_rollout_runs_at_most_and_only_it_has_traffic(self):
        running = [row for row in self.world.rows() if row.state not in ENDED]
        assert len(running) <= 1
        if self.world.weights().share > 0:
            assert [row.candidate for row in running] == [self.world.weights().arm(CANDIDATE).version]

    @invariant()
    def what_has_failed_is_never_active(self):
        for row in self.world.rows():
            before = self.ended.get(row.id)
            assert before not in {"failed", "rolled_back"} or row.state == before
            self.ended[row.id] = row.state

    @invariant()
    def while_a_rollout_runs_a_look_is_due(self):
        if any(row.state not in ENDED for row in self.world.rows()):
            assert self.world.due()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=12, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck))
