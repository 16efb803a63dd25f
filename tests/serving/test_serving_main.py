import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_project import MODEL, Project
from serving_project import project as make_project

from headrace.compiled import ServingConfig, read
from headrace.diagnostics import Exit, HeadraceError
from headrace.serving.__main__ import listen, main
from headrace.serving.process import Ending, answer
from headrace.serving.workspace import open_workspace


def test_a_free_port_is_taken_and_listens() -> None:
    with listen("127.0.0.1", 0, MODEL) as listening, socket.create_connection(listening.getsockname()):
        assert listening.getsockname()[1] > 0


def test_a_taken_port_is_told_with_exit_code_1(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code = main([str(project.config), "--port", str(port)])
    told = capsys.readouterr().err
    assert (1, True) == (code, f"error[port-taken]: port {port} of 127.0.0.1 is taken" in told)
    assert f"help: `headrace serve {MODEL} --port {port + 1}`" in told


@pytest.mark.parametrize("workers", ["1", "2"])
def test_all_that_a_server_lacks_is_told_at_once_before_anything_is_listened_on_or_started(
    tmp_path: Path, workers: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    access = {
        "tls": {"certificate": "file:tls/none.crt", "key": "file:tls/none.key"},
        "tracing": {"endpoint": "http://127.0.0.1:1", "sample": 1.0, "headers": {"key": "env:NO_SUCH_TRACING_KEY"}},
    }
    personal = {"personal": {"sex": "encrypt"}, "hash_key": "env:NO_SUCH_HASH_KEY", "encryption_keys": [["k1", "file:keys/none"]]}
    made = make_project(tmp_path, {"access": access, "journal": personal}, {"online": "env:NO_SUCH_PLACE"})
    made.store.close()
    with socket.create_server(("127.0.0.1", 0)) as other:  # a taken port would be told, had it been tried
        code = main([str(made.config), "--port", str(other.getsockname()[1]), "--workers", workers])
    told = capsys.readouterr().err
    assert Exit.FAILED == code
    for word in ("NO_SUCH_PLACE", "NO_SUCH_TRACING_KEY", "NO_SUCH_HASH_KEY", "keys/none", "none.crt"):
        assert word in told
    assert (4, 1, False) == (told.count("error[secret-missing]"), told.count("error[certificate-unreadable]"), "port-taken" in told)
    assert "help: export NO_SUCH_HASH_KEY=…" in told
    assert "answers on" not in caplog.text


@pytest.fixture
def signals() -> Iterator[None]:
    """What hears signals is as it was before, and no timer ends this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()


@pytest.mark.usefixtures("signals")
def test_a_server_says_that_it_answers_once_it_has_begun(project: Project) -> None:
    config, said = config_of(project), []

    def says() -> None:
        said.extend(thread.name for thread in threading.enumerate())
        signal.raise_signal(signal.SIGTERM)

    with open_workspace(project.config.parent / "headrace.json", config) as workspace:
        code = answer(config, workspace, listen("127.0.0.1", 0, MODEL), Ending(grace=1e6), says)
    # It follows the store from its start on: that thread was there when it was said.
    assert (0, True) == (code, f"follow-{MODEL}" in said)


def test_an_address_that_is_not_of_this_machine_is_told() -> None:
    with pytest.raises(HeadraceError, match="port-refused"):
        listen("192.0.2.1", 0, MODEL)


def config_of(project: Project) -> ServingConfig:
    return read(ServingConfig, project.config)


@pytest.mark.parametrize(("text", "fault"), [(None, "not-compiled"), ("{", "config-unreadable"), ("{}", "config-unreadable")])
def test_a_config_that_is_none_is_told(tmp_path: Path, text: str | None, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.serving.json"
    if text is not None:
        path.write_text(text)
    assert (1, True) == (main([str(path)]), f"error[{fault}]" in capsys.readouterr().err)


@pytest.mark.parametrize("module", ["headrace.serving", "headrace.serving.together"])
def test_a_server_that_ended_is_not_taken_apart_and_has_said_all(tmp_path: Path, module: str) -> None:
    text = "import atexit, runpy, sys; atexit.register(print, 'apart'); print('begun'); sys.argv[1:] = sys.argv[2:]; "
    command = [sys.executable, "-c", text + f"runpy.run_module({module!r}, run_name='__main__')", "-", str(tmp_path / "x.serving.json")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (1, "begun\n", True) == (told.returncode, told.stdout, "error[not-compiled]" in told.stderr)


def test_a_broken_plugin_is_named_and_left_out(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    (project.root / "plugins").mkdir()
    (project.root / "plugins" / "broken.py").write_text("raise RuntimeError('no')")
    with open_workspace(project.config.parent / "headrace.json", config_of(project)) as workspace:
        pass
    assert "plugins/broken.py" in caplog.text
    assert "lightgbm.classifier" in workspace.plugins.algorithms


def test_a_key_that_a_newer_compiler_wrote_is_no_fault(project: Project) -> None:
    path = project.config.parent / "headrace.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "new": 1}))
    with open_workspace(path, config_of(project)) as workspace:
        assert project.spool == workspace.spool


def test_a_config_of_another_project_is_told(project: Project) -> None:
    config = config_of(project).model_copy(update={"project": "another"})
    with pytest.raises(
        HeadraceError, match=r"error\[config-unreadable\]: .* is of project labour .* knows no model/employment of project another"
    ):
        open_workspace(project.config.parent / "headrace.json", config)
