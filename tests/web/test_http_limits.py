"""Tokens that refill and places that are counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.web.http.limits import Buckets, Places, neighbourhood
from clipkind.web.http.problems import Problem


class Clock:
    """Time that passes when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=60), st.integers(1, 5))
def test_no_client_gets_more_than_its_burst_and_the_rate(
    steps: list[tuple[float, bool]], burst: int
) -> None:
    clock, rate, taken, waits = Clock(), 0.5, 0, 0.0
    buckets = Buckets(rate, burst, clock=clock)
    for pause, patient in steps:
        clock.now += waits if patient else pause
        waits = buckets.take("192.0.2.1")
        taken += waits == 0
        assert taken <= burst + clock.now * rate + 1e-6
        assert waits <= 1 / rate


def test_waiting_as_told_is_enough() -> None:
    clock = Clock()
    buckets = Buckets(0.1, 2, clock=clock)
    assert [buckets.take("a") for _ in range(2)] == [0, 0]
    wait = buckets.take("a")
    assert wait == pytest.approx(10)
    clock.now += wait
    assert buckets.take("a") == 0


def test_looking_takes_nothing() -> None:
    buckets = Buckets(1, 1, clock=Clock())
    assert [buckets.wait("a") for _ in range(5)] == [0] * 5
    assert buckets.take("a") == 0
    assert buckets.wait("a") > 0


def test_only_so_many_clients_are_remembered() -> None:
    buckets = Buckets(1, 1, clients=3, clock=Clock())
    for client in "abcd":
        assert buckets.take(client) == 0
    assert buckets.take("d") > 0
    assert buckets.take("a") == 0  # forgotten, as if it had waited


def test_who_has_a_network_has_one_bucket() -> None:
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:1%eth0")
    assert neighbourhood("2001:db8::1") != neighbourhood("2001:db8:0:1::1")
    assert neighbourhood("192.0.2.1") != neighbourhood("192.0.2.2")
    assert neighbourhood("") == ""


def test_a_place_is_given_back_even_after_an_error() -> None:
    places = Places(1)

    def hold() -> None:
        with places.one():
            with pytest.raises(Problem, match="as many"):
                places.one().__enter__()
            raise KeyError

    with pytest.raises(KeyError):
        hold()
    assert places.take()
    assert not places.take()
    places.leave()
