"""A model's file: whole or refused, and the algorithm's own where nothing else belongs to the model."""

import pytest

from headrace.transforms import Calibration, Packed, Transformation, format_of, learned, pack, unpack

CURVE = Calibration("isotonic", (0.1, 1 / 3, 0.9), (0.0, 0.25, 1.0))
SLOPE = Calibration("sigmoid", (-0.5, 1.25))


@pytest.fixture
def chain(plugins, world):
    matrix, target, signature = world
    steps = [Transformation("codes", "one_hot", ("region",)), Transformation("sizes", "scale", ("age", "region_north"))]
    return learned(plugins, steps, matrix, target, signature=signature, seed=7)[0]


def test_a_file_of_nothing_else_is_the_algorithms_own(plugins, world):
    matrix, target, signature = world
    nothing, made = learned(plugins, [], matrix, target, signature=signature, seed=7)
    assert (b"tree\nmore", matrix is made) == (pack(Packed(b"tree\nmore", nothing)), True)
    assert (Packed(b"tree\nmore"), "text") == (unpack(b"tree\nmore"), format_of(b"tree\nmore", "text"))


def test_all_parts_come_out_as_they_went_in(chain):
    for model in (
        Packed(b"tree\n\x00", chain),
        Packed(b"", None, CURVE),
        Packed(b"tree", chain, SLOPE),
        Packed(b"headrace-model 1 is mine"),
    ):
        data = pack(model)
        assert (model, "headrace-model+text") == (unpack(data), format_of(data, "text"))


def test_equal_models_are_equal_files(chain):
    assert pack(Packed(b"tree", chain, CURVE)) == pack(unpack(pack(Packed(b"tree", chain, CURVE))))


def test_a_file_that_is_cut_anywhere_or_goes_on_is_refused(chain):
    data = pack(Packed(b"tree", chain, CURVE))
    for end in range(len(b"headrace-"), len(data)):
        with pytest.raises(ValueError, match=r"the file (says that it has|begins as no version)"):
            unpack(data[:end])
    with pytest.raises(ValueError, match="says that it has"):
        unpack(data + b"\n")


def file(told, version=1):
    return b"headrace-model %d %d 4\n%s" % (version, len(told), told.encode()) + b"tree"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (file("{}", version=2), "is of version 2, and this version of Headrace reads 1"),
        (b"headrace-model\n{}\ntree", "train the model again"),
        (b"headrace-transforms 1\n2\n{}tree", "train the model again"),
        (file('{"calibration":{'), "Expecting"),
        (file('{"tokenizer":1}'), "holds `tokenizer`, which"),
        (file("[]"), "not as they are written"),
        (file('{"calibration":{}}'), "not as they are written: KeyError: 'method'"),
        (file('{"calibration":{"method":"platonic","x":[1],"y":[1]}}'), "by 'platonic', of 1 and 1 numbers, is none of ours"),
        (file('{"calibration":{"method":"isotonic","x":[1,2],"y":[]}}'), "by 'isotonic', of 2 and 0 numbers, is none of ours"),
        (file('{"transforms":{"links":[{"id":"one"}],"signature":[]}}'), "not as they are written"),
    ],
)
def test_what_is_none_of_ours_is_refused(data, said):
    with pytest.raises(ValueError, match=said):
        unpack(data)
