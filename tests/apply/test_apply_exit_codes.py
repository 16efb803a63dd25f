"""Every exit code of the command line, from a shell's side; what a killed apply leaves; two at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from headrace.diagnostics import Exit
from headrace.local.prefect_server import free_port
from headrace.store import Store, lock

REFERENCE = Path(__file__).parents[1] / "plan" / "reference" / "specs"

WITH_MEMORY = textwrap.dedent('''
    """`headrace` with a Prefect in memory, kept in a file between calls; `KILL=N` kills the process at the Nth row of the journal."""
    import contextlib, os, pickle, signal, sys
    from pathlib import Path

    import headrace.apply.prefect as real
    import headrace.apply.record as record
    import headrace.local.prefect_server as local
    from headrace.testing.prefect import MemoryDoor, MemoryServer

    KEPT = Path(os.environ["KEPT"])
    LEFT = int(os.environ.get("KILL", -1))

    class Kept(MemoryDoor):
        def __init__(self, url, project):
            server = pickle.loads(KEPT.read_bytes()) if KEPT.exists() else MemoryServer()
            super().__init__(project, server)
            self.url = url
        def wait_ready(self, timeout): ...
        def ready(self): return True
        def wait(self, run_id, timeout):
            print("waits", flush=True)
            sys.stdin.read()
        def __getattribute__(self, name):
            found = super().__getattribute__(name)
            if not name.startswith(("put_", "delete_", "run")):
                return found
            def call(*args, **named):
                answer = found(*args, **named)
                KEPT.write_bytes(pickle.dumps(self.server))
                return answer
            return call

    @contextlib.contextmanager
    def server_for(*_, **__):
        yield "http://127.0.0.1:1/api"

    def counted(method):
        def call(*args, **named):
            global LEFT
            answer = method(*args, **named)
            LEFT -= 1
            if LEFT == 0:
                if os.environ.get("SIGNAL") == "INT":
                    raise KeyboardInterrupt
                os.kill(os.getpid(), signal.SIGKILL)
            return answer
        return call

    real.Door = Kept
    local.server_for = server_for
    local.running = lambda root: "http://127.0.0.1:1/api"
    record.Journal.intend = counted(record.Journal.intend)
    record.Journal.end = counted(record.Journal.end)

    from headrace.cli import main
    main(sys.argv[1:])
''')


class Shell:
    """A folder, and commands in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(REFERENCE, root / "specs")
        (root / "command.py").write_text(WITH_MEMORY)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "command.py"), *arguments, "--root", str(self.root)]

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "KEPT": str(self.root / "prefect.pickle"), **more}

    def __call__(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.root / "specs" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.slow
def test_the_life_of_a_plan_by_its_exit_codes(shell: Shell) -> None:
    written = str(shell.root / "plan.json")
    assert shell("plan", "--detailed-exitcode", "--out", written)[0] == Exit.CHANGES
    document = json.loads(Path(written).read_bytes())
    altered = {**document, "train": []}
    (shell.root / "altered.json").write_text(json.dumps(altered))
    code, _, err = shell("apply", str(shell.root / "altered.json"))
    assert (code, "plan-altered" in err) == (Exit.STALE, True)
    assert shell("apply", written, "--select", "model/employment")[0] == Exit.USAGE
    assert shell("apply", written)[0] == Exit.OK
    assert shell("plan", "--detailed-exitcode")[:2] == (Exit.OK, "Plan: no changes. 10 unchanged.\n")
    code, _, err = shell("apply", written)
    assert (code, "plan-stale" in err) == (Exit.STALE, True)
    code, _, err = shell("unlock", "nobody")
    assert (code, "error[no-lock]" in err) == (Exit.USAGE, True)
    assert shell("plan", "--select", "model/nothing")[0] == Exit.USAGE
    shell.edit("employment.yaml", "learning_rate: 0.05", "learning_rate: 0.1")
    shell.edit("channels.yaml", "path: ", "path: other-")
    code, out, _ = shell("apply", "--select", "kind:channel", "--json")
    assert (code, json.loads(out)["partial"]) == (Exit.OK, {"select": ["kind:channel"], "exclude": []})
    code, out, _ = shell("plan", "--json")
    assert [item["address"] for item in json.loads(out)["items"]] == ["model/employment"]
    shell.edit("employment.yaml", "learning_rate: 0.1", "learning_rat: 0.1")
    assert shell("plan")[0] == Exit.INVALID


@pytest.mark.slow
def test_more_than_a_fifth_removed_is_refused_and_a_number_lets_it_through(shell: Shell) -> None:
    assert shell("apply", "--no-train")[0] == Exit.OK
    for file in ("employment.yaml", "replay.yaml"):
        (shell.root / "specs" / file).unlink()
    shell.edit("features.yaml", "kind: feature_view", "kind: feature_view")
    (shell.root / "specs" / "features.yaml").unlink()
    code, _, err = shell("apply")
    assert (code, "--allow-prune 3" in err) == (Exit.REFUSED, True)
    assert shell("apply", "--allow-prune", "3")[0] == Exit.OK


@pytest.mark.slow
def test_a_step_that_fails_part_way_and_a_user_who_stops_it(shell: Shell) -> None:
    blocked = shell.root / "flows" / "employment.serving.json"
    blocked.mkdir(parents=True)
    assert shell("apply")[0] == Exit.PARTIAL
    blocked.rmdir()
    assert shell("apply", KILL="3", SIGNAL="INT")[0] == Exit.INTERRUPTED
    code, out, _ = shell("apply")
    assert (code, "An earlier apply stopped at" in out) == (Exit.OK, True)
    assert shell("plan", "--detailed-exitcode")[0] == Exit.OK


@pytest.mark.slow
@pytest.mark.parametrize("row", [1, 6, 17, 22, 25])
def test_an_apply_that_was_really_killed_is_taken_up_by_the_next(shell: Shell, row: int) -> None:
    assert shell("apply", KILL=str(row))[0] == -signal.SIGKILL
    for command in ("plan", "status") if row == 17 else ("plan",):
        said = shell(command)[1]
        assert ("stopped at step" in said, "`headrace apply` resumes it" in said) == (row % 2 == 1, row % 2 == 1)
    # Its lock is that of a dead process of this host: nobody has to be asked.
    assert shell("apply")[0] == Exit.OK
    assert shell("plan", "--detailed-exitcode")[0] == Exit.OK


@pytest.mark.slow
def test_whoever_waits_for_a_training_locks_nobody_out_and_may_be_killed(shell: Shell) -> None:
    command, pipe = shell.command("apply", "--wait"), subprocess.PIPE
    with subprocess.Popen(command, env=shell.environment(), stdin=pipe, stdout=pipe, stderr=pipe, text=True) as waiting:
        assert waiting.stdout is not None
        assert "waits\n" in iter(waiting.stdout.readline, "")
        second = shell("apply", "--no-train")
        waiting.kill()
    assert second[:2] == (Exit.OK, "Nothing to apply.\n")
    assert shell("apply")[:2] == (Exit.OK, "Nothing to apply.\n")
    assert shell("plan", "--detailed-exitcode")[0] == Exit.OK


@pytest.mark.slow
def test_a_lock_that_somebody_holds_and_a_file_that_is_not_there(shell: Shell) -> None:
    shell.edit("sources.yaml", "from: AGEP", "from: AGEPP")
    code, _, err = shell("apply")
    assert (code, "error[missing-column]" in err, "specs/sources.yaml:" in err) == (Exit.INVALID, True, True)
    assert not (shell.root / "flows").exists()
    assert shell("apply", "--no-train")[0] == Exit.OK
    with Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=shell.root) as store, lock.hold(store, "apply", "user:test"):
        code, _, err = shell("apply")
    assert (code, "error[locked]" in err) == (Exit.LOCKED, True)


def test_usage_and_a_server_that_is_away(tmp_path: Path) -> None:
    def headrace(*arguments: str) -> int:
        environment = {**os.environ, "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}
        command = [sys.executable, "-m", "headrace", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False).returncode

    shutil.copytree(REFERENCE, tmp_path / "specs")
    assert headrace("plan", "--selct", "x") == Exit.USAGE
    assert headrace("apply", "--root", str(tmp_path)) == Exit.FAILED
