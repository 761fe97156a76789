"""The tracker on ladders: where both ends stand, and what each segment was."""

from __future__ import annotations

import numpy as np
import pytest
from synsight.analysis.records import Fact, Mark, Offer
from synsight.analysis.states import State
from synsight.analysis.tracker import Tracker, history_text
from synsight.capture.segment import Option

from .ladder import parse_ladder

OPEN = """# A connection opens.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+0.020  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
+0.001  > .   1:1(0) ack 1 win 502
"""


def tracked(steps: str) -> Tracker:
    """A tracker that has been fed a ladder."""
    tracker = Tracker()
    tracker.feed(parse_ladder(steps).rows)
    return tracker


def states(tracker: Tracker, index: int = 0) -> list[tuple[str, str]]:
    """(proven, believed) of side 0 and side 1."""
    return [
        (State(int(half["proven"])).text, State(int(half["believed"])).text)
        for half in tracker.halves[2 * index : 2 * index + 2]
    ]


def marks(steps: str) -> list[Mark]:
    """Marks of each segment."""
    return [Mark(int(mark)) for mark in Tracker().feed(parse_ladder(steps).rows)["marks"]]


class TestHandshake:
    def test_the_third_ack_is_only_believed_to_arrive(self) -> None:
        assert states(tracked(OPEN)) == [("ESTABLISHED", "ESTABLISHED"), ("SYN-RECEIVED", "ESTABLISHED")]

    def test_the_servers_first_segment_proves_that_it_arrived(self) -> None:
        tracker = tracked(OPEN + "+0.1 < P. 1:11(10) ack 1 win 509")
        assert states(tracker)[1] == ("ESTABLISHED", "ESTABLISHED")

    def test_a_repeated_synack_disproves_it(self) -> None:
        tracker = tracked(OPEN + "+1.0 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>")
        assert states(tracker)[1] == ("SYN-RECEIVED", "SYN-RECEIVED")

    def test_an_unanswered_syn_leaves_a_listener_that_is_only_presumed(self) -> None:
        assert states(tracked("# SYN\n0 > S 0:0(0) win 1000")) == [
            ("SYN-SENT", "SYN-SENT"),
            ("UNKNOWN", "LISTEN"),
        ]

    def test_both_ends_open_at_once(self) -> None:
        tracker = tracked(
            """# Figure 7 of RFC 9293.
            0      > S  0:0(0) win 1000
            +0.001 < S  0:0(0) win 1000
            +0.010 > S. 0:0(0) ack 1 win 1000
            +0.001 < S. 0:0(0) ack 1 win 1000
            +0.010 > .  1:1(0) ack 1 win 1000
            +0.001 < .  1:1(0) ack 1 win 1000
            """
        )
        assert tracker.flows[0]["facts"] & Fact.SIMULTANEOUS_OPEN
        assert states(tracker) == [("ESTABLISHED", "ESTABLISHED")] * 2

    def test_a_challenge_ack_opens_nothing_and_its_rst_closes_nothing(self) -> None:
        tracker = tracked(
            """# The server still has an older connection on these ports.
            0      > S  0:0(0) win 1000
            +0.010 < .  7000:7000(0) ack -900 win 500
            +0.001 > R  -900:-900(0) win 0
            """
        )
        assert states(tracker)[0] == ("SYN-SENT", "SYN-SENT")
        assert tracker.flows[0]["marks"] & Mark.STRAY_ACK
        assert tracker.flows[0]["marks"] & Mark.STRAY_RST


class TestClose:
    CLOSE = OPEN + "+0.1 > F. 1:1(0) ack 1 win 502\n"

    def test_a_fin_towards_an_end_is_believed_until_it_is_acknowledged(self) -> None:
        assert states(tracked(self.CLOSE)) == [("FIN-WAIT-1", "FIN-WAIT-1"), ("SYN-RECEIVED", "CLOSE-WAIT")]

    def test_the_acknowledgment_proves_close_wait(self) -> None:
        tracker = tracked(self.CLOSE + "+0.02 < . 1:1(0) ack 2 win 502")
        assert states(tracker) == [("FIN-WAIT-1", "FIN-WAIT-2"), ("CLOSE-WAIT", "CLOSE-WAIT")]

    def test_acknowledging_the_fin_that_carried_it_proves_time_wait(self) -> None:
        tracker = tracked(self.CLOSE + "+0.02 < F. 1:1(0) ack 2 win 502\n+0.001 > . 2:2(0) ack 2 win 502")
        assert states(tracker) == [("TIME-WAIT", "TIME-WAIT"), ("LAST-ACK", "CLOSED")]

    def test_crossing_fins_meet_in_closing(self) -> None:
        tracker = tracked(self.CLOSE + "+0.001 < F. 1:1(0) ack 1 win 502\n+0.01 > . 2:2(0) ack 2 win 502")
        assert states(tracker)[0] == ("CLOSING", "CLOSING")

    def test_a_server_that_repeats_its_fin_is_still_in_last_ack(self) -> None:
        repeated = self.CLOSE + "+0.02 < F. 1:1(0) ack 2 win 502\n+0.001 > . 2:2(0) ack 2 win 502\n"
        tracker = tracked(repeated + "+0.4 < F. 1:1(0) ack 2 win 502")
        assert states(tracker)[1] == ("LAST-ACK", "LAST-ACK")

    def test_a_reset_outside_the_window_closes_nothing(self) -> None:
        tracker = tracked(OPEN + "+0.1 > P. 1:11(10) ack 1 win 502\n+0.01 < R 90000:90000(0) win 0")
        assert states(tracker)[0] == ("ESTABLISHED", "ESTABLISHED")
        assert tracker.flows[0]["marks"] & Mark.RST_IGNORED

    def test_an_end_that_goes_on_after_its_reset_never_sent_it(self) -> None:
        tracker = tracked(
            OPEN
            + """+0.1  < P.  1:11(10) ack 1 win 502
            +0.001 < R.  11:11(0) ack 1 win 502 ttl 61
            +0.020 < P.  11:21(10) ack 1 win 502
            """
        )
        assert states(tracker)[1] == ("ESTABLISHED", "ESTABLISHED")
        assert tracker.halves[1]["after_rst_count"] == 1


class TestPortReuse:
    def test_a_new_initial_sequence_number_is_another_connection(self) -> None:
        tracker = tracked(OPEN + "+1 > S 0:0(0) win 1000 seq+70000")
        assert tracker.count == 2
        assert tracker.flows[1]["previous"] == 1
        assert tracker.flows[1]["facts"] & Fact.REUSED

    def test_the_same_number_is_a_repeat(self) -> None:
        assert tracked("# Twice.\n0 > S 0:0(0) win 9\n+1 > S 0:0(0) win 9").count == 1


class TestRepeats:
    DATA = OPEN + "+0.01 > P. 1:101(100) ack 1 win 502\n"

    def test_the_last_segment_once_more_is_a_tail_loss_probe_then_a_timeout(self) -> None:
        found = marks(self.DATA + "+0.25 > P. 1:101(100) ack 1 win 502\n+0.3 > P. 1:101(100) ack 1 win 502")
        assert found[4] & Mark.TLP
        assert found[5] & Mark.RTO

    def test_after_three_duplicate_acks_it_is_fast(self) -> None:
        steps = self.DATA + "+0.001 > P. 101:201(100) ack 1 win 502\n+0.001 > P. 201:301(100) ack 1 win 502\n"
        steps += "+0.02 < . 1:1(0) ack 1 win 509\n" * 4
        assert marks(steps + "+0.001 > P. 1:101(100) ack 1 win 502")[-1] & Mark.FAST

    def test_what_was_acknowledged_before_is_spurious(self) -> None:
        steps = self.DATA + "+0.02 < . 1:1(0) ack 101 win 509\n+0.001 > P. 1:101(100) ack 1 win 502"
        assert marks(steps)[-1] & Mark.SPURIOUS

    def test_the_same_packet_twice_within_a_millisecond_is_the_captures_copy(self) -> None:
        steps = OPEN + "+0.01 > P. 1:101(100) ack 1 win 502 id 7\n+0.0005 > P. 1:101(100) ack 1 win 502 id 7"
        assert marks(steps)[-1] == Mark.DUPLICATE

    def test_a_gap_filled_at_once_by_an_older_packet_was_reordering(self) -> None:
        steps = (
            OPEN + "+0.01 > P. 101:201(100) ack 1 win 502 id 9\n+0.0005 > P. 1:101(100) ack 1 win 502 id 8"
        )
        assert marks(steps)[-1] & Mark.OUT_OF_ORDER

    def test_a_gap_filled_by_a_newer_packet_was_loss_before_the_tap(self) -> None:
        steps = OPEN + "+0.01 > P. 101:201(100) ack 1 win 502 id 9\n+0.01 > P. 1:101(100) ack 1 win 502 id 10"
        assert marks(steps)[-1] & Mark.FILL

    def test_a_keepalive_is_no_retransmission(self) -> None:
        steps = self.DATA + "+0.02 < . 1:1(0) ack 101 win 509\n+7 > . 100:100(0) ack 1 win 502\n"
        found = marks(steps + "+0.02 < . 1:1(0) ack 101 win 509")
        assert found[-2] == Mark.KEEPALIVE
        assert found[-1] == Mark.KEEPALIVE_ACK

    def test_against_a_shut_window_the_same_bytes_are_a_probe(self) -> None:
        steps = self.DATA + "+0.02 < . 1:1(0) ack 101 win 0\n+0.4 > . 100:100(0) ack 1 win 502"
        assert marks(steps)[-1] == Mark.PROBE


class TestOffers:
    TWICE = """# A SYN that asks for ECN, then one that does not.
        0 > SEW 0:0(0) win 1000 <mss 1460,TFO>
    +1.02 > S   0:0(0) win 1000 <mss 1460>
    """

    def test_what_the_first_and_the_last_syn_offer_is_kept(self) -> None:
        half = tracked(self.TWICE).halves[0]
        assert half["syn_options"] == Option.MSS | Option.TFO | Offer.ECN
        assert half["syn_last_options"] == Option.MSS

    def test_the_second_syn_has_its_own_time(self) -> None:
        half = tracked(self.TWICE + "+1.04 > S 0:0(0) win 1000").halves[0]
        assert half["syn_second_ns"] - half["syn_ns"] == 1_020_000_000
        assert half["syn_last_ns"] - half["syn_ns"] == 2_060_000_000

    def test_a_window_that_opens_again_is_dated(self) -> None:
        steps = TestRepeats.DATA + "+0.02 < . 1:1(0) ack 101 win 0\n+0.5 < . 1:1(0) ack 101 win 400"
        half = tracked(steps).halves[1]
        assert half["reopened_ns"] - half["first_ns"] == 531_000_000


class TestBareAcks:
    DATA = TestRepeats.DATA

    def test_one_that_says_nothing_new_is_counted(self) -> None:
        half = tracked(self.DATA + "+0.02 < . 1:1(0) ack 101 win 509\n" * 3).halves[1]
        assert half["idle_ack_count"] == 2

    def test_an_answer_to_a_keepalive_is_not(self) -> None:
        steps = self.DATA + "+0.02 < . 1:1(0) ack 101 win 509\n+7 > . 100:100(0) ack 1 win 502\n"
        assert tracked(steps + "+0.02 < . 1:1(0) ack 101 win 509").halves[1]["idle_ack_count"] == 0

    def test_a_sack_block_of_other_numbers_is_foreign(self) -> None:
        far = tracked(self.DATA + "+0.02 < . 1:1(0) ack 1 win 509 <sack 500000001:500000101>").halves[1]
        near = tracked(self.DATA + "+0.02 < . 1:1(0) ack 1 win 509 <sack 101:201>").halves[1]
        assert (far["foreign_sack_count"], near["foreign_sack_count"]) == (1, 0)


class TestZeek:
    @pytest.mark.parametrize(
        ("steps", "history"),
        [
            (OPEN, "ShA"),
            ("# Refused.\n0 > S 0:0(0) win 9\n+0.01 < R. 0:0(0) ack 1 win 0", "Sr"),
            ("# Begins with the answer.\n0 < S. 0:0(0) ack 1 win 9\n+0.1 > . 1:1(0) ack 1 win 9", "^hA"),
            (TestRepeats.DATA + "+0.25 > P. 1:101(100) ack 1 win 502", "ShADT"),
        ],
    )
    def test_history_letters(self, steps: str, history: str) -> None:
        assert history_text(tracked(steps).flows[0]) == history


class TestMemory:
    def test_half_open_connections_are_forgotten_oldest_first_and_counted(self) -> None:
        one = parse_ladder("# SYN\n0 > S 0:0(0) win 9").rows
        rows = np.repeat(one, 3000)
        rows["sport"] = np.arange(3000) + 1024
        rows["flow_hash"] = np.arange(3000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        rows["time_ns"] += np.arange(3000) * 1000
        tracker = Tracker(max_flows=1000)
        for start in range(0, 3000, 100):
            tracker.feed(np.ascontiguousarray(rows[start : start + 100]))
        assert tracker.count + tracker.evicted_count == 3000
        assert tracker.count <= 1200
        assert tracker.flows[tracker.count - 1]["first_frame"] == rows["frame"][-1]
        assert int(tracker.flows[0]["start_ns"]) > int(rows["time_ns"][0])
