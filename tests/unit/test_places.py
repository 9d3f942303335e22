"""Who keeps a connection when there are too many: a model of what is promised, beside the real thing."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from receiver.guard.places import SPARE, Places
from receiver.metrics import SAMPLED_SECONDS, Sampled
from tests.examples import examples

LIMIT, BYTES = 3, 100


def nobody(_key: str) -> bool:
    """Nobody is at work."""
    return False


class Crowd(RuleBasedStateMachine):
    """Connections come, work, wait, end and go in any order. Keys are numbers, in the order in which they came."""

    connections = Bundle("connections")

    def __init__(self) -> None:
        super().__init__()
        self.places: Places[int] = Places(LIMIT, BYTES, lambda key: key in self.working)
        self.number = 0
        self.working: set[int] = set()
        self.alive: set[int] = set()
        self.lost: set[int] = set()

    def lose(self, key: int | None) -> None:
        """It has lost its place: it is told so, and then ends."""
        if key is None:
            return
        self.lost.add(key)
        self.working.discard(key)
        if gone := self.places.ends(key):
            self.close(gone)

    def close(self, key: int) -> None:
        self.places.leave(key)
        self.alive.discard(key)
        self.working.discard(key)

    @rule(target=connections)
    def comes(self) -> int:
        self.number += 1
        self.alive.add(self.number)
        gone = self.places.enter(self.number)
        if gone == self.number:
            assert len(self.working) == LIMIT, "nobody is refused while somebody waits"
        assert gone not in self.working
        self.lose(gone)
        return self.number

    @rule(key=connections)
    def works(self, key: int) -> None:
        if key in self.alive - self.lost:
            self.working.add(key)

    @rule(key=connections, is_proven=st.booleans())
    def waits(self, key: int, *, is_proven: bool) -> None:
        if key in self.working:
            self.working.discard(key)
            self.places.waits(key, is_proven=is_proven)

    @rule(key=connections, size=st.integers(0, 60))
    def holds(self, key: int, size: int) -> None:
        if key in self.alive - self.lost:
            for gone in self.places.holds(key, size):
                assert gone == key or gone not in self.working
                self.lose(gone)

    @rule(key=connections)
    def ends(self, key: int) -> None:
        if key in self.alive - self.lost:
            self.working.discard(key)
            self.lost.add(key)  # nothing more can become of it
            if gone := self.places.ends(key):
                self.close(gone)

    @rule(key=consumes(connections))
    def goes(self, key: int) -> None:
        self.close(key)

    @invariant()
    def there_are_never_too_many(self) -> None:
        assert len(self.places) <= LIMIT
        assert self.places.open <= LIMIT + SPARE
        assert self.places.open == len(self.alive)

    @invariant()
    def there_is_never_too_much(self) -> None:
        assert 0 <= self.places.held_bytes <= BYTES


Crowd.TestCase.settings = settings(examples(80), stateful_step_count=40)
TestCrowd = Crowd.TestCase


def test_the_one_that_waits_longest_goes_first() -> None:
    places: Places[str] = Places(3, BYTES, nobody)
    assert [places.enter(key) for key in ("first", "second", "third")] == [None] * 3
    places.waits("first")
    assert places.enter("fourth") == "second"
    assert places.enter("fifth") == "third"
    assert places.enter("sixth") == "first"


def test_one_whose_delivery_was_accepted_goes_after_all_others_that_wait() -> None:
    places: Places[str] = Places(2, BYTES, nobody)
    for key in ("first", "second"):
        places.enter(key)
    places.waits("first", is_proven=True)
    assert [places.enter(key) for key in ("third", "fourth")] == ["second", "third"]
    places.leave("fourth")
    places.enter("fifth")
    assert places.enter("sixth") == "fifth"
    places.waits("sixth", is_proven=True)
    assert places.enter("seventh") == "first"


def test_one_that_is_answered_for_the_last_time_goes_before_all_others() -> None:
    places: Places[str] = Places(2, BYTES, nobody)
    places.enter("first")
    places.enter("second")
    places.ends("second")
    assert places.enter("third") == "second"


def test_only_so_many_may_read_why_they_were_refused() -> None:
    places: Places[int] = Places(1, BYTES, {0}.__contains__)
    places.enter(0)
    assert [places.enter(key) for key in range(1, SPARE + 2)] == list(range(1, SPARE + 2))
    assert [places.ends(key) for key in range(1, SPARE + 1)] == [None] * SPARE
    assert places.ends(SPARE + 1) == 1


def test_a_line_is_due_at_once_and_then_now_and_again_with_how_many_there_were() -> None:
    now = 0.0
    sampled = Sampled(lambda: now)
    assert [sampled.count("a") for _ in range(5)] == [1, 0, 0, 0, 0]
    assert sampled.count("b") == 1
    now = SAMPLED_SECONDS
    assert [sampled.count("a"), sampled.count("a")] == [5, 0]
