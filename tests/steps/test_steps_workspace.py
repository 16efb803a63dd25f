"""Where a step finds its project."""

import getpass
import json

import pytest

from headrace.diagnostics import HeadraceError
from headrace.steps.workspace import open_workspace, workspace


def config_of(root):
    return root / "flows" / "headrace.json"


def test_a_project_is_found_from_a_folder_within_it(root, monkeypatch):
    (root / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(root / "a" / "b")
    with workspace() as w:
        assert (root, "shop", ("churn",), "service:flow") == (w.root, w.config.project, w.config.models, w.actor)


@pytest.mark.parametrize("inside", [".", "flows/headrace.json"])
def test_a_project_can_be_named(root, tmp_path_factory, monkeypatch, inside):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setenv("HEADRACE_WORKSPACE", str(root / inside))
    with workspace("train") as w:
        assert (root, "service:train") == (w.root, w.actor)


def test_a_person_opens_it_as_themselves(root):
    with open_workspace(config_of(root)) as w:
        assert f"user:{getpass.getuser()}" == w.actor


def test_it_has_the_plugins_and_the_store(root):
    with workspace() as w:
        assert (True, root, ["people"]) == ("roc_auc" in w.plugins.metrics, w.store.root, list(w.config.sources))


def test_a_broken_plugin_is_left_out_and_named(root):
    (root / "plugins").mkdir()
    (root / "plugins" / "odd.py").write_text("raise RuntimeError('odd')\n", encoding="utf-8")
    with workspace() as w:
        assert (["plugin-failed"], True) == ([fault.id for fault in w.report], "roc_auc" in w.plugins.metrics)


def test_the_stores_address_may_stand_in_the_environment(root, monkeypatch):
    config = json.loads(config_of(root).read_text(encoding="utf-8"))
    config_of(root).write_text(json.dumps(config | {"store": "env:SHOP_STORE"}), encoding="utf-8")
    monkeypatch.setenv("SHOP_STORE", "sqlite:///elsewhere.db")
    with workspace():
        assert (root / "elsewhere.db").is_file()


def test_without_a_project_compile_is_the_help(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_WORKSPACE", raising=False)
    with pytest.raises(HeadraceError, match="not-compiled"):
        workspace()


def test_a_named_project_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADRACE_WORKSPACE", str(tmp_path / "flows" / "headrace.json"))
    with pytest.raises(HeadraceError, match="not-compiled"):
        workspace()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"store": "sqlite:///a.db"}'])
def test_a_broken_file_is_said(root, text):
    config_of(root).write_text(text, encoding="utf-8")
    with pytest.raises(HeadraceError, match="config-unreadable"):
        workspace()
