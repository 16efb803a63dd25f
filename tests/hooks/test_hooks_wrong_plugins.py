"""Whatever is wrong with a plugin is said in one sentence, at its line, and ends nothing."""

import pytest

HEAD = "from headrace.hooks import Algorithm, ChannelType, Exporter, Finding, Gate, Metric, Reader, Rule, Strategy, Tracker, hookimpl\n"
MINE = "def mine(target, predictions):\n    return 1.0\n"
ME = "{__name__}"


def metrics(item: str, before: str = MINE) -> str:
    return f"{HEAD}{before}@hookimpl\ndef headrace_metrics():\n    return [{item}]\n"


def metric(compute: str = f"f'{ME}:mine'", rest: str = "better='higher'") -> str:
    return f"Metric('mine', {compute}, {rest})"


FIT = "def fit(matrix, target, *, signature, params, seed): ...\ndef save(predictor): ...\ndef load(data, *, signature): ...\n"


def algorithm(params: str, before: str = "") -> str:
    parts = ", ".join(f"{part}=f'{ME}:{part}'" for part in ("fit", "save", "load"))
    item = f"Algorithm(name='mine', task='binary', params={params}, {parts}, format='own')"
    return f"{HEAD}{FIT}{before}@hookimpl\ndef headrace_algorithms():\n    return [{item}]\n"


PARAMS = "from pydantic import BaseModel\nclass P(BaseModel): ...\n"


def other(hook: str, item: str, before: str) -> str:
    return f"{HEAD}{PARAMS}{before}@hookimpl\ndef headrace_{hook}():\n    return [{item}]\n"


WRONG = {
    "a strategy that does not take the steps": (
        other("strategies", f"Strategy('mine', f'{ME}:rungs', f'{ME}:P', steps=True)", "def rungs(params): ...\n"),
        "it takes 1 by position, and is given 2",
        4,
        None,
    ),
    "a strategy that wants the steps": (
        other("strategies", f"Strategy('mine', f'{ME}:rungs', f'{ME}:P')", "def rungs(params, steps): ...\n"),
        "it wants `steps`, which nobody gives",
        4,
        None,
    ),
    "a gate that takes no seed": (
        other("gates", f"Gate('mine', f'{ME}:judge', f'{ME}:P')", "def judge(held_out, params): ...\n"),
        "it has no argument `seed`",
        4,
        None,
    ),
    "a gate that asks for a stranger": (
        other("gates", f"Gate('mine', f'{ME}:judge', f'{ME}:P', asks=('runner-up',))", "def judge(held_out, params, *, seed): ...\n"),
        "whose `asks` is ('runner-up',), and not a tuple of 'champion', 'baseline', 'live', 'candidate', 'training', 'artifact'",
        7,
        None,
    ),
    "an exporter without a folder": (
        other("exporters", f"Exporter('mine', f'{ME}:export', f'{ME}:P', 'Mine.')", "def export(version, params): ...\n"),
        "it takes 2 by position, and is given 3: it is given 3 values by position",
        4,
        None,
    ),
    "a tracker that does not ask what is known": (
        other("trackers", f"Tracker('mine', f'{ME}:push', f'{ME}:pull', f'{ME}:P', 'Mine.')", "def push(o, p): ...\ndef pull(p): ...\n"),
        "it has no argument `known`",
        5,
        None,
    ),
    "a misspelt hook": (
        f"{HEAD}@hookimpl\ndef headrace_metrcs():\n    return []\n",
        "has `headrace_metrcs`, which is no hook",
        2,
        "did you mean `headrace_metrics`?",
    ),
    "a misspelt hook without its mark": (
        "def headrace_metric():\n    return []\n",
        "has `headrace_metric`, which is no hook",
        1,
        "did you mean",
    ),
    "a hook without its mark": (
        "\ndef headrace_metrics():\n    return []\n",
        "has `headrace_metrics` without `@hookimpl`",
        2,
        "write `@hookimpl`",
    ),
    "a misspelt argument": (
        f"{HEAD}@hookimpl\ndef headrace_metrics(projct):\n    return []\n",
        "has `headrace_metrics(projct)`: the hook has no argument `projct`",
        2,
        "write `headrace_metrics()`",
    ),
    "a module that is missing": (metrics(metric("'nowhere_at_all.x:mine'")), "there is no module `nowhere_at_all`", 6, None),
    "a lower module that is missing": (
        metrics(metric("'headrace.hooks.nowhere:mine'")),
        "there is no module `headrace.hooks.nowhere`",
        6,
        None,
    ),
    "an attribute that is missing": (metrics(metric(f"f'{ME}:mien'")), "has no `mien`; did you mean `mine`?", 1, None),
    "no reference": (metrics(metric("'mine'")), "`mine` is not of the form `module:function`", 6, None),
    "a wrong signature": (
        metrics(metric(), "def mine(target):\n    return 1.0\n"),
        "it takes 1 by position, and is given 2: it is given two values by position",
        2,
        None,
    ),
    "an argument that nobody gives": (metrics(metric(), "def mine(a, b, c): ...\n"), "it wants `c`, which nobody gives", 2, None),
    "an async implementation": (metrics(metric(), "async def mine(a, b): ...\n"), "it is async", 2, None),
    "a fit that takes no seed": (
        algorithm(f"f'{ME}:P'", "from pydantic import BaseModel\nclass P(BaseModel): ...\n").replace(", seed)", ")"),
        "it has no argument `seed`",
        2,
        None,
    ),
    "params that are a plain class": (algorithm(f"f'{ME}:P'", "class P:\n    pass\n"), "which is no pydantic model", 5, None),
    "params that are a function": (algorithm(f"f'{ME}:fit'"), "which is no pydantic model", 2, None),
    "a wrong return type": (f"{HEAD}@hookimpl\ndef headrace_metrics():\n    return 7\n", "it gave int, and not a list of Metric", 2, None),
    "a word that is none of the axis's": (
        metrics(metric(rest="better='bigger'")),
        "whose `better` is 'bigger', and none of 'higher', 'lower'",
        6,
        None,
    ),
    "a text that is none": (metrics("Metric('mine', 7, better='higher')"), "whose `compute` is 7, and not text", 6, None),
    "a range upside down": (metrics(metric(rest="better='higher', range=(1.0, 0.0)")), "whose `range` is (1.0, 0.0)", 6, None),
    "a switch that is none": (metrics(metric(rest="better='higher', override='yes'")), "whose `override` is 'yes'", 6, None),
    "suffixes that are text": (
        f"{HEAD}def read(path, columns): ...\n@hookimpl\ndef headrace_readers():\n    return [Reader('mine', '.x', f'{ME}:read')]\n",
        "whose `suffixes` are '.x'",
        5,
        None,
    ),
    "a rule without an owner": (
        f"{HEAD}def check(specs): ...\n@hookimpl\ndef headrace_rules():\n    return [Rule('mine', f'{ME}:check')]\n",
        "a rule's name is `OWNER/RULE`",
        5,
        None,
    ),
    "what does not import": (
        "import os\nimport nowhere_at_all\n",
        "cannot be loaded: ModuleNotFoundError: No module named 'nowhere_at_all'",
        2,
        None,
    ),
    "what is no Python": ("import os\ndef (\n", "cannot be loaded: SyntaxError", 2, None),
    "what raises when it is asked": (
        f"{HEAD}@hookimpl\ndef headrace_metrics():\n    return 1 / 0\n",
        "failed in `headrace_metrics`: ZeroDivisionError",
        4,
        None,
    ),
    "what ends the process": (f"{HEAD}import os\nos._exit(0)\n", "cannot be loaded: SystemExit: os._exit(0)", 3, None),
    "a time that is none": (metrics(metric(rest="better='higher', seconds=0")), "whose `seconds` is 0, and no time above 0", 6, None),
    "what ends Python": (
        f"{HEAD}import sys\n@hookimpl\ndef headrace_metrics():\n    sys.exit(3)\n",
        "failed in `headrace_metrics`: SystemExit: 3",
        5,
        None,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_plugin_is_named_with_its_line(project, case: str) -> None:
    text, told, line, help_ = WRONG[case]
    plugins, report = project(mine=text)
    (found,) = report.found
    assert ("plugin-failed", "plugins/mine.py", line) == (found.id, found.span.file, found.span.line)
    assert found.message.startswith("plugin `plugins/mine.py` ")
    assert told in found.message
    assert (help_ or "") in (found.help or "")
    assert ((), ["plugins/mine.py"]) == (plugins.names[1:], [off.origin.name for off in plugins.off])


def test_a_plugin_that_fails_in_one_hook_takes_no_part_at_all(project) -> None:
    text = metrics(metric()) + "@hookimpl\ndef headrace_rules():\n    raise RuntimeError('no')\n"
    plugins, report = project(mine=text)
    assert (False, ["plugin-failed"]) == ("mine" in plugins.metrics, [d.id for d in report])


def test_one_wrong_plugin_leaves_the_others(project) -> None:
    plugins, report = project(bad="raise RuntimeError", good=metrics(metric()))
    assert (True, ["plugin-failed"]) == ("mine" in plugins.metrics, [d.id for d in report])


def test_a_wrong_installed_plugin_is_named_with_distribution_version_and_line(project, installed) -> None:
    installed("acme-broken", "1.2", "import os\nraise RuntimeError('not today')\n")
    _, report = project()
    (found,) = report.found
    assert "plugin `acme-broken` 1.2 cannot be loaded: RuntimeError: not today" == found.message
    assert (True, 2) == (found.span.file.endswith("acme_broken.py"), found.span.line)


def test_an_implementation_is_not_imported(project, tmp_path, monkeypatch) -> None:
    (tmp_path / "explodes.py").write_text("raise RuntimeError\ndef mine(target, predictions): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins, report = project(mine=metrics(metric("'explodes:mine'")))
    assert ([], True) == (report.found, "mine" in plugins.metrics)
