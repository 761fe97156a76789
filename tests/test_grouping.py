"""Rows numbered by what they have in common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synsight.analysis.scene.grouping import MIX, Ends, group_addresses

NUMBERS = st.integers(0, (1 << 64) - 1)
COLLIDING = [(0, 7), (1, 7 ^ int(MIX))]
"""Two addresses with the same mix of both halves."""


@given(
    st.lists(st.sampled_from([*COLLIDING, (0, 1), (1, 0), (1 << 63, 1 << 63)]) | st.tuples(NUMBERS, NUMBERS))
)
def test_equal_addresses_have_one_number_and_others_another(addresses: list[tuple[int, int]]) -> None:
    high = np.array([address[0] for address in addresses], np.uint64)
    low = np.array([address[1] for address in addresses], np.uint64)
    found = group_addresses(high, low)
    numbers = dict(zip(addresses, found.ids.tolist(), strict=True))
    assert [numbers[address] for address in addresses] == found.ids.tolist()
    assert sorted(numbers.values()) == list(range(len(found)))


@pytest.fixture
def ends() -> Ends:
    """Clients 0 and 1 at servers 5 and 6; the last two connections differ in the port only."""
    return Ends(np.array([0, 1, 0, 0]), np.array([5, 5, 6, 6]), np.array([80, 80, 80, 443]))


def test_connections_to_one_address_and_port_share_a_listener(ends: Ends) -> None:
    assert ends.listeners.ids.tolist() == [0, 0, 1, 2]
    assert ends.servers.ids.tolist() == [0, 0, 1, 1]


def test_pairs_differ_by_client_and_by_listener(ends: Ends) -> None:
    assert len(ends.pairs) == 4


def test_members_are_counted_per_group(ends: Ends) -> None:
    assert ends.clients.sums(np.array([True, True, False, True])).tolist() == [2, 1]
    assert ends.clients.distinct(ends.listeners.ids).tolist() == [3, 1]
