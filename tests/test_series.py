"""Counts over time and handshake times, and the rows that pictures are made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import synsight
from synsight.analysis.pictures.series import BOUNDS_US, MOST_BINS, MOST_LISTENERS, WIDTHS_NS, Bins
from synsight.analysis.pictures.trace import REPEAT_ROWS, SAMPLED_ROWS
from synsight.analysis.result import Analysis, Flow, Series
from synsight.analysis.study import Study

from .crowd import crowd, in_order
from .lab_truth import FIXTURES
from .ladder import parse_ladder
from .piles.scripts import NEVER_CLOSED, OPENED, SERVED
from .piles.scripts import analysed as judged

SECOND = 1_000_000_000


def analysed(name: str, **options: object) -> Analysis:
    return synsight.analyze(FIXTURES / name, **options)  # type: ignore[arg-type]


def series(name: str) -> Series:
    told = analysed(name).series
    assert told is not None
    return told


def study(text: str) -> Flow:
    """The flow of one ladder."""
    rows = parse_ladder(text).rows
    made = Study(all_flows=True)
    made.feed(rows)
    made.judge()
    made.illustrate(rows, np.zeros(0, np.uint8))
    return made.conclude((), "test").flows[0]


@pytest.mark.parametrize("span_ns", [0, 1, 999, 5 * SECOND, 3_600 * SECOND, 86_400 * 400 * SECOND])
@pytest.mark.parametrize("start_ns", [0, 1_795_308_011_921_751_001])
def test_bins_cover_the_capture_begin_at_round_times_and_are_few(start_ns: int, span_ns: int) -> None:
    bins = Bins.over(start_ns, start_ns + span_ns)
    assert bins.start_ns % bins.width_ns == 0
    assert bins.start_ns <= start_ns < bins.start_ns + bins.width_ns
    assert start_ns + span_ns < bins.start_ns + bins.count * bins.width_ns
    assert 1 <= bins.count <= MOST_BINS
    assert bins.of(np.array([start_ns - SECOND, start_ns, start_ns + span_ns])).tolist() == [
        0,
        0,
        bins.count - 1,
    ]


def test_bins_are_as_narrow_as_the_limit_lets_them() -> None:
    bins = Bins.over(0, 100 * SECOND)
    narrower = max(width for width in WIDTHS_NS if width < bins.width_ns)
    assert 100 * SECOND // narrower >= MOST_BINS


def test_every_connection_is_counted_once_by_when_it_began_and_how_it_ended() -> None:
    told = analysed("several-connections-to-two-ports/client.pcap", all_flows=True)
    assert told.series is not None
    assert {name: sum(counts) for name, counts in told.series.opened.items()} == told.totals.by_outcome
    assert all(len(counts) == told.series.bins_count for counts in told.series.opened.values())
    for flow in told.flows:
        place = (flow.start_ns - told.series.start_ns) // told.series.bin_ns
        assert told.series.opened[flow.outcome][place] >= 1


def test_handshake_times_are_those_of_the_flows() -> None:
    told = analysed("several-connections-to-two-ports/client.pcap", all_flows=True)
    assert told.series is not None
    for leg, field in (
        (told.series.handshakes.syn_to_synack, "syn_to_synack_us"),
        (told.series.handshakes.synack_to_ack, "synack_to_ack_us"),
    ):
        spans = [getattr(flow.handshake, field) for flow in told.flows]
        spans = sorted(span for span in spans if span is not None)
        assert leg.count == sum(leg.counts) == len(spans) > 2
        assert leg.max_us == spans[-1]
        assert leg.p50_us == spans[(len(spans) - 1) // 2]
        for span in spans:
            assert leg.counts[max(i for i, bound in enumerate(BOUNDS_US[:-1]) if bound <= max(span, 10))]


def test_handshake_that_never_happened_has_no_time() -> None:
    times = series("syn-dropped-by-server-host/client.pcap").handshakes
    assert times.syn_to_synack.count == 0
    assert times.syn_to_synack.p50_us is None


def test_connections_that_have_left_the_table_are_counted_as_left_out() -> None:
    text = (FIXTURES.parent / "ladders/syn-unanswered/four_syns_and_silence.ladder").read_text()
    made = Study()
    made.feed(parse_ladder(text).rows)
    made.departed.flows_count += 3
    made.judge()
    told = made.conclude((), "test")
    assert told.series is not None
    assert told.series.left_out_count == 3
    assert told.totals.flows_count == 4


def test_nothing_over_time_without_connections(tmp_path: Path) -> None:
    made = Study()
    made.judge()
    assert made.conclude((), "test").series is None


def test_incident_advises_what_its_worst_connection_does() -> None:
    told = analysed("syn-dropped-by-server-host/client.pcap")
    assert told.incidents[0].next == told.flows[0].findings[0].next != ()


def test_forged_reset_comes_from_where_it_was_sent() -> None:
    flow = analysed("reset-forged-to-client/client.pcap").flows[0]
    origins = {row.frame: row.origin for row in flow.ladder if "RST" in row.label}
    assert origins[6] == "server-network"
    assert origins[8] is None, "the client's own answer to data after it"


@pytest.mark.parametrize("name", ["server-aborts", "port-closed"])
def test_honest_reset_comes_from_its_sender(name: str) -> None:
    flow = analysed(f"{name}/client.pcap").flows[0]
    rows = [row for row in flow.ladder if "RST" in row.label]
    assert rows
    assert {row.origin for row in rows} == {None}


def test_icmp_error_comes_from_the_router_that_sent_it() -> None:
    flow = analysed("icmp-admin-prohibited-by-server-network/client.pcap").flows[0]
    row = next(row for row in flow.ladder if row.label.startswith("ICMP"))
    assert (row.origin, row.ttl) == ("server-network", 57)


def test_options_are_told_in_words_with_relative_sacks() -> None:
    flow = study(
        """# A hole, and a SACK beyond it.
         0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
    +0.010  < S.  0:0(0) ack 1 win 65160 <mss 1400,sackOK,wscale 7>
    +0.001  > .   1:1(0) ack 1 win 502
    +0.001  > P.  1001:2001(1000) ack 1 win 502
    +0.010  < .   1:1(0) ack 1 win 509 <sack 1001:2001>
        """
    )
    assert flow.ladder[0].options == "MSS 1460, window scale 7, SACK permitted"
    assert flow.ladder[-1].options == "SACK 1001-2001"


def test_trace_is_the_ladder_in_columns_with_scaled_windows() -> None:
    flow = analysed("path-cut-during-upload/client.pcap").flows[0]
    assert flow.trace is not None
    rows = [row for row in flow.ladder if row.frame is not None]
    columns = (flow.trace.frames, flow.trace.seq, flow.trace.payload_bytes, flow.trace.repeat)
    told = list(zip(*columns, strict=True))
    assert told == [(row.frame, row.seq, row.payload_bytes, row.repeat) for row in rows]
    assert list(flow.trace.window_bytes) == [row.window_bytes for row in rows]
    assert list(flow.trace.ack) == [row.ack for row in rows]
    assert flow.trace.left_out_count == 0


def test_connection_without_data_has_no_trace() -> None:
    assert analysed("syn-dropped-by-server-host/client.pcap").flows[0].trace is None


def test_trace_of_a_long_connection_is_sampled_and_says_so() -> None:
    steps = [
        "# A long upload.",
        "     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>",
        "+0.010  < S.  0:0(0) ack 1 win 65160 <mss 1400,sackOK,wscale 7>",
        "+0.001  > .   1:1(0) ack 1 win 502",
    ]
    for number in range(2_000):
        first = 1 + 1000 * number
        steps.append(f"+0.001  > P.  {first}:{first + 1000}(1000) ack 1 win 502")
        steps.append(f"+0.001  < .   1:1(0) ack {first + 1000} win 509")
    trace = study("\n".join(steps)).trace
    assert trace is not None
    assert SAMPLED_ROWS / 2 < len(trace.frames) <= SAMPLED_ROWS + REPEAT_ROWS
    assert trace.left_out_count == 4_003 - len(trace.frames)
    gaps = np.diff(trace.frames)
    assert gaps.max() == gaps.min()


def test_states_over_time_count_the_sockets_of_the_listeners_that_wait() -> None:
    analysis = judged(in_order(crowd(NEVER_CLOSED, 30, 1.0), crowd(OPENED, 2, first=900)), 120)
    server, client = sorted(analysis.series.states_over_time, key=lambda each: each.side, reverse=True)
    assert str(server.server) == "10.0.0.2:80"
    assert max(server.peak_counts["CLOSE-WAIT"]) == server.peak_counts["CLOSE-WAIT"][-1] == 30
    assert max(client.peak_counts["FIN-WAIT-2"]) == 30
    assert client.peak_counts["FIN-WAIT-2"][-1] == 0  # the clients' kernels gave up after a minute
    assert all(len(counts) == analysis.series.bins_count for counts in server.peak_counts.values())


def test_states_over_time_leave_out_small_listeners_and_bound_the_rest() -> None:
    elsewhere = [
        crowd(SERVED, 3, first=10 * port, server=lambda _, port=port: ("10.0.0.2", port))
        for port in range(20)
    ]
    analysis = judged(in_order(*elsewhere, crowd(SERVED, 2, first=900)), 20)
    told = {each.server.port for each in analysis.series.states_over_time}
    assert len(told) == MOST_LISTENERS
    assert 80 not in told
