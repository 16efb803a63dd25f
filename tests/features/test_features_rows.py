"""Which rows are trained on: those known at a moment, of source and journal."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.diagnostics import HeadraceError
from headrace.features import Category, Number, RandomSplit, Target, TimeSplit
from headrace.store import clock

START = datetime(2020, 1, 1, tzinfo=UTC)


def day(n):
    return START + timedelta(days=n)


def test_all_history_counts_where_no_moment_is_given(read_rows):
    rows, frame = read_rows()
    assert (200, 200, 0, 0) == (rows.rows, len(frame), rows.new, rows.repeated)


def test_the_handle_counts_what_the_blob_holds(read_rows):
    rows, frame = read_rows()
    counts = frame["side"].value_counts()
    assert (rows.train, rows.holdout) == (counts["train"], counts["holdout"])


def test_the_blob_has_entity_time_inputs_target_side_and_origin(read_rows):
    _, frame = read_rows()
    assert ["id", "seen", "age", "paint", "left", "side", "origin"] == list(frame)


def test_a_row_counts_when_its_answer_is_known(read_rows):
    _, frame = read_rows(as_of=day(60))
    assert (51, day(50)) == (len(frame), frame["seen"].max())


def test_a_moment_without_a_zone_is_utc(read_rows):
    assert read_rows(as_of=day(60))[0].digest == read_rows(as_of=day(60).replace(tzinfo=None))[0].digest


def test_the_driven_clock_says_what_is_known(read_rows, store):
    clock.drive(store, "test", day(60))
    assert 51 == read_rows()[0].rows


def test_nothing_known_yet_is_an_error(read_rows):
    with pytest.raises(HeadraceError, match="no-rows"):
        read_rows(as_of=day(9))


def test_journalled_rows_join_when_their_answers_are_known(read_rows, journalled):
    journalled("900", day=300, value=1.0, known_day=310)
    journalled("901", day=300, value=0.0, known_day=330)
    rows, frame = read_rows(as_of=day(320))
    new = frame[frame["origin"] == "journal"]
    assert (1, [("900", 33.0, "blue", 1.0)]) == (rows.new, list(new[["id", "age", "paint", "left"]].itertuples(index=False, name=None)))


def test_an_input_that_a_request_did_not_carry_is_missing(read_rows, journalled):
    journalled("900", day=300, value=1.0, known_day=310, inputs={"age": None})
    _, frame = read_rows(as_of=day(320))
    assert [True, True] == frame.loc[frame["id"] == "900", ["age", "paint"]].isna().iloc[0].tolist()


@pytest.mark.parametrize("paint", ["7", 7, 7.0])
def test_a_journalled_category_is_the_text_that_a_source_would_hold(read_rows, journalled, paint):
    journalled("900", day=300, value=1.0, known_day=310, inputs={"age": 33, "paint": paint})
    _, frame = read_rows(as_of=day(320))
    assert [33.0, "7"] == frame.loc[frame["id"] == "900", ["age", "paint"]].iloc[0].tolist()


def test_a_request_that_was_not_written_as_it_was_is_left_out_and_counted(read_rows, journalled):
    plain = {"age": 33.0, "paint": "blue"}
    journalled(f"hmac-sha256:{'a1' * 32}", day=300, value=1.0, known_day=310, inputs=plain)
    for person, held in enumerate(({"hmac-sha256": "a1" * 32}, {"aes-256-gcm": "k1:AAAA"}, {"dropped": True})):
        journalled(str(900 + person), day=300, value=1.0, known_day=310, inputs=plain | {"paint": held})
    journalled("910", day=300, value=1.0, known_day=310, inputs=plain)
    rows, frame = read_rows(as_of=day(320))
    assert (4, 1, ["910"]) == (rows.misfit, rows.new, frame.loc[frame["origin"] == "journal", "id"].tolist())


def test_a_request_whose_value_is_nothing_of_its_input_is_left_out_and_counted(read_rows, journalled):
    journalled("900", day=300, value=1.0, known_day=310, inputs={"age": "young", "paint": "blue"})
    journalled("901", day=300, value=1.0, known_day=310, inputs={"age": 33.0, "paint": 1.5})
    journalled("902", day=300, value=1.0, known_day=310, inputs={"age": "33", "paint": "blue"})
    rows, frame = read_rows(as_of=day(320))
    assert (2, 1, ["902"]) == (rows.misfit, rows.new, frame.loc[frame["origin"] == "journal", "id"].tolist())


def test_an_entity_asked_twice_gives_a_row_each_time_that_its_answer_is_known(read_rows, journalled):
    journalled("900", day=300, value=1.0, known_day=310)
    journalled("900", day=320, value=0.0, known_day=330, inputs={"age": 34.0})
    first, second = (read_rows(as_of=day(moment))[1].set_index("id").loc[["900"], ["age", "left"]] for moment in (329, 330))
    assert ([[33.0, 1.0]], [[33.0, 1.0], [34.0, 0.0]]) == (first.to_numpy().tolist(), second.to_numpy().tolist())


def test_of_an_entity_the_newest_row_counts_where_only_that_is_wanted(read_rows, journalled):
    journalled("3", day=300, value=1.0, known_day=310)
    rows, frame = read_rows(as_of=day(320), keep="newest")
    assert (1, "journal", 200) == (rows.repeated, frame.set_index("id")["origin"]["3"], len(frame))


@pytest.mark.parametrize("split", [RandomSplit(0.4), RandomSplit(0.4, "target")])
def test_all_rows_of_an_entity_stand_on_one_side(read_rows, people, split):
    many = people.assign(ID=people["ID"] % 40, left=people["ID"] % 3 % 2)
    rows, frame = read_rows(many, split=split)
    assert (200, 0, {1}, {"train", "holdout"}) == (rows.rows, rows.repeated, set(frame.groupby("id")["side"].nunique()), set(frame["side"]))


def test_two_rows_of_one_entity_and_time_are_an_error_that_names_the_first(read_rows, people):
    double = people.assign(ID=people["ID"].replace({5: 4}), seen=people["seen"].replace({people["seen"][5]: people["seen"][4]}))
    with pytest.raises(HeadraceError, match="duplicate-rows") as refused:
        read_rows(double)
    assert "1 rows have the `id` and `seen` of another row (the first: id 4, 2020-01-05 00:00:00)" in str(refused.value)


def test_of_one_time_the_sources_row_counts(read_rows, journalled):
    journalled("3", day=3, value=1.0, known_day=4)
    rows, frame = read_rows()
    assert ("source", 200, 1) == (frame.set_index("id")["origin"]["3"], len(frame), rows.repeated)


def test_a_rows_side_survives_new_rows(read_rows, journalled):
    before = read_rows()[1].set_index("id")["side"]
    for n in range(30):
        journalled(str(900 + n), day=300, value=n % 2, known_day=310)
    after = read_rows()[1].set_index("id")["side"]
    assert before.to_dict() == after[before.index].to_dict()


def test_equal_rows_are_equal_bytes(read_rows, people):
    assert read_rows(run_id="a")[0].digest == read_rows(people.sample(frac=1, random_state=1), run_id="b")[0].digest


def test_what_the_step_was_told_has_a_digest_of_its_own(read_rows):
    same, again, other = (read_rows(seed=seed)[0].spec for seed in (7, 7, 8))
    assert (True, False) == (same == again, same == other)


def test_a_split_by_time_leaves_the_gap_out(read_rows):
    rows, frame = read_rows(split=TimeSplit(holdout=timedelta(days=20), gap=timedelta(days=10)))
    assert (170, 20, 190) == (rows.train, rows.holdout, len(frame))


def test_inputs_are_handed_on_as_json(read_rows):
    assert [
        {"name": "age", "type": "number", "categories": [], "low": 0.0, "high": 120.0, "missing": True},
        {"name": "paint", "type": "category", "categories": [], "low": None, "high": None, "missing": True},
    ] == read_rows()[0].inputs


@pytest.mark.parametrize("value", [2, -1])
def test_an_answer_that_is_neither_0_nor_1_is_named(read_rows, people, value):
    people.loc[5, "left"] = value
    with pytest.raises(HeadraceError, match=rf"bad-target.*1 rows.*`{value}\.?0?` for id 5"):
        read_rows(people)


def test_a_missing_answer_is_named(read_rows, people):
    people["left"] = people["left"].astype("Int64")
    people.loc[5, "left"] = None
    with pytest.raises(HeadraceError, match="bad-target"):
        read_rows(people)


def test_a_row_without_entity_is_named(read_rows, people):
    people["ID"] = people["ID"].astype("Int64")
    people.loc[5, "ID"] = None
    with pytest.raises(HeadraceError, match=r"missing-entity.*1 rows"):
        read_rows(people)


def test_one_answer_alone_is_nothing_to_learn(read_rows, people):
    with pytest.raises(HeadraceError, match=r"one-class.*train side has only the answer 0"):
        read_rows(people.assign(left=0))


def test_an_empty_side_is_said(read_rows):
    with pytest.raises(HeadraceError, match=r"one-class.*holdout side has no row"):
        read_rows(split=RandomSplit(0.0))


def test_a_stale_source_is_refused(read_rows, source):
    sources = {"people": source.model_copy(update={"fresh_within_seconds": 24 * 3600.0})}
    with pytest.raises(HeadraceError, match=r"stale-source.*source/people is 41h old, and the spec allows 24h"):
        read_rows(as_of=day(199) + timedelta(hours=41), sources=sources)


def test_a_fresh_source_is_not(read_rows, source):
    sources = {"people": source.model_copy(update={"fresh_within_seconds": 24 * 3600.0})}
    assert 190 == read_rows(as_of=day(199) + timedelta(hours=1), sources=sources)[0].rows


@pytest.mark.parametrize("name", ["id", "seen", "left", "side", "prediction"])
def test_a_name_that_is_taken_is_refused(read_rows, name):
    with pytest.raises(HeadraceError, match="reserved-name"):
        read_rows(inputs=[Number(name, column="age")])


def test_a_target_may_not_have_a_name_of_ours(read_rows):
    with pytest.raises(HeadraceError, match=r"reserved-name.*no target can be called `origin`"):
        read_rows(target=Target("origin", timedelta(0)))


def test_an_unknown_source_is_named(read_rows):
    with pytest.raises(HeadraceError, match="unknown-source"):
        read_rows(source="nobody")


def test_columns_that_the_source_does_not_declare_are_named(read_rows):
    with pytest.raises(HeadraceError, match=r"missing-column.*`lost`, `gone`"):
        read_rows(inputs=[Category("a", column="gone")], target=Target("lost", timedelta(0)))
