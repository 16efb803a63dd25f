"""A model's life as one Python module for Prefect, in the layout that the formatter would give it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import lru_cache

from headrace.compiler.ir import Announces, Call, Flow, Life, Parameter, Shared, Step, Value, Variable
from headrace.compiler.literal import INDENT, WIDTH, Code, Group, lines, seconds, sentence

_STEPS = "steps."
_BUILT_IN = frozenset({"int", "str"})
_ARTIFACTS = ("create_progress_artifact", "update_progress_artifact")
"""Prefect's words that a call of `steps.batch.shown` is given."""
_WORDLESS = frozenset({type(None), bool, int, float, str, Variable})


def module(life: Life) -> str:
    """The text of `flows/NAME.py`."""
    printed: list[str] = []
    known: set[str] = set()
    for flow in life.flows:
        # A step that another flow has as well stands where it is first needed.
        printed += _flow(life, flow, [step for step in flow.steps if step.python_name not in known])
        known |= {step.python_name for step in flow.steps}
    return "\n".join([*_header(life), _title(life), "", *_imports(life), *printed, ""])


def _header(life: Life) -> list[str]:
    origin, advice = f"# Compiled by headrace from {life.model}.", "Change the spec, then run `headrace compile`."
    return [f"{origin} {advice}"] if len(origin) + 1 + len(advice) <= WIDTH else [origin, f"# {advice}"]


def _title(life: Life) -> str:
    """The description and the owner on one line, cut where it ends: the whole text stands in the spec."""
    begin, middle, end = f'"""{life.model}', " Owner: ", '"""'
    room = WIDTH - len(begin) - len(middle) - len(end) - len("..")
    owner = sentence(life.owner, room // 2) or "none"
    description = sentence(life.description, room - len(owner) - len(": "))
    said = f": {description}" if description else ""
    return f"{begin}{_ended(said)}{middle}{_ended(owner, marks='.')}{end}"


def _ended(text: str, marks: str = ".?!") -> str:
    return text if text.endswith(tuple(marks)) else f"{text}."


def _imports(life: Life) -> Iterator[str]:
    steps = {step.python_name: step for flow in life.flows for step in flow.steps}.values()  # a step of two flows is told once
    tasks = [task for step in steps for task in _tasks(step)]
    words = _words(task.call for task in tasks)
    types = {word for word in (_type for task in tasks for _type in _types(task)) if word.isidentifier() and word not in _BUILT_IN}
    announces = any(flow.announces is not Announces.NEVER for flow in life.flows)
    dated = any("datetime" in parameter.type for flow in life.flows for parameter in flow.takes)
    timed = "timedelta" in words
    used = [word for word, needed in (("datetime", dated), ("timedelta", timed)) if needed]
    if used:
        yield f"from datetime import {', '.join(used)}"
    if announces:
        yield "from uuid import UUID"
    yield from ("", "from prefect import flow, task")
    if _ARTIFACTS[0] in words:
        yield f"from prefect.artifacts import {', '.join(_ARTIFACTS)}"
    if announces:
        yield "from prefect.events import emit_event"
    yield from ("", "from headrace import steps")
    names = sorted((words | types) - {"timedelta", *_ARTIFACTS})
    flat = f"from headrace.steps import {', '.join(names)}"
    yield from [flat] if len(flat) <= WIDTH else ["from headrace.steps import (", *(f"    {name}," for name in names), ")"]


def _tasks(step: Step | Shared) -> tuple[Step, ...]:
    return step.tasks if isinstance(step, Shared) else (step,)


def _words(values: Iterable[Value]) -> set[str]:
    """The words of the steps that values are made with, and `timedelta` where one is."""
    found, todo = set[str](), [*values]
    while todo:
        value = todo.pop()
        if type(value) in _WORDLESS:
            continue  # most of them
        match value:
            case Call(name, positional, keywords):
                found |= set(_ARTIFACTS) if name == "steps.batch.shown" else set() if name.startswith(_STEPS) else {name}
                todo += positional
                todo += [item for _, item in keywords]
            case timedelta():
                found.add("timedelta")
            case list() | tuple():
                todo += value
            case dict():
                todo += value.values()
            case _:
                pass
    return found


def _types(step: Step) -> Iterator[str]:
    yield step.gives
    yield from (parameter.type for parameter in step.takes)


def _flow(life: Life, flow: Flow, steps: Iterable[Step | Shared]) -> Iterator[str]:
    for step in steps:
        for task in _tasks(step):
            yield from ("", "", *_task(task))
        if isinstance(step, Shared):
            yield from _shared(life, step)
    title = f"{life.model.name}-{flow.name}".replace("_", "-")
    yield from ("", "", *_decorator("flow", name=title, flow_run_name=title.replace("-", " ")))
    yield from _signature(flow.name, tuple(f"{item.name}: {item.type} = None" for item in flow.takes), "None")
    yield _docstring(flow.says)
    chain: Call | Variable = Call(flow.steps[0].python_name, tuple(Variable(item.name) for item in flow.steps[0].takes))
    beside: tuple[Call, ...] = ()
    for step in flow.steps[1:]:
        if step.beside:
            # Two steps are handed it: it gets a name.
            (given,) = step.takes
            yield from lines(chain, INDENT, before=f"{given.name} = ")
            chain = Variable(given.name)
            beside = (Call(step.python_name, (chain,)),)
        else:
            chain, beside = Call(step.python_name, (chain, *beside)), ()
    yield from _announced(life, flow, chain)


def _shared(life: Life, step: Shared) -> Iterator[str]:
    """A flow within the other, which runs one of its tasks many times on a runner."""
    begun, number = step.each.takes
    title = f"{life.model.name}-{step.name}".replace("_", "-")
    yield from ("", "", *_decorator("flow", name=title, flow_run_name=title.replace("-", " "), task_runner=step.runner))
    yield from _signature(step.python_name, _told(step.takes), step.gives)
    yield _docstring(step.says)
    yield from lines(Call(step.begins.python_name, tuple(Variable(item.name) for item in step.takes)), INDENT, before=f"{begun.name} = ")
    numbers = Call("range", (step.times,))
    many = Call(f"{step.each.python_name}.map", (Variable(begun.name),), ((number.name, numbers),))
    yield from lines(many, INDENT, before="running = ")
    given = Call("running.result", keywords=(("timeout", seconds(step.wait)),))
    yield from lines(Call(step.ends.python_name, (Variable(begun.name), given)), INDENT, before="return ")


def _told(parameters: Iterable[Parameter]) -> tuple[str, ...]:
    return tuple(f"{item.name}: {item.type}" for item in parameters)


def _announced(life: Life, flow: Flow, chain: Value) -> Iterator[str]:
    if flow.announces is Announces.NEVER:
        yield from lines(chain, INDENT)
        return
    yield from lines(chain, INDENT, before=f"{flow.result} = ")
    indent = INDENT
    if flow.announces is Announces.IF_PASSED:
        yield f"    if {flow.result}.passed:"
        indent += INDENT
    event = Call(
        "emit_event",
        keywords=(
            ("event", Variable(f"{flow.result}.event")),
            ("id", Call("UUID", (Variable(f"{flow.result}.event_id"),))),
            ("resource", {"prefect.resource.id": life.resource}),
            ("payload", Variable(f"{flow.result}.payload")),
        ),
    )
    yield from lines(event, indent)


def _task(step: Step) -> Iterator[str]:
    yield from _trials(step.name, step.retries, step.retry_after, step.timeout, kept=step.kept)
    yield from _signature(step.python_name, _told(step.takes), step.gives)
    yield _docstring(step.says)
    yield from lines(step.call, INDENT, before="return ")


@lru_cache(maxsize=1000)  # the same in every model's flows
def _trials(name: str, retries: int, retry_after: timedelta, timeout: timedelta | None, *, kept: bool) -> tuple[str, ...]:
    """A task's decorator: how it is called, how often it is tried and for how long."""
    given: dict[str, Value] = {"name": name}
    if retries:
        given |= {"retries": retries, "retry_delay_seconds": seconds(retry_after), "retry_condition_fn": Variable("steps.again")}
    if timeout is not None:
        given["timeout_seconds"] = seconds(timeout)
    if not kept:
        return tuple(_decorator("task", **given, persist_result=False))
    return tuple(_decorator("task", **given, persist_result=True, result_serializer="json"))


def _docstring(says: str) -> str:
    return f'{" " * INDENT}"""{sentence(says, WIDTH - INDENT - 6)}"""'


def _decorator(name: str, /, **given: Value) -> Iterator[str]:
    yield from lines(Call(name, keywords=tuple(given.items())), 0, before="@")


@lru_cache(maxsize=1000)  # the same in every model's flows
def _signature(name: str, parameters: tuple[str, ...], gives: str) -> tuple[str, ...]:
    group = Group(f"def {name}(", [("", Code(text)) for text in parameters], ")")
    return tuple(lines(group, 0, after=f" -> {gives}:"))
