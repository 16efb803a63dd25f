"""What holds without PyTorch: parameters are checked at their place, nothing heavy is imported for it, and its absence is said."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from headrace.testing.rows import mixed
from headrace_torch import ALGORITHMS, Params
from headrace_torch.fitting import fit_classifier, load

CDNOW = Path(__file__).parents[3] / "examples" / "cdnow"


@pytest.fixture
def validate(tmp_path):
    """What `headrace validate` says of the small example with these parameters: its code, and its text."""
    shutil.copytree(CDNOW / "specs", tmp_path / "specs")
    shutil.copytree(CDNOW / "cards", tmp_path / "cards")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "networks.py").write_text('"""Networks."""\n\nfrom headrace_torch import headrace_algorithms\n')
    (model,) = (path for path in (tmp_path / "specs").glob("*.yaml") if "kind: model" in path.read_text())
    lines = model.read_text().splitlines(keepends=True)
    (at,) = (number for number, line in enumerate(lines) if "algorithm:" in line)
    paths = {"HEADRACE_PLUGINS": "plugins/networks.py", "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "NO_COLOR": "1"}

    def run(params):
        given = [f"  algorithm: torch.classifier\n  params: {params}\n"]
        model.write_text("".join([*lines[:at], *given, *lines[at + 2 :]]))
        command = [sys.executable, "-m", "headrace", "validate"]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True, check=False)  # noqa: S603
        return done.returncode, done.stdout + done.stderr

    return run


def test_parameters_are_checked_at_their_place(validate):
    code, text = validate("{epochs: 0, workers: two, hidden: [8, 0], layers: 3}")
    lines = text.splitlines()
    under = [lines[number - 1][len(line.rstrip("^")) :] for number, line in enumerate(lines) if line.endswith("^") and "|" in line]
    assert (3, ["0, w", "two,", "0], ", "laye"]) == (code, [text[:4] for text in under])


def test_gpus_talk_by_nccl_and_nobody_else(validate):
    code, text = validate("{workers: 2, backend: nccl}")
    assert (3, True) == (code, "`nccl` works between GPUs alone" in text)


def test_good_parameters_pass(validate):
    code, text = validate("{hidden: [8, 4], epochs: 3, workers: 2, worker_timeout: 30s, device: cuda, backend: nccl}")
    assert 0 == code, text


def test_the_parameters_are_read_without_pytorch():
    script = "import json, sys, headrace_torch.params; print(json.dumps(sorted(sys.modules)))"
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | paths, capture_output=True, text=True, check=True)  # noqa: S603
    assert set() == {"torch", "numpy", "safetensors"} & set(json.loads(done.stdout))


@pytest.mark.parametrize("params", [{"hidden": (0,)}, {"worker_timeout": "10ms"}, {"worker_timeout": 5}, {"workers": 0}])
def test_what_cannot_be_is_refused(params):
    with pytest.raises(ValidationError):
        Params.model_validate(params)


def test_that_pytorch_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as Python has it of what cannot be imported
    world = mixed()
    with pytest.raises(ImportError, match="`torch` is not installed where this runs: `pip install headrace-torch`"):
        fit_classifier(world.matrix, world.target, signature=world.signature, params=Params(), seed=7)
    with pytest.raises(ImportError, match="`torch` is not installed where this runs"):
        load(b"", signature=world.signature)


def test_everything_that_is_named_stands():
    sources = Path(__file__).parents[1] / "src" / "headrace_torch"
    for algorithm in ALGORITHMS:
        for reference in (algorithm.params, algorithm.fit, algorithm.save, algorithm.load):
            module, _, name = reference.partition(":")
            text = (sources / f"{module.partition('.')[2]}.py").read_text()
            assert f"def {name}(" in text or f"class {name}(" in text
