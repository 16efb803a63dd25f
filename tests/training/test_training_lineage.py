"""What a model was made by."""

import re
import sys

from headrace.training.lineage import code_digest, environment_digest


def test_digests_are_the_same_twice():
    first, second = ((code_digest(), environment_digest()) for _ in range(2))
    assert first == second


def test_they_are_digests():
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", found) for found in (code_digest(), environment_digest()))


def test_an_algorithm_of_the_projects_own_counts_as_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_algorithm_of_mine.py").write_text("A = 1\n", encoding="utf-8")
    before = code_digest(["own_algorithm_of_mine"])
    (tmp_path / "own_algorithm_of_mine.py").write_text("A = 2\n", encoding="utf-8")
    assert (True, True) == (before != code_digest(["own_algorithm_of_mine"]), before != code_digest())
    assert "own_algorithm_of_mine" not in sys.modules


def test_a_built_in_algorithm_is_counted_once():
    assert code_digest() == code_digest(["headrace.builtin.algorithms.lightgbm_classifier"])
