"""What is said of the packages beside this one is what they register."""

from importlib import import_module
from pathlib import Path

import pytest

from headrace.hooks.axis import AXES
from headrace.hooks.first_party import CHANNELS, PACKAGES
from headrace.spec.place import keys

PLUGINS = Path(__file__).parents[2] / "plugins"


def test_every_package_is_known_with_all_that_it_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    found, given = {}, {}
    for package in sorted(path.parent for path in PLUGINS.glob("*/pyproject.toml")):
        monkeypatch.syspath_prepend(package / "src")
        module = import_module(package.name.replace("-", "_"))
        hooks = [(axis.word, getattr(module, axis.hook)) for axis in AXES if hasattr(module, axis.hook)]
        found |= {(word, item.name): package.name for word, hook in hooks for item in hook()}
        if "channel" in dict(hooks):
            given |= {item.name: tuple(keys(getattr(module, item.params.partition(":")[2]))) for item in dict(hooks)["channel"]()}
    assert found == dict(PACKAGES)
    assert given == dict(CHANNELS)
