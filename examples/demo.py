"""The main job, as a user would do it: every stage by the command line, each one's result looked at.

Works on a copy of this project in `.headrace/demo`, so that your own state stays as it is. Exits 0 only if every stage happened.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
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
REPORTS = PROJECT / ".headrace" / "reports"
STATE = PROJECT / ".headrace" / "state.db"
HEADRACE = [sys.executable, "-m", "headrace"]
MODEL = "employment"
BACKTEST = "census-2016-2018"
VOTERS = {"alice@example.com": "the report of its gates", "bob@example.com": "its card, and who it treats worse"}
"""Who agrees to each version, after having looked at what; `specs/policies.yaml` asks for two of its group."""
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


class Committee(threading.Thread):
    """The people of group/model-risk: each votes by a key of their own on whatever is open, as they would at their own machines."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.keys = {who: self.key(who) for who in VOTERS}
        self.failed: str | None = None
        self.over = threading.Event()

    @staticmethod
    def key(who: str) -> str:
        """A key that may approve; who makes keys hands it over, and nobody else has it."""
        made = headrace("keys", "create", "--name", who, "--may", "approve", "--principal", who, "--json")
        return str(json.loads(made)["key"])

    def run(self) -> None:
        """Vote on each version once, as soon as it is asked for."""
        voted: set[str] = set()
        while not self.over.wait(0.3) and self.failed is None:
            with contextlib.closing(sqlite3.connect(f"file:{STATE}?mode=ro", uri=True)) as database:
                asked = database.execute("select id, number from approval_request where status = 'open'").fetchall()
            for request, number in asked:
                if request not in voted:
                    voted.add(request)
                    self.vote(number)

    def vote(self, number: int) -> None:
        """Both at once; what is refused ends the demo."""
        votes = [
            subprocess.Popen(
                [*HEADRACE, "approve", MODEL, "--version", str(number), "--reason", f"read: {read}"],
                cwd=PROJECT, env={**os.environ, "HEADRACE_KEY": self.keys[who]}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for who, read in VOTERS.items()
        ]  # fmt: skip
        for vote in votes:
            told, why = vote.communicate()
            say(f"  {told.strip()}")
            if vote.returncode != 0:
                self.failed = why


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


def check(summary: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What really happened, counted in the store itself; StageError where a stage did not."""
    with sqlite3.connect(f"file:{STATE}?mode=ro", uri=True) as database:
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
        **promotions_vouched_for(told, happened["promotions"]),
    }
    say("\nStages")
    for name, really in stages.items():
        say(f"  {'yes' if really else 'NO '}  {name}")
    missing = [name for name, really in stages.items() if not really]
    if missing:
        raise StageError(f"did not happen: {'; '.join(missing)}")
    return {**count, "stages": stages}


def promotions_vouched_for(told: dict[str, Any], promotions: int) -> dict[str, bool]:
    """What must hold of the evidence that the champion, and every version that got traffic, was let in by."""
    report, card, approved = told["report"], told["card"], [one for one in told["asked"] if one["status"] == "approved"]
    votes = [{vote["principal"] for vote in one["votes"] if vote["choice"] == "approve" and vote["key"]} for one in approved]
    read = {node["kind"] for node in told["lineage"]["nodes"]}
    return {
        "the champion passed its gates, by their report": report["verdict"] == "passed" and report["totals"]["failed"] == 0,
        "its card is complete, and is the one that was approved": card["complete"] and card["status"] == "approved",
        "each promotion was approved by Alice and Bob, by key": len(approved) >= promotions
        and all(voters == {f"user:{who}" for who in VOTERS} for voters in votes),
        "the lone verifier found the audit log sound": f"sound: {told['entries']:,} entries" in told["verified"],
        "lineage leads from the champion to its source": {"version", "run", "source"} <= read,
    }


def vouched() -> dict[str, Any]:
    """What the champion's promotion rests on, told by the commands that an auditor would type; StageError where any of it does not hold."""
    named = f"{MODEL}@champion"
    report = json.loads(headrace("gates", "report", MODEL, "--version", "champion", "--out", str(REPORTS / "gates.html"), "--json"))
    card = json.loads(headrace("card", "check", named, "--json"))
    headrace("models", "verify", named)
    asked = json.loads(headrace("approvals", MODEL, "--all", "--json"))["requests"]
    lineage = json.loads(headrace("show", "lineage", f"model/{named}", "--out", str(REPORTS / "lineage.svg"), "--json"))
    headrace("audit", "checkpoint")
    exported = json.loads(headrace("audit", "export", str(PROJECT / "audit.jsonl"), "--json"))
    return {
        "report": report,
        "card": card,
        "asked": asked,
        "lineage": lineage,
        "entries": exported["entries"],
        "verified": verified_elsewhere(),
    }


def verified_elsewhere() -> str:
    """What the lone verifier says in an empty folder that has the bundle, the key, the witness's file, and nothing of Headrace."""
    with tempfile.TemporaryDirectory() as far:
        for file in ("audit.jsonl", ".headrace/audit/dev/key.pub", ".headrace/witness"):
            shutil.copy(PROJECT / file, far)
        shutil.copy(CHECKOUT / "framework" / "headrace" / "audit" / "verify.py", far)
        command = [sys.executable, "-I", "verify.py", "audit.jsonl", "--key", "key.pub", "--checkpoint", "witness"]
        say(f"\n$ python {' '.join(command[1:])}")
        done = subprocess.run(command, cwd=far, capture_output=True, text=True, check=False)
    say(f"  {done.stdout.strip()}")
    if done.returncode != 0:
        raise StageError(f"the lone verifier ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


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
        committee = Committee()
        headrace("apply", "--no-train")  # the replay trains first, as of its first day
        running = json.loads(told.read_text(encoding="utf-8"))
        children = list(running["children"].values())
        headrace("plan")
        committee.start()
        headrace("replay", BACKTEST, stream=True)  # its spec reads `${env.ROWS | 30000}`; its clock waits for votes
        committee.over.set()
        committee.join()
        if committee.failed is not None:
            raise StageError(f"a vote was refused: {committee.failed}")
        headrace("models")
        if not ready(running["servers"][MODEL]):
            raise StageError("the model server is not ready after the replay")
        headrace("predict", MODEL, "--row", json.dumps(PERSON))
        headrace("status")
        summary: dict[str, Any] = json.loads((REPORTS / f"{BACKTEST}.json").read_text(encoding="utf-8"))
        summary["demo"] = check(summary, vouched())
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
    path = REPORTS / f"{BACKTEST}.json"
    path.write_text(json.dumps(summary, indent=2), encoding="utf-8")
    say(f"\nEvery stage happened, in {summary['demo']['seconds']:.0f} s. Reports: {path} and {path.with_suffix('.html')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
