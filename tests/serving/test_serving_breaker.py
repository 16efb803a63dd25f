"""A circuit: when it opens, whom it lets through, and when it closes."""

from headrace.serving.breaker import Breaker, Pauses, State


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def breaker(failures: int = 3) -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker("it", Pauses(failures, first=1.0, longest=3.0), clock), clock


def test_so_many_failures_in_a_row_open_it() -> None:
    circuit, _ = breaker(3)
    opened = [circuit.failed("no"), circuit.failed("no")]
    circuit.succeeded()
    opened += [circuit.failed("no"), circuit.failed("no")]
    assert ([False] * 4, State.CLOSED) == (opened, circuit.state)
    assert (True, {"state": "open", "reason": "gone"}) == (circuit.failed("gone"), circuit.told())


def test_what_hangs_opens_it_at_once() -> None:
    circuit, _ = breaker(3)
    assert (True, State.OPEN) == (circuit.failed("silent", hung=True), circuit.state)


def test_while_it_is_open_nobody_is_let_through_and_then_one_at_a_time() -> None:
    circuit, clock = breaker(1)
    circuit.failed("gone")
    before = circuit.allows()
    clock.now += 1.0
    assert (False, State.HALF_OPEN, [True, False, False]) == (before, circuit.state, [circuit.allows() for _ in range(3)])


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_doubles_the_pause_up_to_its_bound() -> None:
    circuit, clock = breaker(1)
    circuit.failed("gone")
    pauses = []
    for _ in range(4):
        waited = 0.0
        while not circuit.allows():
            clock.now += 0.5
            waited += 0.5
        pauses.append(waited)
        circuit.failed("gone")
    clock.now += 3.0
    circuit.allows()
    circuit.succeeded()
    again = (circuit.state, circuit.failed("gone"), circuit.opened)
    clock.now += 1.0
    assert ([1.0, 2.0, 3.0, 3.0], (State.CLOSED, True, 2), True) == (pauses, again, circuit.allows())


def test_a_failure_of_before_it_opened_changes_nothing() -> None:
    circuit, clock = breaker(1)
    circuit.failed("gone")
    clock.now += 0.9
    late = circuit.failed("late")
    clock.now += 0.1
    assert (False, "gone", True) == (late, circuit.reason, circuit.allows())
