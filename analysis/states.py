"""The TCP state machine of one endpoint, as an observer sees it. The only file that knows transitions.

The law: **what an endpoint sent is certain; what was sent towards it may have been lost behind the tap.**

So each end carries two states that run over the same table. `proven` moves on what the endpoint sent and on
what its segments prove that it received (an acknowledgment number that covers it, a timestamp echo).
`believed` moves, in addition, on everything seen travelling towards it. Where the two agree the state is
certain. When an endpoint does what `believed` cannot explain but `proven` can (it repeats the SYN-ACK that
a third ACK should have stopped), belief falls back to what is proven.

States are those of RFC 9293 section 3.3.2, with one more, UNKNOWN: nothing of this endpoint has been seen.
Nothing on the wire is an error. A pair that no rule expects is a named anomaly: the state stays, the flow
remembers the name.

Every (state, event) pair stands in `TABLE`; a test holds it to the product of both enums.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class State(IntEnum):
    """RFC 9293 section 3.3.2, and UNKNOWN for an endpoint of which nothing is known yet."""

    UNKNOWN = 0
    CLOSED = 1
    LISTEN = 2
    SYN_SENT = 3
    SYN_RECEIVED = 4
    ESTABLISHED = 5
    FIN_WAIT_1 = 6
    FIN_WAIT_2 = 7
    CLOSE_WAIT = 8
    CLOSING = 9
    LAST_ACK = 10
    TIME_WAIT = 11

    @property
    def text(self) -> str:
        """The name as RFC 9293 prints it, `FIN-WAIT-1`."""
        return self.name.replace("_", "-")


class Event(IntEnum):
    """What can happen to an endpoint, in the words of what was seen on the wire."""

    SENDS_SYN = 0
    SENDS_SYNACK = 1
    SENDS_SEGMENT = 2  # neither SYN, FIN nor RST: data, a bare acknowledgment, a probe
    SENDS_FIN = 3
    SENDS_RST = 4
    SENDS_STRAY_RST = 5  # a RST that answers a segment of another incarnation (RFC 9293 section 3.10.7.3)
    GETS_SYN = 6
    GETS_SYNACK = 7
    GETS_SEGMENT = 8
    GETS_ACK_OF_SYN = 9  # an acknowledgment that covers its own SYN
    GETS_FIN = 10
    GETS_ACK_OF_FIN = 11  # an acknowledgment that covers its own FIN
    GETS_RST = 12  # a RST that RFC 5961 section 3.2 accepts
    GETS_HARD_ICMP = 13  # an ICMP error that is fatal to a connection attempt (RFC 5461 section 2)


class Anomaly(IntEnum):
    """Pairs that no rule expects, named. Negative, so that a table cell is either a state or one of these."""

    DATA_BEFORE_HANDSHAKE = -1  # a segment or FIN from an endpoint whose SYN is not answered
    SYN_IN_SYNCHRONIZED = -2  # SYN with the same initial sequence number inside a connection
    SYNACK_IN_SYNCHRONIZED = -3  # SYN-ACK from or to an endpoint that is past the handshake
    SEGMENT_AFTER_CLOSE = -4  # a segment from an endpoint that reset or finished the connection
    SECOND_FIN = -5  # a FIN to an endpoint that has had one


S, E, A = State, Event, Anomaly

TABLE: dict[State, dict[Event, State | Anomaly]] = {
    # Nothing seen of this end yet. Its first segment tells where it must be; a packet towards it only
    # suggests.
    S.UNKNOWN: {
        E.SENDS_SYN: S.SYN_SENT,  # an active open
        E.SENDS_SYNACK: S.SYN_RECEIVED,  # it was listening, and a SYN arrived
        E.SENDS_SEGMENT: S.ESTABLISHED,  # the capture began inside the connection
        E.SENDS_FIN: S.FIN_WAIT_1,
        E.SENDS_RST: S.CLOSED,  # no socket there, or none any more
        E.SENDS_STRAY_RST: S.CLOSED,
        E.GETS_SYN: S.LISTEN,  # whether anything listens is what its answer will tell
        E.GETS_SYNACK: S.ESTABLISHED,
        E.GETS_SEGMENT: S.ESTABLISHED,
        E.GETS_ACK_OF_SYN: S.ESTABLISHED,
        E.GETS_FIN: S.CLOSE_WAIT,
        E.GETS_ACK_OF_FIN: S.FIN_WAIT_2,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.UNKNOWN,
    },
    # It ended the connection, or refused it. What it sends now belongs to something else, or it never closed.
    S.CLOSED: {
        E.SENDS_SYN: S.SYN_SENT,
        E.SENDS_SYNACK: S.SYN_RECEIVED,  # a firewall refused the SYN that the host then answered
        E.SENDS_SEGMENT: A.SEGMENT_AFTER_CLOSE,
        E.SENDS_FIN: A.SEGMENT_AFTER_CLOSE,
        E.SENDS_RST: S.CLOSED,  # every further segment towards it is answered so
        E.SENDS_STRAY_RST: S.CLOSED,
        E.GETS_SYN: S.CLOSED,
        E.GETS_SYNACK: S.CLOSED,
        E.GETS_SEGMENT: S.CLOSED,
        E.GETS_ACK_OF_SYN: S.CLOSED,
        E.GETS_FIN: S.CLOSED,
        E.GETS_ACK_OF_FIN: S.CLOSED,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.CLOSED,
    },
    # A SYN is on its way to it; presumed to listen.
    S.LISTEN: {
        E.SENDS_SYN: S.SYN_SENT,  # both opened at once
        E.SENDS_SYNACK: S.SYN_RECEIVED,
        E.SENDS_SEGMENT: S.ESTABLISHED,  # its SYN-ACK was not captured
        E.SENDS_FIN: S.FIN_WAIT_1,
        E.SENDS_RST: S.CLOSED,  # nothing listens
        E.SENDS_STRAY_RST: S.CLOSED,
        E.GETS_SYN: S.LISTEN,
        E.GETS_SYNACK: S.LISTEN,
        E.GETS_SEGMENT: S.LISTEN,
        E.GETS_ACK_OF_SYN: S.LISTEN,
        E.GETS_FIN: S.LISTEN,
        E.GETS_ACK_OF_FIN: S.LISTEN,
        E.GETS_RST: S.LISTEN,
        E.GETS_HARD_ICMP: S.LISTEN,
    },
    # It asked; the answer is awaited.
    S.SYN_SENT: {
        E.SENDS_SYN: S.SYN_SENT,  # repeated
        E.SENDS_SYNACK: S.SYN_RECEIVED,  # simultaneous open, RFC 9293 section 3.5 figure 7
        E.SENDS_SEGMENT: S.ESTABLISHED,  # it would not unless a SYN-ACK had arrived
        E.SENDS_FIN: S.FIN_WAIT_1,
        E.SENDS_RST: S.CLOSED,  # it gave up after the SYN-ACK
        E.SENDS_STRAY_RST: S.SYN_SENT,  # it refuses an old segment and keeps asking
        E.GETS_SYN: S.SYN_RECEIVED,
        E.GETS_SYNACK: S.ESTABLISHED,
        E.GETS_SEGMENT: S.SYN_SENT,
        E.GETS_ACK_OF_SYN: S.SYN_SENT,  # an ACK without SYN opens nothing (RFC 9293 section 3.10.7.3)
        E.GETS_FIN: S.SYN_SENT,
        E.GETS_ACK_OF_FIN: S.SYN_SENT,
        E.GETS_RST: S.CLOSED,  # refused
        E.GETS_HARD_ICMP: S.CLOSED,
    },
    # It answered a SYN; the third segment of the handshake is awaited.
    S.SYN_RECEIVED: {
        E.SENDS_SYN: S.SYN_RECEIVED,
        E.SENDS_SYNACK: S.SYN_RECEIVED,  # repeated: the third ACK has not arrived
        E.SENDS_SEGMENT: S.ESTABLISHED,  # only a synchronized endpoint sends one
        E.SENDS_FIN: S.FIN_WAIT_1,
        E.SENDS_RST: S.CLOSED,
        E.SENDS_STRAY_RST: S.SYN_RECEIVED,
        E.GETS_SYN: S.SYN_RECEIVED,
        E.GETS_SYNACK: S.ESTABLISHED,  # simultaneous open
        E.GETS_SEGMENT: S.SYN_RECEIVED,
        E.GETS_ACK_OF_SYN: S.ESTABLISHED,
        E.GETS_FIN: S.CLOSE_WAIT,
        E.GETS_ACK_OF_FIN: S.SYN_RECEIVED,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.SYN_RECEIVED,
    },
    # Data flows both ways.
    S.ESTABLISHED: {
        E.SENDS_SYN: A.SYN_IN_SYNCHRONIZED,
        E.SENDS_SYNACK: A.SYNACK_IN_SYNCHRONIZED,
        E.SENDS_SEGMENT: S.ESTABLISHED,
        E.SENDS_FIN: S.FIN_WAIT_1,  # its application closed first
        E.SENDS_RST: S.CLOSED,  # its application aborted, or the kernel did
        E.SENDS_STRAY_RST: S.ESTABLISHED,
        E.GETS_SYN: S.ESTABLISHED,
        E.GETS_SYNACK: S.ESTABLISHED,  # a repeated SYN-ACK is answered with an ACK
        E.GETS_SEGMENT: S.ESTABLISHED,
        E.GETS_ACK_OF_SYN: S.ESTABLISHED,
        E.GETS_FIN: S.CLOSE_WAIT,
        E.GETS_ACK_OF_FIN: S.ESTABLISHED,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.ESTABLISHED,  # soft here (RFC 5461, RFC 9293 section 3.9.2.2)
    },
    # It closed first; its FIN is not acknowledged.
    S.FIN_WAIT_1: {
        E.SENDS_SYN: A.SYN_IN_SYNCHRONIZED,
        E.SENDS_SYNACK: A.SYNACK_IN_SYNCHRONIZED,
        E.SENDS_SEGMENT: S.FIN_WAIT_1,
        E.SENDS_FIN: S.FIN_WAIT_1,  # repeated
        E.SENDS_RST: S.CLOSED,
        E.SENDS_STRAY_RST: S.FIN_WAIT_1,
        E.GETS_SYN: S.FIN_WAIT_1,
        E.GETS_SYNACK: S.FIN_WAIT_1,
        E.GETS_SEGMENT: S.FIN_WAIT_1,
        E.GETS_ACK_OF_SYN: S.FIN_WAIT_1,
        E.GETS_FIN: S.CLOSING,  # both closed at once
        E.GETS_ACK_OF_FIN: S.FIN_WAIT_2,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.FIN_WAIT_1,
    },
    # Its FIN is acknowledged; the peer may still send (RFC 9293 section 3.6, half-close).
    S.FIN_WAIT_2: {
        E.SENDS_SYN: A.SYN_IN_SYNCHRONIZED,
        E.SENDS_SYNACK: A.SYNACK_IN_SYNCHRONIZED,
        E.SENDS_SEGMENT: S.FIN_WAIT_2,
        E.SENDS_FIN: S.FIN_WAIT_2,  # repeated: the acknowledgment crossed it
        E.SENDS_RST: S.CLOSED,  # the socket is an orphan; nobody is left to read
        E.SENDS_STRAY_RST: S.CLOSED,
        E.GETS_SYN: S.FIN_WAIT_2,
        E.GETS_SYNACK: S.FIN_WAIT_2,
        E.GETS_SEGMENT: S.FIN_WAIT_2,
        E.GETS_ACK_OF_SYN: S.FIN_WAIT_2,
        E.GETS_FIN: S.TIME_WAIT,
        E.GETS_ACK_OF_FIN: S.FIN_WAIT_2,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.FIN_WAIT_2,
    },
    # The peer closed and this end's kernel acknowledged it; only its own application can leave this state.
    S.CLOSE_WAIT: {
        E.SENDS_SYN: A.SYN_IN_SYNCHRONIZED,
        E.SENDS_SYNACK: A.SYNACK_IN_SYNCHRONIZED,
        E.SENDS_SEGMENT: S.CLOSE_WAIT,
        E.SENDS_FIN: S.LAST_ACK,
        E.SENDS_RST: S.CLOSED,
        E.SENDS_STRAY_RST: S.CLOSE_WAIT,
        E.GETS_SYN: S.CLOSE_WAIT,
        E.GETS_SYNACK: S.CLOSE_WAIT,
        E.GETS_SEGMENT: S.CLOSE_WAIT,
        E.GETS_ACK_OF_SYN: S.CLOSE_WAIT,
        E.GETS_FIN: S.CLOSE_WAIT,  # repeated
        E.GETS_ACK_OF_FIN: S.CLOSE_WAIT,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.CLOSE_WAIT,
    },
    # Both FINs crossed; the acknowledgment of its own is awaited.
    S.CLOSING: {
        E.SENDS_SYN: A.SYN_IN_SYNCHRONIZED,
        E.SENDS_SYNACK: A.SYNACK_IN_SYNCHRONIZED,
        E.SENDS_SEGMENT: S.CLOSING,
        E.SENDS_FIN: S.CLOSING,
        E.SENDS_RST: S.CLOSED,
        E.SENDS_STRAY_RST: S.CLOSING,
        E.GETS_SYN: S.CLOSING,
        E.GETS_SYNACK: S.CLOSING,
        E.GETS_SEGMENT: S.CLOSING,
        E.GETS_ACK_OF_SYN: S.CLOSING,
        E.GETS_FIN: S.CLOSING,
        E.GETS_ACK_OF_FIN: S.TIME_WAIT,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.CLOSING,
    },
    # The peer closed first, now this end has too; the last acknowledgment is awaited.
    S.LAST_ACK: {
        E.SENDS_SYN: A.SYN_IN_SYNCHRONIZED,
        E.SENDS_SYNACK: A.SYNACK_IN_SYNCHRONIZED,
        E.SENDS_SEGMENT: S.LAST_ACK,
        E.SENDS_FIN: S.LAST_ACK,
        E.SENDS_RST: S.CLOSED,
        E.SENDS_STRAY_RST: S.LAST_ACK,
        E.GETS_SYN: S.LAST_ACK,
        E.GETS_SYNACK: S.LAST_ACK,
        E.GETS_SEGMENT: S.LAST_ACK,
        E.GETS_ACK_OF_SYN: S.LAST_ACK,
        E.GETS_FIN: S.LAST_ACK,
        E.GETS_ACK_OF_FIN: S.CLOSED,
        E.GETS_RST: S.CLOSED,
        E.GETS_HARD_ICMP: S.LAST_ACK,
    },
    # It closed first and sent the last acknowledgment; it waits 2 MSL (Linux: 60 s) and leaves unseen.
    S.TIME_WAIT: {
        E.SENDS_SYN: S.SYN_SENT,
        E.SENDS_SYNACK: S.SYN_RECEIVED,  # the port was reused (RFC 9293 section 3.10.7.4, RFC 6191)
        E.SENDS_SEGMENT: S.TIME_WAIT,  # acknowledges a repeated FIN, which proves the state
        E.SENDS_FIN: S.TIME_WAIT,
        E.SENDS_RST: S.CLOSED,
        E.SENDS_STRAY_RST: S.TIME_WAIT,
        E.GETS_SYN: S.TIME_WAIT,
        E.GETS_SYNACK: S.TIME_WAIT,
        E.GETS_SEGMENT: S.TIME_WAIT,
        E.GETS_ACK_OF_SYN: S.TIME_WAIT,
        E.GETS_FIN: S.TIME_WAIT,
        E.GETS_ACK_OF_FIN: S.TIME_WAIT,
        E.GETS_RST: S.CLOSED,  # assassinated (RFC 1337)
        E.GETS_HARD_ICMP: S.TIME_WAIT,
    },
}


def packed() -> np.ndarray:
    """`TABLE` for the compiled loop: int8, one row per state, one column per event; anomalies negative."""
    cells = np.zeros((len(State), len(Event)), dtype=np.int8)
    for state, row in TABLE.items():
        for event, cell in row.items():
            cells[state, event] = cell
    return cells
