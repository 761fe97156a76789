"""FLOW and HALF: what the tracker keeps of a connection. One FLOW row, two HALF rows (index `2 * flow +
side`).

Side 0 is whoever sent the first segment seen; `client_side` says which of the two is the client. Rows begin
as zero bytes, so zero is every field's "nothing yet". The compiled loop declares the same structs, and making
its views checks every field's name, type and place against these. What plain segments touch comes first, in
one cache line of FLOW and three of HALF: with 100,000 connections the loop waits for memory as much as for
arithmetic.
"""

from __future__ import annotations

from enum import IntFlag

import numpy as np

from ..capture.segment import IpFlag

FLOW = np.dtype(
    [
        # What every segment touches: the first cache line.
        ("a_hi", "<u8"),  # address of side 0, as in SEGMENT
        ("a_lo", "<u8"),
        ("b_hi", "<u8"),  # address of side 1
        ("b_lo", "<u8"),
        ("end_ns", "<i8"),
        ("last_frame", "<u8"),
        ("packets", "<u4"),  # TCP segments, both directions, capture duplicates included
        ("marks", "<u4"),  # OR of every segment's marks
        ("a_port", "<u2"),
        ("b_port", "<u2"),
        ("facts", "<u2"),  # Fact bits
        ("steady", "u1"),  # the loop's own: Steady bits
        ("client_side", "u1"),  # 0 or 1
        # The rest.
        ("flow_hash", "<u8"),
        ("established_ns", "<i8"),  # when the third segment of the handshake was seen
        ("start_ns", "<i8"),
        ("first_frame", "<u8"),
        ("icmp_ns", "<i8"),  # first ICMP error that quotes this connection
        ("icmp_frame", "<u8"),
        ("icmp_via_hi", "<u8"),  # who sent it
        ("icmp_via_lo", "<u8"),
        ("history0", "<u8"),  # Zeek's letters, 8 to a word, first letter in the lowest byte
        ("history1", "<u8"),
        ("history2", "<u8"),
        ("history3", "<u8"),
        ("established_frame", "<u8"),
        ("previous", "<u4"),  # index + 1 of the earlier connection on the same ports
        ("icmp_count", "<u4"),
        ("anomalies", "<u4"),  # bit n set: Anomaly(-n) was met
        ("icmp_mtu", "<u2"),
        ("icmp_type", "u1"),
        ("icmp_code", "u1"),
        ("icmp_ttl", "u1"),  # TTL of the error as it arrived at the tap
        ("icmp_side", "u1"),  # the side whose segment was quoted
        ("roles_percent", "u1"),  # confidence that client_side is right
        ("odd_flags", "u1"),  # flags of the segment that sets Fact.ODD_FLAGS; 0 can be a segment without any
        ("history_length", "u1"),
        ("reply_ttl", "u1"),  # TTL of the first payload of the end that sent a SYN-ACK
        ("interface", "<u2"),  # of the capture's, the one that saw the first segment
    ],
    align=True,
)

HALF = np.dtype(
    [
        # What every plain segment of the other end asks: the first cache line.
        ("timed_ns", "<i8"),  # a segment of this end whose acknowledgment is being timed
        ("data_acked_ns", "<i8"),  # last time an acknowledgment of new payload of this end was seen
        ("nxt", "<u4"),  # highest sequence number + length sent
        ("una", "<u4"),  # highest acknowledgment of this end's bytes seen
        ("timed_seq", "<u4"),
        ("timed_bytes", "<u4"),  # payload of the segment that is being timed
        ("ack_last", "<u4"),  # last acknowledgment number this end sent
        ("window_bytes", "<u4"),  # last advertised window, scaled when the scale is known
        ("max_payload_bytes", "<u4"),
        ("max_acked_bytes", "<u4"),  # longest payload known to be acknowledged in one segment
        ("data_packets", "<u4"),
        ("unpadded_count", "<u4"),  # captured shorter than the link's minimum
        ("rtt_count", "<u4"),
        ("mss", "<u2"),  # offered in its SYN
        ("wscale", "u1"),  # shift + 1; 0: no SYN seen or not offered
        ("data_ttl", "u1"),  # TTL of its last payload segment
        # What every one of its own moves, too: two more.
        ("last_ns", "<i8"),
        ("last_frame", "<u8"),
        ("advanced_ns", "<i8"),  # last time this end sent a segment that was new to the peer
        ("payload_bytes", "<u8"),  # payload sent, repeats included
        ("unique_bytes", "<u8"),  # sequence space advanced by payload
        ("packets", "<u4"),
        ("tsval", "<u4"),  # last timestamp value sent
        ("tsecr_max", "<u4"),  # newest timestamp echoed
        ("window_max_bytes", "<u4"),
        ("ack_max", "<u4"),  # highest
        ("ttl_min", "u1"),
        ("ttl_max", "u1"),
        ("window_raw", "<u2"),  # last window field of a segment other than RST
        ("rtt_smoothed_ns", "<i8"),  # RFC 6298 section 2, alpha 1/8
        ("rtt_sum_ns", "<i8"),
        ("rtt_min_ns", "<i8"),  # tap to peer to tap
        ("data_last_ns", "<i8"),
        ("data_last_frame", "<u8"),
        ("print_seq", "<u4"),
        ("print_ack", "<u4"),
        ("print_bytes", "<u4"),
        ("print_ts", "<u4"),
        ("print_flags", "<u2"),
        ("print_ip_id", "<u2"),
        ("turn_ms", "<u4"),  # its longest wait after its kernel had acknowledged all the peer had said
        # The rest: openings, closings, trouble.
        ("zero_since_ns", "<i8"),  # 0 while the advertised window is open
        ("iss", "<u4"),  # initial sequence number (first seen - 1 when the SYN was not)
        ("edge_count", "<u4"),  # how often without progress
        ("keepalive_pending", "<u4"),  # unanswered ones in a row
        ("probe_pending", "<u4"),
        ("fin_count", "<u4"),
        ("rst_count", "<u4"),
        ("resend_count", "<u4"),  # repeats whose original the tap saw: lost after the tap, or not at all
        ("fill_count", "<u4"),  # repeats whose original the tap never saw: lost before the tap
        ("dup_ack_run", "<u4"),
        ("padded_count", "<u4"),
        ("out_count", "<u4"),  # the capture says: sent by the capturing host
        ("in_count", "<u4"),
        ("known", "u1"),  # Known bits
        ("proven", "u1"),  # a State
        ("believed", "u1"),  # a State
        ("pending", "u1"),  # Pending bits: seen on the way to this end, receipt not proven
        ("holes", "u1"),  # gaps in use, at most 2 are kept
        ("zeek", "u1"),  # Zeek's endpoint state
        ("history_bits", "u1"),  # letters already used
        ("ttl_first", "u1"),  # TTL of its first segment other than RST
        ("first_ns", "<i8"),  # first and last segment this end sent
        ("first_frame", "<u8"),
        ("syn_ns", "<i8"),  # first SYN or SYN-ACK
        ("syn_frame", "<u8"),
        ("syn_last_ns", "<i8"),  # last repeat of it
        ("syn_last_frame", "<u8"),
        ("fin_ns", "<i8"),  # first FIN
        ("fin_frame", "<u8"),
        ("fin_acked_ns", "<i8"),  # first acknowledgment of it seen
        ("fin_acked_frame", "<u8"),
        ("rst_ns", "<i8"),  # first RST
        ("rst_frame", "<u8"),
        ("data_ns", "<i8"),  # first and last payload
        ("data_frame", "<u8"),
        ("edge_ns", "<i8"),  # first repeat of the segment at `edge_seq`
        ("edge_last_ns", "<i8"),
        ("zero_total_ns", "<i8"),  # time spent with a closed window, finished spells only
        ("hole_ns", "<i8"),  # when the newest gap in this end's sequence space appeared
        ("unseen_bytes", "<u8"),  # acknowledged by the peer but never captured
        ("fin_seq", "<u4"),  # sequence number just after the FIN
        ("syn_count", "<u4"),
        ("synack_count", "<u4"),
        ("rst_seq", "<u4"),  # first RST: its numbers
        ("rst_ack", "<u4"),
        ("rst_expected_seq", "<u4"),  # nxt of this end when the RST was sent
        ("rst_peer_ack", "<u4"),  # the peer's last acknowledgment number at that time
        ("after_rst_count", "<u4"),  # segments other than RST sent after its first RST
        ("syn_repeat_count", "<u4"),
        ("synack_repeat_count", "<u4"),
        ("fin_repeat_count", "<u4"),
        ("rto_count", "<u4"),
        ("fast_count", "<u4"),
        ("tlp_count", "<u4"),
        ("spurious_count", "<u4"),  # repeats of bytes already acknowledged at the tap
        ("dsack_count", "<u4"),  # D-SACKs the *peer* sent about this end's repeats (RFC 2883)
        ("out_of_order_count", "<u4"),
        ("duplicate_count", "<u4"),  # captured twice
        ("keepalive_count", "<u4"),
        ("probe_count", "<u4"),  # zero-window probes
        ("dup_ack_count", "<u4"),
        ("zero_window_count", "<u4"),
        ("window_full_count", "<u4"),
        ("gap_count", "<u4"),  # segments that begin beyond `nxt`
        ("edge_seq", "<u4"),  # left edge that is being repeated
        ("edge_bytes", "<u4"),  # length of what is being repeated
        ("stray_ack_count", "<u4"),  # ACKs that acknowledge what the peer's SYN never sent
        ("hole0_left", "<u4"),  # gaps not filled yet, [left, right)
        ("hole0_right", "<u4"),
        ("hole1_left", "<u4"),
        ("hole1_right", "<u4"),
        ("proof_seq", "<u4"),  # acknowledging this proves that this end has the acknowledgment of its FIN
        ("proof_ts", "<u4"),  # echoing this timestamp proves the same
        ("sack_high", "<u4"),  # highest byte of this end that the peer has SACKed
        ("partial_sum_count", "<u4"),  # segments whose checksum was left to the network card
        ("bad_sum_count", "<u4"),
        ("oversize_count", "<u4"),  # payload longer than the negotiated MSS
        ("history_t", "<u4"),
        ("history_w", "<u4"),
        ("history_g", "<u4"),
        ("syn_options", "<u2"),  # Option and Offer bits of its first SYN or SYN-ACK
        ("rst_window", "<u2"),
        ("rst_ip_id", "<u2"),
        ("rst_flags", "<u2"),
        ("rst_options", "<u2"),
        ("syn_window", "<u2"),
        ("syn_last_options", "<u2"),  # Option and Offer bits of the last one
        ("before_rst", "u1"),  # proven state before its first RST
        ("zeek_previous", "u1"),
        ("disproved_count", "u1"),  # how often this end repeated what a pending segment should have stopped
        ("rst_ttl", "u1"),
        ("rst_form", "u1"),  # 1..3: R1, R2, R3; R4 is a judgement, not a form
        ("syn_ttl", "u1"),
        ("ip_id", "<u2"),  # once it has sent a RST: last IP identification of a segment that is none
        ("rst_last_window", "<u2"),  # window field of its last RST
        ("syn_second_ns", "<i8"),  # first repeat of its SYN or SYN-ACK
        ("reopened_ns", "<i8"),  # when its closed window last opened again
        ("idle_ack_count", "<u4"),  # bare ACKs that repeat number and window, with nothing to acknowledge
        ("foreign_sack_count", "<u4"),  # SACK blocks of this end for bytes that its peer cannot have sent
        ("late_probe_count", "<u4"),  # probes of a window that is open again, before anything new was sent
        ("routed_count", "<u4"),  # of `duplicate_count`, those with another TTL: before and after a router
        ("turn_at_ns", "<i8"),  # when it spoke again after its longest wait
        ("turn_frame", "<u8"),
    ],
    align=True,
)

NOTE = np.dtype(
    [
        ("marks", "<u4"),  # Mark bits
        ("flow", "<i4"),  # index of the FLOW row; -1 for a row that belongs to none
        ("ordinal", "<u4"),  # segments of this flow before this one
        ("side", "u1"),  # who sent it (for an ICMP error: whose segment it quotes)
        ("anomaly", "u1"),  # n: Anomaly(-n)
        ("proven0", "u1"),  # State of both sides after this segment
        ("believed0", "u1"),
        ("proven1", "u1"),
        ("believed1", "u1"),
        ("unused", "<u2"),
    ],
    align=True,
)


class Mark(IntFlag):
    """What the tracker concluded about one segment."""

    SYN_REPEAT = 1 << 0
    SYNACK_REPEAT = 1 << 1
    FIN_REPEAT = 1 << 2
    RTO = 1 << 3  # retransmission after a timeout (RFC 6298)
    FAST = 1 << 4  # after duplicate ACKs or SACKs (RFC 5681 section 3.2, RFC 8985)
    TLP = 1 << 5  # tail loss probe (RFC 8985 section 7)
    SPURIOUS = 1 << 6  # the bytes had been acknowledged at the tap
    OUT_OF_ORDER = 1 << 7
    KEEPALIVE = 1 << 8
    KEEPALIVE_ACK = 1 << 9
    PROBE = 1 << 10  # zero-window probe
    PROBE_ACK = 1 << 11
    DUP_ACK = 1 << 12
    ZERO_WINDOW = 1 << 13
    WINDOW_FULL = 1 << 14
    WINDOW_UPDATE = 1 << 15
    DUPLICATE = 1 << 16  # the same packet captured again
    GAP = 1 << 17  # bytes before it were not captured
    ACKS_UNSEEN = 1 << 18  # acknowledges bytes that were not captured
    DSACK = 1 << 19
    NEW_FLOW = 1 << 20
    ANOMALY = 1 << 21
    RST_IGNORED = 1 << 22  # outside the window: RFC 5961 section 3.2 says the receiver ignores it
    STRAY_ACK = 1 << 23  # acknowledges something the peer never sent: a challenge ACK, an old connection
    STATE = 1 << 24  # moved a state
    FILL = 1 << 25  # a repeat whose original was not captured
    STRAY_RST = 1 << 26
    ICMP = 1 << 27


REPEATS = (
    Mark.SYN_REPEAT | Mark.SYNACK_REPEAT | Mark.FIN_REPEAT | Mark.RTO | Mark.FAST | Mark.TLP | Mark.SPURIOUS
)
"""Marks that make a segment a retransmission. Keepalives and window probes are none."""


class Fact(IntFlag):
    """Facts of a FLOW. Those that an IpFlag tells lie three bits above it: the loop takes both at once."""

    MIDSTREAM = 1 << 0  # the first segment was no SYN
    SYN = 1 << 1
    SYNACK = 1 << 2
    HANDSHAKE = 1 << 3  # SYN, SYN-ACK and third ACK were seen
    FRAGMENT = IpFlag.MF << 3  # some segment came as IP fragments, of which the capture's rows have the first
    FLIPPED = 1 << 5  # the first segment came from the server
    SHORT = IpFlag.SHORT << 3  # some packet was cut by the capture
    GRATUITOUS = 1 << 8  # both ends sent data before any SYN-ACK was seen
    SIMULTANEOUS_OPEN = 1 << 9
    REUSED = 1 << 10  # the ports had an earlier connection
    ODD_FLAGS = 1 << 11  # the first segment of an end has flags that no stack sends
    BROADCAST = 1 << 12  # its SYN came in a frame to every host of the link


class Offer(IntFlag):
    """What a SYN brings beside its options: bits of HALF.syn_options that no Option uses."""

    ECN = 1 << 9  # ECE set (RFC 3168 section 6.1.1)
    DATA = 1 << 10  # payload (RFC 7413)


class Pending(IntFlag):
    """Events on their way to an end: seen at the tap, not proven to have arrived.

    Belief is `proven` plus these, applied in the order of the bits.
    """

    SYN = 1 << 0
    SYNACK = 1 << 1
    ACK_OF_SYN = 1 << 2
    SEGMENT = 1 << 3
    ACK_OF_FIN = 1 << 4
    FIN = 1 << 5
    RST = 1 << 6
    HARD_ICMP = 1 << 7


class Known(IntFlag):
    """Which numbers of a HALF are set."""

    SEQ = 1 << 0  # iss and nxt
    SYN = 1 << 1  # iss comes from its SYN
    ACK = 1 << 2  # ack_last
    UNA = 1 << 3
    FIN_ACKED = 1 << 4
    PROOF_SEQ = 1 << 5
    PROOF_TS = 1 << 6
    WSCALE = 1 << 7  # both ends offered window scaling, or it is known that it is off
