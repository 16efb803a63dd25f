"""A project with one plugin file, and installed distributions that stand on sys.path as pip would leave them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.diagnostics import Report
from headrace.hooks import Plugins, load_plugins


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., tuple[Plugins, Report]]:
    """Load a project whose `plugins/NAME.py` are the given texts: `project(mine=TEXT)`."""

    def load(*, allow: list[str] | None = None, deny: tuple[str, ...] = (), **files: str) -> tuple[Plugins, Report]:
        (tmp_path / "plugins").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "plugins" / f"{name}.py").write_text(text)
        report = Report()
        return load_plugins(tmp_path, report, allow=allow, deny=deny), report

    return load


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Install a distribution of one module: `installed("acme-metrics", "1.2", TEXT)`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(distribution: str, version: str, text: str) -> None:
        module = distribution.replace("-", "_")
        monkeypatch.delitem(sys.modules, module, raising=False)
        (site / f"{module}.py").write_text(text)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[headrace]\nplugin = {module}\n")

    return install
