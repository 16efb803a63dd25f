"""`headrace status` lists the processes of servers that run, and none of one that was killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import MODEL
from serving_project import project as make_project

from headrace.cli import main
from headrace.serving.fleet import told

WORKERS = [{"state": "ready", "load": 0.5}, {"state": "ready", "load": 0.7}, {"state": "starting", "load": None}]


def test_what_answers_is_listed_with_its_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_project(tmp_path)
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as ended:
        ended.wait(10)
    for port, supervisor in ((8080, os.getpid()), (8081, ended.pid)):
        where = told.folder(made.root, MODEL, port)
        where.mkdir(parents=True)
        told.write(where, {"supervisor": supervisor, "least": 1, "most": 4, "workers": WORKERS})
    with pytest.raises(SystemExit):
        main(["status", "--root", str(made.root)])
    made.store.close()
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "processes" in line]
    assert ["processes  2 of 1 to 4 answer on port 8080, load 60%"] == lines
