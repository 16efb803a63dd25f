"""Ids of answers."""

import os
import time
from uuid import UUID

from headrace.serving.ids import Ids, fresh_ids


def test_each_id_is_a_uuid_of_its_moment_and_no_two_are_the_same() -> None:
    ids = Ids()
    before = time.time_ns() // 1_000_000
    made = [ids.new() for _ in range(5000)]
    after = time.time_ns() // 1_000_000
    assert (5000, {7}, {"specified in RFC 4122"}) == (
        len(set(made)),
        {UUID(one).version for one in made},
        {UUID(one).variant for one in made},
    )
    assert [UUID(one).hex for one in made] == made
    assert all(before <= UUID(one).int >> 80 <= after for one in made)


def test_those_of_a_batch_are_of_its_moment_so_that_they_lie_together_in_the_store() -> None:
    before = time.time_ns() // 1_000_000
    made = [UUID(one) for one in fresh_ids(5000)]
    after = time.time_ns() // 1_000_000
    assert (5000, {7}, {"specified in RFC 4122"}) == (len(set(made)), {one.version for one in made}, {one.variant for one in made})
    assert all(before <= one.int >> 80 <= after for one in made)


def test_a_process_that_was_forked_off_has_ids_of_its_own() -> None:
    ids = Ids()
    ids.new()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, ids.new().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 32).decode() != ids.new()
