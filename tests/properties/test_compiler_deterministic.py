"""Equal specs compile to equal bytes, however they are written down and wherever they are compiled."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.document import Mapping, Node, Scalar, parse
from headrace.project import load

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = ["census", "minimal", "no-rollout", "several"]


def plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {entry.key: plain(entry.value) for entry in node.entries}
    return [plain(item) for item in node.items]


def compiled(folder: Path) -> dict[str, str]:
    report = Report()
    project = load(folder, report)
    assert [] == report.errors
    assert project is not None
    return compile_project(project)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same value with every mapping's keys in another order; lists stay as they are."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(4))
def test_neither_order_of_keys_nor_files_nor_quoting_nor_comments_change_a_byte(case, seed, tmp_path):
    rng = random.Random(seed)
    texts = [path.read_bytes() for path in sorted((GOLDEN / case / "specs").glob("*.yaml"))]
    documents = [shuffled(plain(node), rng) for text in texts for node in parse(text, "specs.yaml", Report())]
    rng.shuffle(documents)
    shutil.copytree(GOLDEN / case / "specs", tmp_path / "specs", ignore=shutil.ignore_patterns("*.yaml"))
    for number, document in enumerate(documents):
        text = json.dumps(document, indent=seed) if number % 2 else yaml.safe_dump(document, sort_keys=False, default_flow_style=seed == 1)
        file = tmp_path / "specs" / f"{rng.randrange(3)}.yml"
        before = file.read_text(encoding="utf-8") + "---\n" if file.exists() else ""
        file.write_text(f"{before}# a comment\n{text}\n", encoding="utf-8")
    assert compiled(GOLDEN / case) == compiled(tmp_path)


CODE = f"""
import hashlib, json, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_compiler_deterministic import CASES, GOLDEN, compiled
files = [list(compiled(GOLDEN / case).items()) for case in CASES]
print(hashlib.sha256(json.dumps(files).encode()).hexdigest())
"""


@pytest.mark.slow
def test_no_process_compiles_otherwise():
    digests = {
        subprocess.run(
            [sys.executable, "-c", CODE], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert 1 == len(digests)
