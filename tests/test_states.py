"""The state table: complete, connected, and the machine RFC 9293 describes."""

from __future__ import annotations

import pytest
from synsight.analysis.states import TABLE, Anomaly, Event, State, packed

E, S = Event, State

CLIENT_OPENS_AND_CLOSES = (
    (E.SENDS_SYN, S.SYN_SENT),
    (E.GETS_SYNACK, S.ESTABLISHED),
    (E.SENDS_FIN, S.FIN_WAIT_1),
    (E.GETS_ACK_OF_FIN, S.FIN_WAIT_2),
    (E.GETS_FIN, S.TIME_WAIT),
)
SERVER_ACCEPTS_AND_CLOSES_LAST = (
    (E.GETS_SYN, S.LISTEN),
    (E.SENDS_SYNACK, S.SYN_RECEIVED),
    (E.GETS_ACK_OF_SYN, S.ESTABLISHED),
    (E.GETS_FIN, S.CLOSE_WAIT),
    (E.SENDS_FIN, S.LAST_ACK),
    (E.GETS_ACK_OF_FIN, S.CLOSED),
)
BOTH_OPEN_AT_ONCE = ((E.SENDS_SYN, S.SYN_SENT), (E.GETS_SYN, S.SYN_RECEIVED), (E.GETS_SYNACK, S.ESTABLISHED))
BOTH_CLOSE_AT_ONCE = (
    (E.SENDS_SEGMENT, S.ESTABLISHED),
    (E.SENDS_FIN, S.FIN_WAIT_1),
    (E.GETS_FIN, S.CLOSING),
    (E.GETS_ACK_OF_FIN, S.TIME_WAIT),
)


def test_every_pair_of_state_and_event_is_decided() -> None:
    assert set(TABLE) == set(State)
    for state, row in TABLE.items():
        assert set(row) == set(Event), state.name
        assert all(isinstance(cell, State | Anomaly) for cell in row.values())


def test_every_state_is_reached_from_unknown() -> None:
    reached, frontier = {State.UNKNOWN}, [State.UNKNOWN]
    while frontier:
        for cell in TABLE[frontier.pop()].values():
            if isinstance(cell, State) and cell not in reached:
                reached.add(cell)
                frontier.append(cell)
    assert reached == set(State)


def test_no_event_makes_an_end_unknown_again() -> None:
    for state, row in TABLE.items():
        assert state is State.UNKNOWN or State.UNKNOWN not in row.values()


@pytest.mark.parametrize(
    "story", [CLIENT_OPENS_AND_CLOSES, SERVER_ACCEPTS_AND_CLOSES_LAST, BOTH_OPEN_AT_ONCE, BOTH_CLOSE_AT_ONCE]
)
def test_the_figures_of_rfc_9293(story: tuple[tuple[Event, State], ...]) -> None:
    state: State | Anomaly = State.UNKNOWN
    for event, expected in story:
        assert isinstance(state, State)
        state = TABLE[state][event]
        assert state is expected


def test_a_reset_closes_every_state_that_has_a_connection() -> None:
    for state in set(State) - {State.LISTEN}:
        assert TABLE[state][Event.GETS_RST] is State.CLOSED
        assert TABLE[state][Event.SENDS_RST] is State.CLOSED


def test_the_packed_table_is_the_table() -> None:
    cells = packed()
    assert cells.shape == (len(State), len(Event))
    for state, row in TABLE.items():
        for event, cell in row.items():
            assert cells[state, event] == int(cell)
