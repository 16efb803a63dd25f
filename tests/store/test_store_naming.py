"""Names of files that others gave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.diagnostics import Exit, HeadraceError
from headrace.store.naming import MOST, refuse_names

BAD = ["..", "../x", "a/../x", "./x", "a//b", "", "a/", "/etc/passwd", "C:/x", "c:x", "a\\b", "a\x00b", "a\nb", "a\u202eb", "x" * 256]


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(HeadraceError, match="unsafe-name") as raised:
        refuse_names([name], "run 1")
    assert Exit.REFUSED is raised.value.code


@pytest.mark.parametrize(("one", "other"), [("A.txt", "a.txt"), ("straße", "STRASSE"), ("e\u0301", "\u00e9"), ("a", "a/b"), ("A/x", "a")])
def test_names_that_are_one_file_somewhere_are_refused(one, other):
    with pytest.raises(HeadraceError, match=r"one file on some disks|lies in a file"):
        refuse_names([one, other], "run 1")


def test_too_many_names_are_refused():
    with pytest.raises(HeadraceError, match="more than 10,000 files"):
        refuse_names(map(str, range(MOST + 1)), "run 1")


def test_plain_names_pass():
    refuse_names(["model.txt", "plots/roc curve.png", "plots/x.png", "Zürich", "...", "a..b"], "run 1")


@given(st.lists(st.text(max_size=12), max_size=4))
def test_what_passes_stays_below_its_folder_and_is_one_file_each(tmp_path_factory, names):
    try:
        refuse_names(names, "run 1")
    except HeadraceError:
        return
    root = tmp_path_factory.getbasetemp() / "names"
    paths = [(root / name).resolve() for name in names]
    assert all(path.is_relative_to(root) and path != root for path in paths)
    assert len(names) == len({str(path).casefold() for path in paths})
