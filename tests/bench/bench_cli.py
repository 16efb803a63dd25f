"""CPU seconds of the front end's commands, beside an empty Python and Prefect's own command line, in one run.

    python tests/bench/bench_cli.py [--runs 7]

Prints JSON: median user+system seconds of the whole process, and the ratio to the empty Python.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable
COMMANDS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "headrace --version": [PYTHON, "-m", "headrace", "--version"],
    "headrace validate": [PYTHON, "-m", "headrace", "validate", "--root", str(ROOT)],
    "headrace compile --check": [PYTHON, "-m", "headrace", "compile", "--check", "--root", str(ROOT)],
    "prefect --version": [PYTHON, "-m", "prefect", "--version"],
}


def cpu(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Bytecode is cached as on any machine after a first run, also where the environment of this process forbids it.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"DO_NOT_TRACK": "1"}
    subprocess.run(command, check=True, capture_output=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):  # the first round warms the caches and is left out
        for name, command in COMMANDS.items():
            taken[name].append(cpu(command))
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    floor = medians["python -c pass"]
    told = {name: {"cpu_seconds": round(value, 3), "times_empty_python": round(value / floor, 1)} for name, value in medians.items()}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
