"""How values become Python text."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headrace.compiler.ir import Call, Variable
from headrace.compiler.literal import Code, Group, lines, seconds, sentence


def flat(value):
    (line,) = lines(value, 0)
    return line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (-5, "-5"),
        (10**30, "1" + "0" * 30),
        (0.85, "0.85"),
        (1e16, "1e16"),
        (1e-7, "1e-07"),
        (float("-inf"), 'float("-inf")'),
        (float("nan"), 'float("nan")'),
        ("plain", '"plain"'),
        ('He said "no"', "'He said \"no\"'"),
        ('it\'s "here"', "'it\\'s \"here\"'"),
        ("\\N{DIGIT ONE}\n\t\r", '"\\\\N{DIGIT ONE}\\n\\t\\r"'),
        ("\u202e\u0000\x7f\U0001f600", '"\\u202e\\u0000\\u007f\\U0001f600"'),
        ("größer, łódź", '"größer, łódź"'),
        ("\u03bc \u00d7 \u0131 \u017f", '"\\u03bc \\u00d7 \\u0131 \\u017f"'),
        (timedelta(weeks=2), "timedelta(weeks=2)"),
        (timedelta(days=30), "timedelta(days=30)"),
        (timedelta(hours=36), "timedelta(hours=36)"),
        (timedelta(milliseconds=250), "timedelta(milliseconds=250)"),
        (timedelta(microseconds=500), "timedelta(microseconds=500)"),
        (timedelta(0), "timedelta(seconds=0)"),
        (timedelta(days=-1), "timedelta(days=-1)"),
        ([], "[]"),
        ({}, "{}"),
        ((1, "a"), '[1, "a"]'),
        ({"b": 1, "a": [None]}, '{"a": [None], "b": 1}'),
        (Call("Target", ("x", Variable("rows")), (("delay", timedelta(days=1)),)), 'Target("x", rows, delay=timedelta(days=1))'),
    ],
)
def test_a_value_on_one_line(value, text):
    assert text == flat(value)


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, {1, 2}, object()])
def test_a_value_of_another_type_is_refused(value):
    with pytest.raises(TypeError, match="cannot stand in generated code"):
        lines(value, 0)


@pytest.mark.parametrize("word", ["", "a b", "os.system('x')", "größe", "a.", 'a"'])
def test_only_the_compilers_own_words_are_names(word):
    with pytest.raises(ValueError, match="no name of generated code"):
        Variable(word)
    with pytest.raises(ValueError, match="no name of generated code"):
        Call(word)
    with pytest.raises(ValueError, match="no name of generated code"):
        Call("f", keywords=((word, 1),))


def test_a_call_is_broken_where_it_passes_the_line():
    call = Call("f", (Variable("rows"),), (("a", "x" * 60), ("b", {"k": "y" * 60, "l": ["z" * 100, 2]})))
    assert [
        "    return f(",
        "        rows,",
        f'        a="{"x" * 60}",',
        "        b={",
        f'            "k": "{"y" * 60}",',
        f'            "l": ["{"z" * 100}", 2],',
        "        },",
        "    )",
    ] == lines(call, 4, before="return ")


def test_a_line_may_be_140_columns_and_no_more():
    fits = Group("f(", [("", Code("x" * 137))], ")")
    breaks = Group("f(", [("", Code("x" * 138))], ")")
    assert [1, 3] == [len(lines(fits, 0)), len(lines(breaks, 0))]


def test_a_long_string_is_broken_after_a_space():
    text = "word " * 40
    assert [
        "when=(",
        f'    "{"word " * 26}"',
        f'    "{"word " * 14}"',
        "),",
    ] == lines(text, 0, before="when=", after=",")


def test_a_long_string_without_a_space_is_broken_where_the_line_ends():
    assert ["(", f'    "{"x" * 134}"', f'    "{"x" * 66}"', ")"] == lines("x" * 200, 0)


def test_a_long_key_is_broken_as_well():
    printed = lines({"word " * 30: 1}, 0)
    assert ["{", "    (", f'        "{"word " * 26}"', f'        "{"word " * 4}"', "    ): 1,", "}"] == printed


def test_what_cannot_be_broken_stays():
    assert [" " * 139 + '""'] == lines("", 139)


@pytest.mark.parametrize(
    ("text", "room", "said"),
    [
        ("  two\n\nlines\t", 40, "two lines"),
        ('a """ b', 40, 'a "\\u0022" b'),
        ("C:\\new", 40, "C:\\u005cnew"),
        ("\u202eabc", 40, "\\u202eabc"),
        ("one two three", 9, "one tw..."),
        ("a. b. c. d.", 7, "a. b..."),
        ("\u202e\u202e", 8, "..."),
    ],
)
def test_a_users_text_in_a_docstring(text, room, said):
    assert said == sentence(text, room)


def test_seconds_are_whole_where_they_are():
    assert "[60, 0.25]" == str([seconds(timedelta(minutes=1)), seconds(timedelta(milliseconds=250))])
