"""Equal specs compile to equal bytes, however they are written down and wherever they are compiled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.compiler import Specs, compile_specs
from headrace.diagnostics import Report
from headrace.document import Mapping, Node, Scalar, parse
from headrace.spec import KINDS

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = ["census", "minimal", "no-rollout", "several"]


def plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {entry.key: plain(entry.value) for entry in node.entries}
    return tuple(plain(item) for item in node.items)


def documents(case: str) -> list[dict[str, Any]]:
    texts = [path.read_text(encoding="utf-8") for path in sorted((GOLDEN / case / "specs").iterdir())]
    return [plain(node) for text in texts for node in parse(text, "specs.yaml", Report())]


def specs(of: list[dict[str, Any]]) -> Specs:
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for document in of:
        found[document["kind"]][document["name"]] = KINDS[document["kind"]].model_validate(document)
    (project,), (environment,) = found["project"].values(), found["environment"].values()
    return Specs(project, environment, found["source"], found["feature_view"], found["channel"], found["model"])


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same value with every mapping's keys in another order; lists stay as they are."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return tuple(shuffled(item, rng) for item in value) if isinstance(value, tuple) else value


def listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return [listed(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(5))
def test_neither_order_of_keys_nor_files_nor_quoting_changes_a_byte(case, seed):
    rng = random.Random(seed)
    mixed = [shuffled(document, rng) for document in documents(case)]
    rng.shuffle(mixed)
    texts = [yaml.safe_dump(listed(document), sort_keys=False, default_style=None, allow_unicode=bool(seed % 2)) for document in mixed]
    again = [plain(node) for text in texts for node in parse(f"# a comment\n{text}", "other.yml", Report())]
    assert compile_specs(specs(documents(case))) == compile_specs(specs(again))


CODE = f"""
import hashlib, json, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_compiler_deterministic import CASES, compile_specs, documents, specs
files = [list(compile_specs(specs(documents(case))).items()) for case in CASES]
print(hashlib.sha256(json.dumps(files).encode()).hexdigest())
"""


@pytest.mark.slow
def test_no_process_compiles_otherwise():
    digests = {
        subprocess.run([sys.executable, "-c", CODE], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("0", "1", "12345")
    }
    assert 1 == len(digests)


def test_the_reference_project_compiles_in_less_than_a_second():
    reference = specs(documents("census"))
    start = time.perf_counter()
    compile_specs(reference)
    assert time.perf_counter() - start < 1
