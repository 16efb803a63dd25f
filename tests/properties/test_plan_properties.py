from __future__ import annotations

import copy
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import project as projects
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.plan import Recorded, State, canonical, diff, fingerprint, to_json
from headrace.plan import wanted as wanted_
from headrace.plan.fields import differences, plain, written
from headrace.plan.state import text_digest

REFERENCE = Path(__file__).parents[1] / "plan" / "reference" / "specs"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


def load(root: Path) -> projects.Project:
    report = Report()
    found = projects.load(root, report)
    assert found is not None, [d.message for d in report]
    return found


@cache
def documents() -> tuple[dict[str, Any], ...]:
    return tuple(d for path in sorted(REFERENCE.glob("*.yaml")) for d in yaml.safe_load_all(path.read_text()))


def state_of(project: projects.Project) -> State:
    outputs = compile_project(project)
    wanted = wanted_.read(outputs, "/srv/p")
    versions = {d.name: d.version for d in wanted.deployments.values()}
    resources = {
        str(a): Recorded("uid", str(a), a.kind, fingerprint(s), plain(s), {"written": written(s), "deployments": versions})
        for a, s in project.specs.items()
    }
    return State(1, resources, disk={path: text_digest(text) for path, text in outputs.items()})


def plan_of(project: projects.Project, state: State) -> Any:
    outputs = compile_project(project)
    return diff(project, outputs, state, None, wanted_.read(outputs, "/srv/p"))


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@settings(max_examples=5, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_key_order_comments_files_and_quoting_change_nothing(folder: Path, chance: random.Random, files: int) -> None:
    reference = load(REFERENCE.parent)
    specs = folder / "specs"
    shutil.rmtree(specs, ignore_errors=True)
    specs.mkdir()
    written_ = [shuffled(copy.deepcopy(d), chance) for d in documents()]
    chance.shuffle(written_)
    parts: list[list[str]] = [[] for _ in range(files)]
    for document in written_:
        style = chance.choice([None, False])
        chance.choice(parts).append("# a comment\n" + yaml.dump(document, sort_keys=False, default_flow_style=style))
    for i, part in enumerate(parts):
        if part:
            (specs / f"{chance.choice('abc')}{i}.yaml").write_text("---\n".join(part), encoding="utf-8")
    project = load(folder)
    plan = plan_of(project, state_of(reference))
    assert plan.empty
    assert plan.digest == plan_of(reference, state_of(reference)).digest


def test_a_plan_of_what_is_applied_is_empty_and_its_bytes_are_equal() -> None:
    project = load(REFERENCE.parent)
    one, other = plan_of(project, state_of(project)), plan_of(load(REFERENCE.parent), state_of(project))
    assert one.empty
    assert canonical(one) == canonical(other)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_differences_are_none_exactly_where_the_values_are_equal(old: dict[str, Any], new: dict[str, Any]) -> None:
    def pruned(value: Any) -> Any:
        """None and absent are one; and so are 1 and 1.0, as in canonical JSON, but not 1 and true."""
        if isinstance(value, dict):
            return {key: p for key, item in value.items() if (p := pruned(item)) is not None}
        if isinstance(value, list):
            return [pruned(item) for item in value]
        return ("bool", value) if isinstance(value, bool) else value

    assert differences("channel", old, old) == ()
    if pruned(old) == pruned(new):
        assert differences("channel", {"params": old}, {"params": new}) == ()
    else:
        assert differences("channel", {"params": old}, {"params": new})


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(["owner", "description"]), st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20))
def test_every_plan_reads_back_from_its_canonical_bytes(field: str, value: str) -> None:
    project = load(REFERENCE.parent)
    state = state_of(project)
    old = state.resources["model/employment"]
    resources = {
        **state.resources,
        "model/employment": Recorded(old.uid, old.address, old.kind, "", {**old.spec, field: value}, old.applied),
    }
    plan = plan_of(project, State(1, resources, disk=state.disk))
    assert json.loads(canonical(plan)) == to_json(plan)
