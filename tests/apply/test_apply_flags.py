"""What an apply does to the flags that servers answer by: those that the plan names, each by an entry of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from apply_memory import AT, Memory, rows

from headrace import flags
from headrace.apply import execute
from headrace.flags import InForce
from headrace.store import clock, tables

FLAG = """kind: flag
name: {name}
variants: {{"on": true, "off": false}}
default: "off"
unit: person_id
rules:
  - {{id: few, split: {{"on": 10%, "off": 90%}}}}
"""


def write(memory: Memory, *texts: str) -> None:
    (memory.root / "specs" / "flags.yaml").write_text("---\n".join(texts), encoding="utf-8")


def there(memory: Memory) -> dict[str, InForce]:
    with memory.store.read() as session:
        return {name: held for name, held in flags.read(session).items() if isinstance(held, InForce)}


def told(memory: Memory) -> list[tuple[str, str]]:
    entries = sorted(rows(memory.store, tables.Audit, "seq", "action", "subject"))
    return [(action, subject) for _, action, subject in entries if action in {"set flag", "remove flag"}]


@pytest.fixture
def applied(memory: Memory) -> Memory:
    """Two flags in force."""
    write(memory, FLAG.format(name="one"), FLAG.format(name="two"))
    memory.apply()
    return memory


def test_flags_are_in_force_as_they_were_applied_and_the_plan_is_empty_then(applied: Memory) -> None:
    assert (["one", "two"], [("set flag", "flag/one"), ("set flag", "flag/two")]) == (list(there(applied)), told(applied))
    assert applied.plan().empty


def test_only_what_changed_is_set_again(applied: Memory) -> None:
    write(applied, FLAG.format(name="one"), FLAG.format(name="two").replace('"on": 10%, "off": 90%', '"on": 20%, "off": 80%'))
    steps = applied.apply().steps
    assert ["write file flows/flags.json", "put flag flag/two", "record state"] == steps
    assert {"on": 0.2, "off": 0.8} == there(applied)["two"].flag.rules[0].split
    assert 3 == len(told(applied))


def test_a_flag_that_left_the_specs_answers_nobody(applied: Memory) -> None:
    write(applied, FLAG.format(name="one"))
    applied.apply()
    assert (["one"], ("remove flag", "flag/two")) == (list(there(applied)), told(applied)[-1])
    (applied.root / "specs" / "flags.yaml").unlink()
    steps = applied.apply().steps
    assert {"delete file flows/flags.json", "delete flag one"} < set(steps)
    assert {} == there(applied)


def test_a_flag_of_another_name_deals_as_before(applied: Memory) -> None:
    write(applied, FLAG.format(name="one"), FLAG.format(name="third").replace("10%", "15%").replace("90%", "85%"))
    applied.edit("headrace.yaml", "language: 1", "language: 1\nmoved: [{from: flag/two, to: flag/third}]")
    applied.apply()
    assert [("one", "one"), ("third", "two")] == [(name, held.salt) for name, held in there(applied).items()]
    assert {"on": 0.15, "off": 0.85} == there(applied)["third"].flag.rules[0].split
    assert applied.plan().empty


def test_a_part_of_the_plan_leaves_other_flags_as_they_were(applied: Memory) -> None:
    write(applied, *(FLAG.format(name=name).replace("kind: flag", "kind: flag\nenabled: false") for name in ("one", "two")))
    applied.apply(select=["flag/one"])
    assert {"one": False, "two": True} == {name: held.flag.enabled for name, held in there(applied).items()}


def test_an_apply_that_was_killed_goes_on_and_sets_each_flag_once(applied: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    write(applied, *(FLAG.format(name=name).replace("kind: flag", "kind: flag\nenabled: false") for name in ("one", "two")))
    put, calls = flags.put, []

    def killed(*given: object) -> bool:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return put(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(execute.flags, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        applied.apply()
    monkeypatch.undo()
    applied.apply()
    assert [False, False] == [held.flag.enabled for held in there(applied).values()]
    assert [("set flag", "flag/one"), ("set flag", "flag/two")] == told(applied)[2:]


@pytest.mark.parametrize(("days", "said"), [(-1, False), (0, True)])
def test_a_plan_says_which_flags_are_old(applied: Memory, days: int, *, said: bool) -> None:
    clock.drive(applied.store, "test", AT + timedelta(days=days))
    write(applied, FLAG.format(name="one"), FLAG.format(name="two") + f"expires: {AT:%Y-%m-%d}\n")
    notes = [note for note in applied.plan().notes if note.startswith("flag/")]
    assert (["flag/two was to be gone by 2016-01-01: take it out of the code, and then out of the specs"] if said else []) == notes
