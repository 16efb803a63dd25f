"""A secret that is planted in the shell and in a file is found in nothing that the commands print or write."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.diagnostics import Diagnostic, Edit, Report, Span
from headrace.diagnostics.render import to_json
from headrace.store import Store

CANARY = "c4n4ry-in-the-mine-5f2e"
ROOT = Path(__file__).parents[2]
BASE = (ROOT / "tests" / "cases" / "base.yaml").read_text().replace("kind: environment\nname: dev\n", "")
SECRETS = """---
kind: environment
name: dev
store: "env:STORE"
---
kind: environment
name: away
store: file:keys/store
---
kind: channel
name: hook
type: webhook
params: {url: "env:HOOK_URL", sign_with: file:keys/hook}
"""
COMMANDS = [
    ["validate"],
    ["validate", "--env", "away"],
    ["show", "--env", "dev"],
    ["show", "environment/dev"],
    ["plan"],
    ["plan", "--out", "plan.json"],
    ["plan", "--env", "away"],
    ["compile"],
    ["apply", "--no-train", "--yes"],
    ["apply", "--env", "away", "--yes"],
    ["status"],
    ["models"],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "specs").mkdir()
    (root / "specs" / "all.yaml").write_text(BASE.replace("---\n---\n", "---\n") + SECRETS)
    columns = ("person_id", "age", "sex", "joined", "employed")
    pq.write_table(pa.table({name: pa.array([], pa.string()) for name in columns}), root / "people.parquet")
    (root / "keys").mkdir()
    (root / "keys" / "hook").write_text(CANARY)
    (root / "keys" / "store").write_text(f"postgresql+psycopg://me:{CANARY}@127.0.0.1:9/none")
    return root


def run(root: Path, arguments: list[str]) -> tuple[int, str]:
    shell = {
        "STORE": f"sqlite:///{root}/.headrace/state.db",
        "HOOK_URL": f"http://me:{CANARY}@127.0.0.1:9/{CANARY}",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "headrace", *arguments]
    done = subprocess.run(command, cwd=root, env={**os.environ, **shell}, capture_output=True, text=True, timeout=200, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_a_secret_is_found_nowhere(folder: Path, more: list[str]) -> None:
    told = {" ".join(arguments): run(folder, [*arguments, *more]) for arguments in COMMANDS}
    assert [] == [command for command, (_, text) in told.items() if CANARY in text]
    assert [] == [command for command, (_, text) in told.items() if "Traceback" in text]
    assert (0, 0, 0, 0) == tuple(told[command][0] for command in ("validate", "show --env dev", "plan", "compile")), told
    assert all(told[command][0] not in (0, 3) for command in ("plan --env away", "apply --no-train --yes", "apply --env away --yes")), told
    written = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "keys"]
    assert {"state.db", "headrace.json", "plan.json"} <= {path.name for path in written}
    assert [] == [path for path in written if CANARY.encode() in path.read_bytes()]


def test_the_canary_would_be_found(folder: Path, tmp_path: Path) -> None:
    """The references lead to it: the same search finds it where it is."""
    assert CANARY in (folder / "keys" / "hook").read_text()
    store = Store.open("file:url", ".headrace/blobs", root=_with(tmp_path, f"sqlite:///{tmp_path}/{CANARY}.db"))
    store.close()
    assert (tmp_path / f"{CANARY}.db").is_file()


def _with(root: Path, url: str) -> Path:
    (root / "url").write_text(f"{url}\n")
    return root


MISWRITTEN = f"""kind: channel
name: hook
typ: webhook
params:
  url: "https://me:{CANARY}@example.com/hook"
  sign_with: "{CANARY}"
"""


@pytest.mark.parametrize("more", ["--fix --diff", "--fix --diff --json", "--json", "--fix --json", "--format sarif"])
def test_no_fix_of_a_line_beside_a_secret_shows_it(tmp_path: Path, more: str) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "all.yaml").write_text(f"kind: project\nname: labour\nlanguage: 1\n---\n{MISWRITTEN}")
    code, text = run(tmp_path, ["validate", *more.split()])
    assert (3, True, False) == (code, "typ" in text, CANARY in text), text


def test_a_change_that_writes_a_secret_is_not_shown() -> None:
    place, value = Span("a.yaml", 1, 1, 1, 4), Span("a.yaml", 2, 8, 2, 8 + len(CANARY))
    moved = Diagnostic("misplaced-key", "it stands elsewhere", place, certain=True, edits=(Edit(place, f"params: {{key: {CANARY}}}"),))
    held = Diagnostic("literal-secret", "a secret stands here", value)
    report = Report([moved, held], {"a.yaml": f"key:\n  key: {CANARY}\n"})
    assert [(False, []), (False, [])] == [(view["certain"], view["edits"]) for view in to_json(report)]
    assert [(False, [])] == [(view["certain"], view["edits"]) for view in to_json(Report([moved]), {CANARY})]
    assert [True] == [view["certain"] for view in to_json(Report([moved]))]
