"""What a model was made by."""

import sys

from headrace.training.lineage import code, environment


def test_they_are_the_same_twice():
    first, second = ((code(), environment()) for _ in range(2))
    assert first == second


def test_every_file_and_every_package_is_a_line():
    files = [line.split("\0")[0] for line in code().decode().splitlines()]
    packages = [line.split("==")[0] for line in environment().decode().splitlines()]
    assert (True, True, sorted(files)) == ("training/lineage.py" in files, "numpy" in packages, files)


def test_an_algorithm_of_the_projects_own_counts_as_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_algorithm_of_mine.py").write_text("A = 1\n", encoding="utf-8")
    before = code(["own_algorithm_of_mine"])
    (tmp_path / "own_algorithm_of_mine.py").write_text("A = 2\n", encoding="utf-8")
    assert (True, True) == (before != code(["own_algorithm_of_mine"]), before != code())
    assert "own_algorithm_of_mine" not in sys.modules


def test_a_built_in_algorithm_is_counted_once():
    assert code() == code(["headrace.builtin.algorithms.lightgbm_classifier"])
