"""RSTs of connections that had opened: who sent the first one, in which form, and what it cut short.

A host's own RST has one of three forms (HALF.rst_form): R1 refuses a SYN; R2, without ACK, answers a segment
for which no socket exists, numbered as that segment acknowledged; R3, with ACK, is sent by a live socket that
its own side aborts, and looks like any other segment of that socket.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..case import SECOND, Case, HalfRow, other, seconds
from ..records import Fact
from ..table import FlowTable

NO_SOCKET, LIVE_SOCKET = 2, 3
"""Values of HALF.rst_form that occur once a connection has opened."""

SILENCE_NS = 3 * SECOND
"""Repeats that go on this long after the other end's last sign of life are in vain."""

CLOSING_WORDS_BYTES = 64
"""What a client may say while it closes (a TLS close_notify, `QUIT`) and nobody misses."""

PARTING_BYTES = 128
"""Several such words in a row: HTTP/2's acknowledgments and GOAWAY, then a close_notify, all inside TLS."""

PATIENCE_NS = SECOND
"""Nobody's timeout for an answer is shorter."""

UNANSWERED_FAREWELLS = frozenset({389, 636, 3268, 3269, 3306, 5432})
"""Ports of protocols whose clients end with a word that has no answer: LDAP's unbind (RFC 4511 section 4.3;
3268 and 3269 are Active Directory's global catalogue), COM_QUIT of MySQL, Terminate of PostgreSQL."""


class Reset(NamedTuple):
    """The first RST of a connection that had opened."""

    sender: str  # client | server
    half: HalfRow  # of the sender
    peer: HalfRow
    server_port: int = 0

    @property
    def to(self) -> str:
        """The end that the RST goes to."""
        return other(self.sender)

    @property
    def after_fin(self) -> bool:
        """Whether the sender had sent its FIN before."""
        return bool(self.half.fin_count and self.half.fin_ns <= self.half.rst_ns)

    @property
    def untaken_bytes(self) -> int:
        """Bytes of the peer that the RST's sender never acknowledged, not even with it; a FIN is none."""
        end = self.peer.nxt - (1 if self.peer.fin_count else 0)
        acked = [self.half.ack_max] + ([self.half.rst_ack] if self.half.rst_form == LIVE_SOCKET else [])
        missing = min(
            (end - number) & 0xFFFFFFFF if (end - number) & 0x80000000 == 0 else 0 for number in acked
        )
        return int(missing)

    @property
    def unacked_bytes(self) -> int:
        """Bytes of the RST's sender that the peer was not seen to acknowledge."""
        missing = (self.half.rst_expected_seq - self.half.una) & 0xFFFFFFFF
        return missing if missing < 1 << 31 else 0

    @property
    def kernel_gave_up(self) -> bool:
        """Whether the sender's kernel had waited in vain: keepalives, probes or repeats came before."""
        half, peer = self.half, self.peer
        unheard = (
            half.rto_count >= 4 and self.unacked_bytes and half.data_last_ns - peer.last_ns >= SILENCE_NS
        )
        return bool(half.keepalive_pending >= 2 or half.probe_pending >= 2 or half.edge_count >= 4 or unheard)

    @property
    def heard_ns(self) -> int:
        """When the end that is named as the sender had last spoken or acknowledged something."""
        half = self.half
        spoken_ns = max(half.first_ns, half.data_last_ns, half.advanced_ns)
        return int(max(spoken_ns, half.data_acked_ns, self.peer.data_acked_ns))

    @property
    def said_last(self) -> bool:
        """Whether the last payload before the RST was its sender's own."""
        return bool(self.half.data_packets and self.half.data_last_ns >= self.peer.data_last_ns)

    @property
    def survived(self) -> bool:
        """Whether both ends went on: the RST was not the sender's, and the other end ignored it."""
        half, peer = self.half, self.peer
        return bool(half.after_rst_count and peer.last_ns > half.rst_ns and not peer.rst_count)

    @property
    def challenged(self) -> bool:
        """Whether the other end asks back before it obeys (RFC 5961 section 3.2).

        A host without a socket numbers its RST as the segment that it answers acknowledged. A number beyond
        everything that its alleged sender was seen to send is a guess, or a stranger's.
        """
        half = self.half
        beyond = 0 < (half.rst_seq - half.rst_expected_seq) & 0xFFFFFFFF < 1 << 31
        return bool(half.rst_form == NO_SOCKET and beyond and half.rst_seq != half.rst_peer_ack)

    @property
    def unseen_answer_bytes(self) -> int:
        """Bytes of the server that the client acknowledged and the capture missed: an answer, perhaps."""
        server = self.half if self.sender == "server" else self.peer
        return int(server.unseen_bytes)

    @property
    def owed(self) -> str:
        """What was outstanding when the RST came, in words; empty when nothing was."""
        half, peer = self.half, self.peer
        if self.after_fin:
            return ""
        if self.untaken_bytes > CLOSING_WORDS_BYTES:
            return f"while {self.untaken_bytes} bytes of the {self.to} were on their way"
        if peer.fin_count and peer.fin_ns <= half.rst_ns:
            return ""
        if self.unacked_bytes and half.data_packets:
            return f"with {self.unacked_bytes} bytes of its own not acknowledged"
        if self.sender == "server" and not self.said_last:
            if half.data_packets and self.parting:
                return ""
            return "instead of answering" if peer.data_packets else "before anything was said"
        if self.sender == "client" and self.said_last and not (peer.data_packets and self.parting):
            return f"{seconds(half.rst_ns - half.data_last_ns)} after its last request, which had no answer"
        return ""

    @property
    def parting(self) -> bool:
        """Whether the client's last word asks for no answer, for all that its length and the port say."""
        client = self.half if self.sender == "client" else self.peer
        end = client.nxt - (1 if client.fin_count else 0)
        words_bytes = (end - client.timed_seq + client.timed_bytes) & 0xFFFFFFFF
        if self.sender == "client":
            soon = self.half.rst_ns - self.half.data_last_ns < PATIENCE_NS
            return soon and words_bytes <= PARTING_BYTES
        return words_bytes <= CLOSING_WORDS_BYTES and self.server_port in UNANSWERED_FAREWELLS

    @property
    def sure_of_debt(self) -> bool:
        """Whether what is `owed` shows in the numbers, not only in whose turn it was to speak.

        A server that has answered before may be right to say nothing to a last word such as LDAP's unbind; a
        client that has had answers and resets at once may not have waited for another. An answer may be among
        what the capture missed.
        """
        counted = self.untaken_bytes > CLOSING_WORDS_BYTES or (self.unacked_bytes and self.half.data_packets)
        if self.unseen_answer_bytes:
            return bool(counted)
        if self.sender == "client":
            waited_ns = self.half.rst_ns - self.half.data_last_ns
            return bool(counted or not self.peer.data_packets or waited_ns >= PATIENCE_NS)
        return bool(counted or not self.half.data_packets)


def candidates(table: FlowTable) -> np.ndarray:
    """Connections that had opened (or were open before the capture) and carry a RST."""
    opened = (table.flows["established_ns"] > 0) | table.has(Fact.MIDSTREAM)
    return np.asarray(opened & (table.either("rst_count") > 0))


def first_reset(case: Case) -> Reset | None:
    """The RST that ended an open connection; None when there is none, or too little to judge it."""
    if "first_reset" not in case.worked_out:
        case.worked_out["first_reset"] = _find_first_reset(case)
    found: Reset | None = case.worked_out["first_reset"]
    return found


def _find_first_reset(case: Case) -> Reset | None:
    sent = [side for side in ("client", "server") if case.half(side).rst_count]
    if not sent:
        return None
    reset = reset_of(case, min(sent, key=lambda side: case.half(side).rst_frame))
    return None if reset is None or reset.survived or reset.challenged else reset


def reset_of(case: Case, sender: str) -> Reset | None:
    """The first RST of one end after the opening, if anything else of that end was seen."""
    half, peer = case.half(sender), case.half(other(sender))
    opened_ns = case.flow.established_ns
    if (
        not half.rst_count
        or half.packets == half.rst_count
        or (not case.midstream and half.rst_ns < opened_ns)
    ):
        return None
    return Reset(sender, half, peer, case.server_end.port)
