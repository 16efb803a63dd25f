"""The main job, as a user would do it: every stage by the command line, each one's result looked at.

Works on a copy of this project in `.headrace/demo`, so that your own state stays as it is. Exits 0 only if every stage happened.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
PROJECT = CHECKOUT / ".headrace" / "demo"
HEADRACE = [sys.executable, "-m", "headrace"]
MODEL = "employment"
BACKTEST = "census-2016-2018"
PERSON = {
    "person_id": 1,
    "age": 46.0,
    "education": "21",
    "marital": "1",
    "relationship": "0",
    "disability": "2",
    "parents_employment": "0",
    "citizenship": "1",
    "mobility": "1",
    "military": "4",
    "ancestry": "2",
    "nativity": "1",
    "hearing": "2",
    "vision": "2",
    "memory": "2",
    "sex": "1",
    "race": "1",
}


class StageError(RuntimeError):
    """A stage that did not happen as it must."""


class Receiver(BaseHTTPRequestHandler):
    """The team's webhook: keeps what it is told."""

    told: list[dict[str, Any]] = []  # noqa: RUF012 - one receiver a demo

    def do_POST(self) -> None:
        """Take one alert."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.told.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the demo has its own voice."""


def say(text: str) -> None:
    """One line of the demo's own."""
    print(text, flush=True)


def headrace(*arguments: str, codes: Sequence[int] = (0,), stream: bool = False) -> str:
    """Run one command in the project and give what it printed; StageError where its exit code is none of `codes`."""
    say(f"\n$ headrace {' '.join(arguments)}")
    done = subprocess.run(
        [*HEADRACE, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, stderr=None if stream else subprocess.PIPE, text=True, check=False
    )
    if "--json" not in arguments:
        say("\n".join(f"  {line}" for line in done.stdout.splitlines()))
    if done.returncode not in codes:
        raise StageError(f"`headrace {' '.join(arguments)}` ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def wait_for(what: str, check: Any, seconds: float) -> Any:  # noqa: ANN401 - whatever the check gives
    """Ask until the answer is true; StageError where it never is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(0.5)
    raise StageError(f"{what}: not after {seconds:.0f} s")


def ready(url: str) -> bool:
    """Whether the model server says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def copy_project() -> None:
    """A fresh copy of the specs and the flows, with nothing remembered."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    PROJECT.mkdir(parents=True)
    shutil.copytree(CHECKOUT / "specs", PROJECT / "specs")
    shutil.copytree(CHECKOUT / "flows", PROJECT / "flows", ignore=shutil.ignore_patterns("__pycache__"))


def check(summary: dict[str, Any], state: Path) -> dict[str, Any]:
    """What really happened, counted in the store itself; StageError where a stage did not."""
    with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as database:
        count = {
            "journalled": database.execute("select count(*) from prediction").fetchone()[0],
            "answers": database.execute("select count(*) from outcome").fetchone()[0],
            "versions": database.execute("select count(*) from model_version").fetchone()[0],
            "verdicts": database.execute("select count(*) from verdict").fetchone()[0],
            "canary_requests": database.execute("select count(*) from prediction where arm = 'candidate'").fetchone()[0],
            "alerts_delivered": database.execute("select count(*) from outbox where status = 'delivered'").fetchone()[0],
        }
    happened, sent = summary["happened"], summary["counts"]["requests"]
    stages = {
        "every request was journalled": count["journalled"] >= sent,
        "answers arrived late, and were joined": count["answers"] > 0
        and any(window["performance"] is not None for window in summary["windows"]),
        "windows were measured": happened["windows"] >= 1,
        "performance was estimated before the answers": any(window["estimate"] is not None for window in summary["windows"]),
        "alerts fired": happened["alerts"] >= 1,
        "alerts reached the webhook": len(Receiver.told) >= 1 and count["alerts_delivered"] >= 1,
        "an alert led to a retraining": happened["retrainings"] >= 1 and count["versions"] >= 2,
        "gates judged every version": count["verdicts"] >= count["versions"] * 5,
        "a canary answered real requests": count["canary_requests"] >= 1,
        "a canary was decided": happened["promotions"] >= 2 or happened["rollbacks"] >= 1,
        "what the spec expects happened": all(item["met"] for item in summary["expectations"]),
    }
    say("\nStages")
    for name, really in stages.items():
        say(f"  {'yes' if really else 'NO '}  {name}")
    missing = [name for name, really in stages.items() if not really]
    if missing:
        raise StageError(f"did not happen: {'; '.join(missing)}")
    return {**count, "stages": stages}


def live() -> dict[str, Any]:
    """All stages, in order."""
    headrace("validate")
    headrace("compile", "--check")
    headrace("plan")
    say("\n$ headrace up")
    up = subprocess.Popen([*HEADRACE, "up"], cwd=PROJECT, start_new_session=True)
    children: list[int] = []
    try:
        told = PROJECT / ".headrace" / "run" / "up.json"
        wait_for(
            "`headrace up`", lambda: up.poll() is None and told.is_file() and "prefect-worker" in told.read_text(encoding="utf-8"), 180
        )
        headrace("apply", "--no-train")  # the replay trains first, as of its first day
        running = json.loads(told.read_text(encoding="utf-8"))
        children = list(running["children"].values())
        headrace("plan")
        headrace("replay", BACKTEST, stream=True)  # its spec reads `${env.ROWS | 30000}`
        headrace("models")
        if not ready(running["servers"][MODEL]):
            raise StageError("the model server is not ready after the replay")
        headrace("predict", MODEL, "--row", json.dumps(PERSON))
        headrace("status")
        summary: dict[str, Any] = json.loads((PROJECT / ".headrace" / "reports" / f"{BACKTEST}.json").read_text(encoding="utf-8"))
        summary["demo"] = check(summary, PROJECT / ".headrace" / "state.db")
    finally:
        os.killpg(up.pid, signal.SIGINT)
        try:
            up.wait(90)
        except subprocess.TimeoutExpired:
            os.killpg(up.pid, signal.SIGKILL)
    orphans = [pid for pid in children if Path(f"/proc/{pid}").exists()]
    if orphans or up.returncode != 0:
        raise StageError(f"`headrace up` ended with {up.returncode}; still running: {orphans or 'nothing'}")
    return summary


def main() -> int:
    """Run the demo; 0 only if every stage happened. ROWS says how many rows are replayed, or `all`."""
    began = time.monotonic()
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    os.environ["ML_TEAM_URL"] = f"http://127.0.0.1:{receiver.server_address[1]}/alerts"
    os.environ["DO_NOT_TRACK"] = "1"
    copy_project()
    try:
        summary = live()
    except StageError as stage:
        say(f"\nThe demo stopped: {stage}\nLogs are in {PROJECT / '.headrace' / 'logs'}")
        return 1
    finally:
        receiver.shutdown()
    summary["demo"]["seconds"] = round(time.monotonic() - began, 1)
    path = PROJECT / ".headrace" / "reports" / f"{BACKTEST}.json"
    path.write_text(json.dumps(summary, indent=2), encoding="utf-8")
    say(f"\nEvery stage happened, in {summary['demo']['seconds']:.0f} s. Reports: {path} and {path.with_suffix('.html')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
