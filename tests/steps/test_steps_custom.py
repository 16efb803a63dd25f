"""A step of the user's own between two of ours: what it may do, and what ends the run as step-failed."""

from datetime import timedelta

import pytest
from sqlmodel import select

from headrace.diagnostics import HeadraceError
from headrace.features import Category, Number, RandomSplit, Target
from headrace.steps import Minimum, custom, features, gates, training
from headrace.store import tables

GATE = Minimum(id="quality", metric="roc_auc", min=0.7)


@pytest.fixture
def rows(place):
    """The usual rows, before any step."""
    return features.training_rows(
        model="churn",
        source="people",
        entity="id",
        time="seen",
        target=Target(column="left", delay=timedelta(days=1)),
        inputs=[Number("age", column="age"), Category("sex", column="sex")],
        split=RandomSplit(holdout=0.3, stratify="target"),
        seed=7,
    )


@pytest.fixture
def mine(root, monkeypatch, request):
    """Write the project's module of this test, and give its name."""

    def write(body: str, arguments: str = "rows") -> str:
        name = f"own_{abs(hash(request.node.nodeid)) % 10**9}"
        text = f"import pandas as pd\n\n\ndef step({arguments}):\n    {body}\n"
        (root / f"{name}.py").write_text(text)
        return f"{name}:step"

    return write


def run_of(place):
    with place.store.read() as session:
        return session.exec(select(tables.Run)).one()


def trained(rows):
    return training.train(rows, algorithm="lightgbm.classifier", params={"n_estimators": 15}, seed=7)


def test_it_may_leave_out_training_rows_and_the_gates_judge_what_comes_of_it(place, rows, mine):
    made = custom.call(rows, id="young", python=mine("return rows[(rows['side'] == 'holdout') | (rows['age'] < 50)]"))
    verdict = gates.judge(trained(made), GATE)
    assert (True, rows.holdout) == (made.train < rows.train, made.holdout)
    assert (True, {"python", "train", "before"}) == (verdict.passed, set(run_of(place).details["step young"]))


def test_it_may_add_training_rows(rows, mine):
    body = "return pd.concat([rows, rows[rows['side'] == 'train'].head(50).assign(id=[str(i) for i in range(9000, 9050)])])"
    assert rows.train + 50 == custom.call(rows, id="more", python=mine(body)).train


def test_another_text_of_the_function_is_another_spec(root, rows, mine):
    python = mine("return rows")
    first = custom.call(rows, id="same", python=python)
    file = root / f"{python.partition(':')[0]}.py"
    file.write_text(file.read_text() + "\n# changed\n")
    second = custom.call(rows, id="same", python=python)
    assert (first.digest == second.digest, first.spec == second.spec, first.spec == rows.spec) == (True, False, False)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return None", "it gave None, and not a DataFrame"),
        ("return rows.drop(columns='age')", "it left out the column `age`"),
        ("return rows.assign(x=1)", "it added the column `x`, which no request would have"),
        ("return rows.assign(age=rows['age'].astype('float32'))", "it made column `age` float32, which was float64"),
        ("return rows.assign(age=rows['age'] + 1)", "it changed held-out rows, by which the gates judge"),
        ("return rows[rows['side'] == 'train']", "it changed held-out rows"),
        ("return rows.assign(left=1 - rows['left'])", "it changed held-out rows"),
        ("return rows.iloc[::-1]", "it changed held-out rows"),
        ("return rows[rows['side'] == 'holdout']", "it left no row to train on"),
        ("return pd.concat([rows, rows[rows['side'] == 'holdout'].assign(side='train')])", "among the training rows as well"),
        ("return rows.assign(side=rows['side'].where(rows['side'] == 'holdout', 'other'))", "neither `train` nor `holdout`"),
        ("return rows.assign(left=rows['left'].where(rows['side'] == 'holdout', 7))", "neither 0 nor 1"),
        ("raise ValueError('no')", "raised ValueError: no"),
        ("exit(0)", "raised SystemExit: 0"),
    ],
)
def test_what_it_may_not_do_ends_the_run(place, rows, mine, body, told):
    with pytest.raises(HeadraceError) as error:
        custom.call(rows, id="own", python=mine(body))
    (fault,) = error.value.report.found
    assert ("step-failed", True, "failed") == (fault.id, told in fault.message, run_of(place).status), fault.message
    assert fault.message.startswith("step `own` of model/churn: `own_")


def test_what_it_raises_is_told_with_its_line(rows, mine):
    python = mine("raise ValueError('no')")
    with pytest.raises(HeadraceError) as error:
        custom.call(rows, id="own", python=python)
    span = error.value.report.found[0].span
    assert (f"{python.partition(':')[0]}.py", 5) == (span.file, span.line)


def test_a_module_that_is_gone_ends_the_run(rows):
    with pytest.raises(HeadraceError, match="cannot be imported: ModuleNotFoundError"):
        custom.call(rows, id="own", python="nowhere_at_all:step")


def test_what_it_notes_of_a_candidate_is_kept_with_the_run(place, rows, mine):
    candidate = trained(rows)
    body = "return {'number': candidate.number, 'mean': float(held['prediction'].mean())}"
    assert candidate == custom.call(candidate, id="look", python=mine(body, "candidate, held"))
    notes = run_of(place).details["step look"]["notes"]
    assert (1, True) == (notes["number"], 0 < notes["mean"] < 1)


@pytest.mark.parametrize(
    ("body", "told"),
    [("return 7", "it gave int"), ("return {'a': object()}", "cannot be kept"), ("assert held.empty", "raised AssertionError")],
)
def test_what_it_may_not_note_ends_the_run(place, rows, mine, body, told):
    candidate = trained(rows)
    with pytest.raises(HeadraceError, match=told):
        custom.call(candidate, id="look", python=mine(body, "candidate, held"))
    assert "failed" == run_of(place).status
