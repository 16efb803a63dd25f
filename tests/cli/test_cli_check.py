"""`headrace check`: what must hold is asked now; blocking is exit 4, what cannot be read is 1, and JSON is the whole answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.diagnostics import Exit

SPECS = """\
kind: project
name: shop
language: 1
---
kind: environment
name: dev
---
kind: source
name: orders
uri: orders.csv
columns: {id: {type: int64}, mail: {type: category, personal: true}, amount: {type: float}}
checks:
  - {id: ids, unique: [id]}
  - {id: paid, column: amount, range: [0, 100], mode: warn}
  - {id: mails, column: mail, pattern: ".*@.*", mode: warn}
---
kind: source
name: plain
uri: "*.tsv"
columns: {id: {type: int64}}
---
kind: source
name: server
uri: env:SHOP_URL
table: orders
columns: {id: {type: int64}}
"""
ROWS = "id,mail,amount\n1,ana@example.org,5\n2,ben-has-none,500\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPECS, encoding="utf-8")
    (tmp_path / "orders.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


def check(shop: Path, *arguments: str, **env: str) -> tuple[int, str, str]:
    import os

    command = [sys.executable, "-m", "headrace", "check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=shop, env=os.environ | env)
    return done.returncode, done.stdout, done.stderr


WARNED = """\
source/orders: 2 rows
  ok     ids
  warns  paid   in 1 of 2 rows `amount` is not between 0 and 100
                id=2, amount=500.0
  warns  mails  in 1 of 2 rows `mail` is not `.*@.*`
                id=2, mail=(personal)
1 of 3 checks hold.
"""


def test_what_only_warns_is_told_and_refuses_nothing(shop: Path) -> None:
    assert (Exit.OK, WARNED, "") == check(shop, "source/orders")


def test_what_blocks_is_refused_with_the_rows_that_break_it(shop: Path) -> None:
    (shop / "orders.csv").write_text(ROWS + "2,cia@example.org,7\n", encoding="utf-8")
    code, out, _ = check(shop, "orders", "--json")
    told = json.loads(out)
    assert (Exit.REFUSED, False, "source/orders", 3) == (code, told["passed"], told["sources"][0]["source"], told["sources"][0]["rows"])
    assert {
        "id": "ids",
        "mode": "block",
        "passed": False,
        "broken": 1,
        "measured": None,
        "said": "1 of 3 rows have the same `id` as another",
        "sample": [{"id": "2"}],
    } == told["sources"][0]["checks"][0]
    assert "ben-has-none" not in out


def test_a_source_without_checks_is_read_all_the_same(shop: Path) -> None:
    (shop / "orders.csv").rename(shop / "rows.csv")
    text = (shop / "specs" / "shop.yaml").read_text(encoding="utf-8")
    (shop / "specs" / "shop.yaml").write_text(text.replace('"*.tsv"', '"*.csv"'), encoding="utf-8")
    assert (Exit.OK, "source/plain: 2 rows, no checks\nNo checks.\n", "") == check(shop, "plain")


def test_what_cannot_be_read_is_told_beside_what_can_and_no_password_is(shop: Path) -> None:
    code, out, err = check(shop, SHOP_URL="postgresql://ana:canary-word@127.0.0.1:1/shop")
    assert (Exit.FAILED, True) == (code, out.startswith(WARNED.removesuffix("1 of 3 checks hold.\n")))
    assert "error[source-not-found]: source/plain: no file fits *.tsv" in err
    assert "error[source-unreachable]: source/server: env:SHOP_URL does not answer: " in err
    assert "then type `headrace check source/server`" in err
    assert "canary" not in out + err
    code, out, err = check(shop, "--json", SHOP_URL="postgresql://ana:canary-word@127.0.0.1:1/shop")
    assert (Exit.FAILED, "", False) == (code, err, "canary" in out)
    faults = {source["source"]: [fault["id"] for fault in source["faults"]] for source in json.loads(out)["sources"]}
    assert {"source/orders": [], "source/plain": ["source-not-found"], "source/server": ["source-unreachable"]} == faults


def test_a_source_that_there_is_not_is_a_misuse_with_the_one_that_was_meant(shop: Path) -> None:
    code, _, err = check(shop, "source/order")
    assert (Exit.USAGE, True) == (code, "did you mean `source/orders`?" in err)


def test_nothing_is_left_behind(shop: Path) -> None:
    check(shop, "orders")
    assert [".headrace", "orders.csv", "specs"] == sorted(path.name for path in shop.iterdir())
    assert [] == list((shop / ".headrace").iterdir())
