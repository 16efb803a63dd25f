"""What is exported was verified, and stands as a whole or not at all."""

import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from headrace import registry
from headrace.diagnostics import Exit, HeadraceError, Report
from headrace.hooks import Exporter, load_plugins
from headrace.testing.exporter import a_version

PLUGINS = load_plugins(None, Report(), allow=[])
FOLDER, CARD = PLUGINS.exporters["folder"], PLUGINS.exporters["card"]


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def half(version, params, folder):
    (folder / "half").write_text("x")
    raise ValueError("no more")


def full(version, params, folder):
    (folder / "half").write_text("x")
    raise OSError(28, "No space left on device", str(folder / "other"))


def nothing(version, params, folder):
    pass


def ends(version, params, folder):
    raise SystemExit(3)


def own(function: str) -> Exporter:
    return Exporter("own", f"{__name__}:{function}", f"{__name__}:Params", "For a test.")


def refused(place: Path, exporter: Exporter, params: dict | None = None) -> HeadraceError:
    with pytest.raises(HeadraceError) as caught:
        registry.export(a_version(), exporter, params or {}, place / "out")
    return caught.value


def test_a_folder_that_sha256sum_accepts(tmp_path) -> None:
    written = registry.export(a_version(), FOLDER, {}, tmp_path / "deep" / "out")
    assert ["SHA256SUMS", "manifest.json", "model.txt", "serving.json", "signature.json", "version.json"] == sorted(written.files)
    assert a_version().manifest == (tmp_path / "deep" / "out" / "manifest.json").read_bytes()
    done = subprocess.run(
        [shutil.which("sha256sum") or "sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=written.folder, capture_output=True, check=False
    )
    assert (0, 5) == (done.returncode, done.stdout.count(b": OK"))
    assert ["out"] == [path.name for path in (tmp_path / "deep").iterdir()]


def test_a_card_breaks_by_no_name(tmp_path) -> None:
    registry.export(a_version(), CARD, {"categories": 1}, tmp_path / "out")
    text = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert "| roc_auc | 0.91 |  |" in text
    assert "| region | category | Zürich and 1 more | yes |" in text


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("half", "ValueError: no more"),
        ("full", "No space left on device: other"),
        ("nothing", "it wrote no file"),
        ("ends", "SystemExit: 3"),
        ("nowhere", "AttributeError"),
    ],
)
def test_an_exporter_that_fails_leaves_nothing(tmp_path, function: str, says: str) -> None:
    error = refused(tmp_path, own(function))
    assert (["export-failed"], Exit.FAILED, []) == ([fault.id for fault in error.report], error.code, list(tmp_path.iterdir()))
    assert says in error.report.found[0].message


def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        error = refused(tmp_path, FOLDER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ["`folder` failed, and nothing is left: File too large"] == [fault.message for fault in error.report]
    assert [] == list(tmp_path.iterdir())


def test_what_stands_there_stays(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    error = refused(tmp_path, FOLDER)
    assert (["export-exists"], Exit.REFUSED, []) == ([f.id for f in error.report], error.code, list((tmp_path / "out").iterdir()))


@pytest.mark.parametrize("params", [{"servng": True}, {"serving": "much"}])
def test_parameters_that_are_none(tmp_path, params: dict) -> None:
    error = refused(tmp_path, FOLDER, params)
    assert (["bad-params"], Exit.USAGE) == ([fault.id for fault in error.report], error.code)
    assert "its parameters are: serving" == error.report.found[0].help
