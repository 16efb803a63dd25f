"""Each first-party plugin is built as a wheel, installed alone, found by its entry point, and passes its own tests."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
ADDS = {
    "headrace-fairlearn": ("metric", "fairlearn.equalized_odds_difference"),
    "headrace-mlflow": ("tracker", "mlflow"),
    "headrace-slack": ("channel", "slack"),
    "headrace-torch": ("algorithm", "torch.classifier"),
    "headrace-xgboost": ("algorithm", "xgboost.classifier"),
}


def test_every_package_is_tried() -> None:
    assert sorted(ADDS) == sorted(path.parent.name for path in PLUGINS.glob("*/pyproject.toml"))


@pytest.mark.slow
@pytest.mark.parametrize("package", ADDS)
def test_a_package_works_alone(package: str, tmp_path: Path) -> None:
    folder = PLUGINS / package
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as file:  # what `pip install --no-deps --target` does with a pure wheel
        file.extractall(site)
    before = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(site), before])), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments: str, cwd: Path) -> str:
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout

    axis, name = ADDS[package]
    (tmp_path / "empty").mkdir()
    listed = json.loads(run("headrace", "plugins", "list", "--axis", axis, "--json", cwd=tmp_path / "empty"))["registered"]
    assert {"axis": axis, "name": name, "plugin": package, "kind": "installed", "version": "0.1.0"} in listed
    tests = run("pytest", "-q", "-p", "no:cacheprovider", "-o", "pythonpath=", cwd=folder)
    assert "passed" in tests
