"""How many connection ends stand in each state, from the records alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synsight.analysis.concurrency import level, stays
from synsight.analysis.study import Study

from tests.crowd import crowd, in_order
from tests.ladder import parse_ladder
from tests.piles.scripts import (
    CLIENT_CLOSES,
    FLOODED,
    IGNORED,
    NEVER_CLOSED,
    OPENED,
    REFUSED,
    SERVED,
    SERVER_CLOSES,
    START_NS,
)

MS = 1_000_000
RESET = SERVED + "+0.500 > R. 101:101(0) ack 1001 win 0 ttl 57\n"
FORGED = RESET + "+0.100 > P. 101:201(100) ack 1001 win 502 ttl 57\n+0.010 < . 1001:1001(0) ack 201 win 502\n"
SIMULTANEOUS = (
    SERVED
    + """+0.010 > F. 101:101(0) ack 1001 win 502 ttl 57
+0.001 < F. 1001:1001(0) ack 101 win 502
+0.010 > . 102:102(0) ack 1002 win 502 ttl 57
+0.010 < . 1002:1002(0) ack 102 win 502
"""
)


def spans(text: str, side: str, until_s: float) -> dict[str, tuple[int, int]]:
    """State -> (from, to) in ms since the ladder's zero, in order; only states that were stood in."""
    study = Study()
    study.feed(parse_ladder(text).rows)
    table = study.table(START_NS, START_NS + round(until_s * 1e9))
    found = {
        state.text: tuple((int(moment[0]) - START_NS) // MS for moment in span)
        for state, span in stays(table, np.array([0]), side).items()
        if span[1][0] > span[0][0]
    }
    return dict(sorted(found.items(), key=lambda item: item[1]))


def test_the_side_that_closes_first_waits_a_minute() -> None:
    assert spans(CLIENT_CLOSES, "client", 200) == {
        "SYN-SENT": (0, 21),
        "ESTABLISHED": (21, 63),
        "FIN-WAIT-1": (63, 64),
        "FIN-WAIT-2": (64, 84),  # until its own segment proves that it has the FIN
        "TIME-WAIT": (84, 60_084),
    }


def test_the_side_that_closes_second_waits_for_one_acknowledgment() -> None:
    assert spans(CLIENT_CLOSES, "server", 200) == {
        "SYN-RECEIVED": (1, 21),
        "ESTABLISHED": (21, 64),
        "LAST-ACK": (64, 84),
    }


def test_time_wait_is_the_servers_where_it_closes_first() -> None:
    assert "TIME-WAIT" in spans(SERVER_CLOSES, "server", 200)
    assert "TIME-WAIT" not in spans(SERVER_CLOSES, "client", 200)


def test_nothing_is_known_beyond_the_capture() -> None:
    assert spans(CLIENT_CLOSES, "client", 10)["TIME-WAIT"] == (84, 10_000)


def test_close_wait_lasts_and_fin_wait_2_gives_up() -> None:
    assert spans(NEVER_CLOSED, "server", 300)["CLOSE-WAIT"] == (64, 300_000)
    assert spans(NEVER_CLOSED, "client", 300)["FIN-WAIT-2"] == (64, 60_064)


def test_simultaneous_close_passes_closing_on_both_sides() -> None:
    assert spans(SIMULTANEOUS, "client", 200)["CLOSING"] == (74, 84)
    assert {"FIN-WAIT-1", "TIME-WAIT"} <= set(spans(SIMULTANEOUS, "server", 200))


def test_a_reset_ends_both_ends() -> None:
    assert spans(RESET, "client", 60)["ESTABLISHED"] == (21, 553)
    assert spans(RESET, "server", 60)["ESTABLISHED"] == (21, 553)


def test_an_end_that_goes_on_after_its_reset_never_sent_it() -> None:
    assert spans(FORGED, "client", 60)["ESTABLISHED"] == (21, 60_000)


def test_a_refused_client_stops_asking() -> None:
    assert spans(REFUSED, "client", 60) == {"SYN-SENT": (0, 1)}


def test_an_unanswered_syn_is_given_up_when_its_next_repeat_is_overdue() -> None:
    assert spans(IGNORED, "client", 60) == {"SYN-SENT": (0, 7000)}


def test_a_synack_that_is_not_repeated_is_no_half_open_connection_for_long() -> None:
    assert spans(FLOODED, "server", 60) == {"SYN-RECEIVED": (1, 1001)}


def test_a_capture_that_begins_late_finds_the_connection_established() -> None:
    later = "# Data only.\n0 > P. 1:101(100) ack 1 win 502\n+0.010 < . 1:1(0) ack 101 win 502\n"
    assert spans(later, "server", 5) == {"ESTABLISHED": (0, 5000)}


def test_ports_used_again_end_what_was_there() -> None:
    again = "+30 > S 0:0(0) seq+9000000 win 64240 <mss 1460>\n"
    assert spans(CLIENT_CLOSES + again, "client", 200)["TIME-WAIT"] == (84, 30_084)


@pytest.mark.parametrize("side", ["client", "server"])
def test_states_of_one_end_never_overlap(side: str) -> None:
    rows = in_order(
        *(
            crowd(text, 5, 0.1, first=100 * number)
            for number, text in enumerate(
                (CLIENT_CLOSES, SERVER_CLOSES, NEVER_CLOSED, REFUSED, OPENED, RESET, SIMULTANEOUS, FLOODED)
            )
        )
    )
    study = Study()
    study.feed(rows)
    table = study.table(START_NS, START_NS + 100 * 10**9)
    stood = stays(table, np.arange(len(table)), side)
    for row in range(len(table)):
        mine = sorted((a[row], b[row]) for a, b in stood.values() if b[row] > a[row])
        assert all(before[1] <= after[0] for before, after in pairwise(mine))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(-3, 30)), max_size=30))
def test_levels_count_the_spans_that_hold_each_moment(pairs: list[tuple[int, int]]) -> None:
    entered = np.array([start for start, _ in pairs], np.int64)
    left = entered + np.array([length for _, length in pairs], np.int64)
    counted = [sum(a <= now < b for a, b in zip(entered, left, strict=True)) for now in range(100)]
    found = level((entered, left))
    assert found.peak.count == max(counted)
    assert found.per_bin(0, 10, 10).tolist() == [max(counted[ten : ten + 10]) for ten in range(0, 100, 10)]


def test_the_peak_says_when_it_was_first_reached() -> None:
    found = level((np.array([0, 5, 20, 21]), np.array([10, 10, 30, 30])))
    assert (found.peak.count, found.peak.at_ns) == (2, 5)
