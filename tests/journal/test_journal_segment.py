"""How records lie in bytes, whatever happened to the bytes."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.journal.segment import HEADER, MAX_BODY, frame, frames

bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@given(bodies, st.booleans())
def test_whole_records_are_read_whole(written: list[bytes], final: bool) -> None:  # noqa: FBT001
    data = b"".join(map(frame, written))
    found = frames(data, final=final)

    assert (written, len(data), []) == (found.bodies, found.consumed, found.damaged)


@given(bodies, st.binary(min_size=1, max_size=40), st.data())
def test_a_torn_end_is_waited_for_while_more_may_follow(written: list[bytes], last: bytes, data: st.DataObject) -> None:
    whole = b"".join(map(frame, written))
    torn = whole + frame(last)[: data.draw(st.integers(1, len(frame(last)) - 1))]

    living, dead = frames(torn, final=False), frames(torn, final=True)

    assert (written, len(whole), []) == (living.bodies, living.consumed, living.damaged)
    assert (written, len(torn), [(len(whole), len(torn))]) == (dead.bodies, dead.consumed, dead.damaged)


@given(bodies, st.binary(min_size=1, max_size=40), bodies, st.data())
def test_of_a_record_with_an_altered_byte_the_others_are_read(
    before: list[bytes], hit: bytes, after: list[bytes], data: st.DataObject
) -> None:
    start = len(b"".join(map(frame, before)))
    altered = bytearray(b"".join(map(frame, [*before, hit, *after])))
    altered[start + data.draw(st.integers(HEADER.size, HEADER.size + len(hit) - 1))] ^= 0xFF
    found = frames(bytes(altered), final=True)

    assert (before, after, len(altered)) == (found.bodies[: len(before)], found.bodies[-len(after) or len(found.bodies) :], found.consumed)


def test_an_altered_length_does_not_take_the_following_records_along() -> None:
    data = bytearray(frame(b"first") + frame(b"second") + frame(b"third"))
    data[len(frame(b"first")) + 3] = 0xFF
    found = frames(bytes(data), final=True)

    assert ([b"first", b"third"], 1) == (found.bodies, len(found.damaged))


def test_damage_in_a_living_segment_is_stepped_over_once_a_whole_record_follows() -> None:
    damaged = bytearray(frame(b"second"))
    damaged[-1] ^= 0xFF
    found = frames(frame(b"first") + bytes(damaged), final=False)
    later = frames(frame(b"first") + bytes(damaged) + frame(b"third"), final=False)

    assert ([b"first"], []) == (found.bodies, found.damaged)
    assert ([b"first", b"third"], 1) == (later.bodies, len(later.damaged))


def test_a_length_that_no_record_has_is_damage_and_not_waited_for() -> None:
    found = frames(HEADER.pack(MAX_BODY + 1, 0) + b"x" * 50 + frame(b"next"), final=False)

    assert [b"next"] == found.bodies
