#!/usr/bin/env python
"""10,000 connections open at once to one server on loopback, one request on each: all answered or refused, memory bounded; prints JSON.

The client is a process of its own (`connections.py`). Exits with 1 where a connection got neither, or memory grew beyond the bound.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

import psutil
from serving_process import ROW, project, served

GOAL_MB = 400.0
"""What the server may have more than before, at its peak: 40 KiB a connection."""


def main() -> int:
    """Run it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--allowed", type=int, default=10_000, help="`serving.limits.connections`")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = project(Path(folder), {"limits": {"connections": asked.allowed}})
        made.alias("champion", made.register())
        with served(made) as server:
            before = psutil.Process(server.process.pid).memory_info().rss
            client = [sys.executable, str(Path(__file__).with_name("connections.py")), str(server.port), str(asked.connections)]
            done = subprocess.run([*client, json.dumps(ROW)], capture_output=True, text=True, check=True)
            status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
            peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024
        made.store.close()
    told = json.loads(done.stdout) | {"grown_mb": round((peak - before) / 2**20, 1), "goal_mb": GOAL_MB}
    print(json.dumps(told, indent=2))
    return int(bool(told["failed"]) or told["grown_mb"] > GOAL_MB)


if __name__ == "__main__":
    sys.exit(main())
