"""Capture artefacts: each is told with its effect, and a clean capture tells none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dpkt
import numpy as np
import pytest
import synsight
from synsight.analysis.result import CaptureFacts, Quality, Vantage
from synsight.analysis.sorting import put_in_order
from synsight.analysis.study import Study
from synsight.capture.segment import Checksum, IpFlag, Kind, address_halves

from tests.crowd import another_port, crowd, in_order
from tests.ladder import parse_ladder
from tests.test_vantage import LAB, arp

START_NS = 1_700_000_000_000_000_000

CLEAN = """# A connection from SYN to the last ACK.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+0.020  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
+0.001  > .   1:1(0) ack 1 win 502
+0.001  > P.  1:101(100) ack 1 win 502
+0.020  < .   1:1(0) ack 101 win 502
+0.010  < P.  1:201(200) ack 101 win 502
+0.001  > .   101:101(0) ack 201 win 502
+0.100  > F.  101:101(0) ack 201 win 502
+0.020  < F.  201:201(0) ack 102 win 502
+0.001  > .   102:102(0) ack 202 win 502
"""


def clean() -> np.ndarray:
    """SEGMENT rows of one clean connection."""
    return parse_ladder(CLEAN).rows


def looked(*rows: np.ndarray, end_s: float = 10, **facts: object) -> dict[str, Quality]:
    """Code -> Quality of a capture of some rows that ended after `end_s` seconds."""
    study = Study()
    for part in rows:
        study.feed(part)
    study.judge(end_ns=START_NS + round(end_s * 1e9))
    given: dict[str, object] = {"kernel_dropped_count": None, "error": None, **facts}
    capture = CaptureFacts("x", ("EN10MB",), 10, 10, {}, given["kernel_dropped_count"], None, None,
                           Vantage("unknown", 0.0, ()), error=given["error"])  # type: ignore[arg-type]  # fmt: skip
    return {quality.code: quality for quality in study.conclude((capture,), "test").captures[0].quality}


def test_a_clean_capture_has_no_artefact() -> None:
    assert looked(clean()) == {}


def test_every_artefact_says_its_effect() -> None:
    for path in sorted(LAB.glob("*/*.pcap")):
        for quality in synsight.analyze(path).captures[0].quality:
            assert quality.text, path
            assert quality.effect, path


def from_server(rows: np.ndarray) -> np.ndarray:
    return rows[rows["sport"] == 80]


def from_client(rows: np.ndarray) -> np.ndarray:
    return rows[rows["sport"] != 80]


@pytest.mark.parametrize("half", [from_server, from_client])
def test_one_direction_only(half: Callable[[np.ndarray], np.ndarray]) -> None:
    found = looked(half(clean()))
    assert "one-way-capture" in found
    assert "late-first-packet" not in found


def test_a_server_that_never_answers_is_no_one_way_capture() -> None:
    syns = np.concatenate([clean()[:1]] * 3)
    syns["time_ns"] += np.arange(3) * 1_000_000_000
    assert "one-way-capture" not in looked(syns)


def test_data_repeated_into_silence_is_no_one_way_capture() -> None:
    lost = np.concatenate([clean()[3:4]] * 5)
    lost["time_ns"] += np.array([0, 200, 600, 1400, 3000]) * 1_000_000
    lost["ip_id"] = np.arange(5) + 100
    assert "one-way-capture" not in looked(lost)


def test_only_syn_fin_and_rst() -> None:
    rows = clean()
    found = looked(rows[(rows["flags"] & 7) != 0])
    assert set(found) == {"filtered-capture"}


def test_syns_and_answers_that_nobody_acknowledged_may_be_a_failure() -> None:
    assert "filtered-capture" not in looked(clean()[:2])


def test_bytes_acknowledged_and_never_captured() -> None:
    rows = clean()
    assert "33.3%" in looked(np.delete(rows, 3))["capture-drop"].text


def test_drops_counted_by_the_kernel() -> None:
    assert "dropped 7 packets" in looked(clean(), kernel_dropped_count=7)["capture-drop"].text


def test_capture_that_breaks_off() -> None:
    assert looked(clean(), error="cut short at byte 90")["capture-truncated"].text == "cut short at byte 90"


def test_every_packet_twice() -> None:
    twice = np.repeat(clean(), 2)
    assert "10 of 20 segments" in looked(twice)["capture-duplicate"].text


def test_packets_cut_by_the_snap_length() -> None:
    rows = clean()
    rows["ip_flags"][3] |= IpFlag.SHORT
    assert "1 of 1 connection" in looked(rows)["snaplen-cut"].text


def test_checksums_left_to_the_card() -> None:
    rows = clean()
    rows["checksum"][rows["sport"] == 80] = Checksum.PARTIAL
    assert "4 of 10 checksums" in looked(rows)["csum-offload"].text


def test_segments_above_the_mss() -> None:
    """The answer comes from far, so the capture is the client's: its card has joined the segments."""
    rows = clean()
    big = np.concatenate([rows[5:6]] * 4)
    big["payload_bytes"] = 4000
    big["seq"] += np.arange(4, dtype=np.uint32) * 4000 + 200
    big["time_ns"] += np.arange(1, 5)
    found = looked(np.concatenate([rows[:7], big]))
    assert "4 of 11 segments" in found["gro-oversize"].text


def test_connections_open_before_the_capture() -> None:
    assert "1 of 1 connection" in looked(clean()[3:])["mid-stream-start"].text


def test_the_capture_began_between_syn_and_answer() -> None:
    found = looked(clean()[1:])
    assert "late-first-packet" in found
    assert "mid-stream-start" not in found


def test_what_has_waited_for_less_than_a_second_is_unfinished() -> None:
    assert "early-end" in looked(clean()[:4], end_s=0.5)
    assert "early-end" not in looked(clean()[:4], end_s=5)
    assert "early-end" not in looked(clean(), end_s=0.2)


def test_what_has_been_repeated_has_waited_long_enough() -> None:
    rows = clean()[[0, 0, 0]]
    rows["frame"] = [1, 2, 3]
    rows["time_ns"] += np.array([0, 1, 3]) * 10**9
    assert "early-end" not in looked(rows, end_s=3.5)


def test_time_that_goes_back() -> None:
    rows = clean()
    rows["time_ns"][5:] -= 3_600_000_000_000
    found = looked(rows)
    assert "goes back by 3600 s at frame 6" in found["clock-step"].text


def test_packets_of_several_queues() -> None:
    rows = clean()
    rows["time_ns"][4] -= 19_500_000
    rows["time_ns"][3] += 1_000_000
    assert set(looked(rows)) == {"multiqueue-reorder"}


def test_address_that_nobody_answers_for() -> None:
    asked = [arp(Kind.ARP_REQUEST, "10.0.2.1", "10.0.2.99", 1, START_NS + n * 10**9) for n in range(3)]
    found = looked(clean(), *asked)["arp-no-reply"]
    assert "10.0.2.1 asked for 10.0.2.99 3 times in 2.0 s" in found.text
    assert "EHOSTUNREACH" in found.effect


def test_many_silent_addresses_are_told_together() -> None:
    asked = [
        arp(Kind.ARP_REQUEST, "10.0.2.1", f"10.0.2.{host}", 1, START_NS + n * 10**9)
        for host in range(10, 30)
        for n in range(3)
    ]
    assert "asked for 20 addresses" in looked(clean(), *asked)["arp-no-reply"].text


def test_absent_host_of_the_lab_is_told_of_the_capture() -> None:
    analysis = synsight.analyze(LAB / "host-absent-behind-live-router" / "server.pcap")
    (quality,) = [entry for entry in analysis.captures[0].quality if entry.code == "arp-no-reply"]
    assert "10.0.2.1 asked for 10.0.2.99 5 times in 4.1 s" in quality.text


def test_syn_to_a_silent_address_blames_the_last_link() -> None:
    syns = np.concatenate([clean()[:1]] * 3)
    syns["time_ns"] += np.arange(3) * 1_000_000_000
    asked = [arp(Kind.ARP_REQUEST, "10.0.0.254", "10.0.0.2", 1, START_NS + n * 10**9) for n in range(3)]
    study = Study()
    for part in (syns, *asked):
        study.feed(part)
    study.judge(end_ns=START_NS + 10 * 10**9)
    (finding,) = study.conclude((), "test").flows[0].findings
    assert finding.code == "arp-no-reply"
    assert {suspect.side for suspect in finding.suspects} == {"server-host", "server-network"}


def test_answers_of_one_pair_of_hosts_are_unseen() -> None:
    """One server's answers take another way; the other server's do not."""
    seen = clean()
    unseen = from_client(clean()).copy()
    unseen["dst_lo"] += np.uint64(7)
    unseen["flow_hash"] += np.uint64(2)
    found = looked(seen, unseen)
    assert "of 1 of 2 connections" in found["one-way-capture"].text


def test_lab_captures_tell_no_loss_of_the_capture() -> None:
    """All but those that lost packets on purpose."""
    told = {
        quality.code
        for path in sorted(Path(LAB).glob("*/*.pcap"))
        if path.parent.name != "capture-loses-packets"
        for quality in synsight.analyze(path).captures[0].quality
    }
    assert not told & {
        "capture-drop",
        "clock-step",
        "multiqueue-reorder",
        "filtered-capture",
        "capture-truncated",
    }


def test_two_link_addresses_that_claim_one_address_in_turn() -> None:
    spoken = [
        arp(Kind.ARP_REPLY, "10.0.0.2", "10.0.0.1", mac, START_NS + n * 10**9)
        for n, mac in enumerate((5, 6, 5))
    ]
    text = looked(clean(), *spoken)["arp-conflict"].text
    assert "10.0.0.2 is claimed in turn by 00:00:00:00:00:05 and 00:00:00:00:00:06" in text


def test_an_address_that_moves_once_and_stays_is_no_conflict() -> None:
    spoken = [
        arp(Kind.ARP_REPLY, "10.0.0.2", "10.0.0.1", mac, START_NS + n * 10**9)
        for n, mac in enumerate((5, 6, 6))
    ]
    assert "arp-conflict" not in looked(clean(), *spoken)


def test_routers_that_share_an_address_are_no_conflict() -> None:
    virtual = 0x00005E000101  # VRRP
    spoken = [
        arp(Kind.ARP_REPLY, "10.0.0.2", "10.0.0.1", mac, START_NS + n * 10**9)
        for n, mac in enumerate((5, virtual, 5))
    ]
    assert "arp-conflict" not in looked(clean(), *spoken)


def test_many_times_in_whole_milliseconds_are_a_coarse_clock() -> None:
    rows = np.concatenate([clean()] * 6)
    rows["time_ns"] = START_NS + np.arange(len(rows)) * 4_000_000
    assert "multiples of 4 ms" in looked(rows)["coarse-ts"].text
    rows["time_ns"][7] += 1000
    assert "coarse-ts" not in looked(rows)


def test_a_connection_that_is_open_at_the_end() -> None:
    assert looked(clean()[:7])["no-close-seen"].text.startswith("1 of 1 connection were open")
    assert "no-close-seen" not in looked(clean())


def test_a_fin_just_before_the_end_leaves_the_connection_unfinished() -> None:
    study = Study(all_flows=True)
    study.feed(clean()[:8])
    study.judge(end_ns=START_NS + 1_000_000_000)
    assert study.conclude((), "test").flows[0].outcome == "open"
    later = Study(all_flows=True)
    later.feed(clean()[:8])
    later.judge(end_ns=START_NS + 60_000_000_000)
    assert later.conclude((), "test").flows[0].outcome == "stuck"


STAMPED = """# Both ends send timestamps of a millisecond each.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,TS 1000 0,wscale 7>
+0.020  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS 7000 1000,wscale 7>
+0.001  > .   1:1(0) ack 1 win 502 <TS 1021 7000>
+{jump}  > P.  1:101(100) ack 1 win 502 <TS {client} 7000>
+0.020  < .   1:1(0) ack 101 win 502 <TS {server} {client}>
"""


def stamped(jump_s: float, client: int, server: int) -> np.ndarray:
    """SEGMENT rows of a connection that goes on after a pause, and what both clocks say then."""
    return parse_ladder(STAMPED.format(jump=jump_s, client=client, server=server)).rows


def test_a_clock_set_ahead_is_told_by_the_clocks_of_the_hosts() -> None:
    found = looked(stamped(7200, 1040, 7060), end_s=7210)
    assert "time jumps ahead by 7200 s at frame 4" in found["clock-step"].text


@pytest.mark.parametrize(
    ("why", "client", "server"),
    [
        ("two hours of silence", 7_201_040, 7_207_060),
        ("as slow a clock as there may be", 8_200, 14_200),
        ("a client that slept", 1040, 7_207_060),
        ("a server that slept", 7_201_040, 7060),
    ],
)
def test_a_long_silence_is_no_step_of_the_clock(why: str, client: int, server: int) -> None:
    assert "clock-step" not in looked(stamped(7200, client, server), end_s=7210), why


def test_a_jump_between_two_feedings_is_seen() -> None:
    rows = stamped(7200, 1040, 7060)
    for cut in range(1, len(rows)):
        assert "clock-step" in looked(rows[:cut], rows[cut:], end_s=7210), cut


def unanswered_syn(at_s: float) -> np.ndarray:
    """SEGMENT rows of two SYNs, 50 ms before the capture ends."""
    rows = np.concatenate([from_client(clean())[:1]] * 2)
    rows["time_ns"] += np.array([at_s * 1e9, at_s * 1e9 + 50_000_000], np.int64)
    rows["sport"], rows["flow_hash"] = 4444, 99
    return rows


def accused(*rows: np.ndarray, end_s: float) -> set[str]:
    """The codes of all findings."""
    study = Study()
    for frame, part in enumerate(rows):
        part = part.copy()
        part["frame"] += 100 * frame
        study.feed(part)
    study.judge(end_ns=START_NS + round(end_s * 1e9))
    return {finding.code for finding in study.conclude((), "test").findings}


def test_nobody_has_waited_while_the_clock_was_set() -> None:
    calm, set_ahead = stamped(0.01, 1040, 7060), stamped(7200, 1040, 7060)
    assert accused(unanswered_syn(0), calm, end_s=7205) == {"syn-unanswered"}
    waiting = np.concatenate((unanswered_syn(0)[:1], set_ahead))
    waiting["frame"] = np.arange(1, len(waiting) + 1)
    assert "syn-unanswered" not in accused(waiting, end_s=7200.1)
    assert "syn-unanswered" in accused(waiting, end_s=7230)


def test_after_a_step_back_nobody_has_waited_since_before_it() -> None:
    early, late = unanswered_syn(0), stamped(0.01, 1040, 7060)
    late["time_ns"] += 3600 * 10**9
    assert accused(late, early, end_s=3600.1) == set()
    answered_later = stamped(0.01, 1040, 7060)
    answered_later["time_ns"] += 30 * 10**9
    answered_later["sport"][answered_later["sport"] != 80] = 5555
    answered_later["dport"][answered_later["dport"] != 80] = 5555
    answered_later["flow_hash"] = 12345
    assert accused(late, early, answered_later, end_s=3600.1) == {"syn-unanswered"}


def test_connections_that_begin_with_the_same_numbers_again_were_replayed() -> None:
    again = crowd(CLEAN, 4, gap_s=2, client=another_port)
    assert looked(in_order(again), end_s=20)["replayed-traffic"].text.startswith(
        "3 of 4 connections begin with both"
    )


@pytest.mark.parametrize("change", ["server_numbers", "translated", "few"])
def test_what_only_looks_like_a_replay(change: str) -> None:
    """A scanner that always sends one number, both sides of an address translator, and one chance."""
    count, gap_s = (2, 2.0) if change == "few" else (4, 0.0001 if change == "translated" else 2.0)
    rows = in_order(crowd(CLEAN, count, gap_s=gap_s, client=another_port))
    if change == "server_numbers":
        theirs = rows["sport"] == 80
        rows["seq"][theirs] += rows["dport"][theirs]
        rows["ack"][~theirs & (rows["ack"] > 0)] += rows["sport"][~theirs & (rows["ack"] > 0)]
    assert "replayed-traffic" not in looked(rows, end_s=20)


def with_impossible_headers(path: Path, many: int) -> Path:
    """A copy of a capture with more segments, so many of them with a header of 4 bytes."""
    records = list(dpkt.pcap.Reader((LAB / "syn-dropped-by-server-host" / "client.pcap").open("rb")))
    frames = [bytes(frame) for _, frame in records]
    whole = next(frame for frame in frames if len(frame) > 60)
    broken = bytearray(whole)
    broken[14 + (whole[14] & 15) * 4 + 12] = 0x10
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for number, frame in enumerate([*frames, *[bytes(broken)] * many]):
            writer.writepkt(frame, 1_700_000_000 + number / 100)
    return path


def test_impossible_headers_veto_every_verdict(tmp_path: Path) -> None:
    analysis = synsight.analyze(with_impossible_headers(tmp_path / "x.pcap", 20), all_flows=True)
    (facts,) = analysis.captures
    assert facts.error is not None
    assert "20 of " in facts.error
    assert facts.quality[0].code == "headers-rewritten"
    assert "capture-truncated" not in {quality.code for quality in facts.quality}
    assert not analysis.findings
    assert not analysis.incidents
    assert analysis.headline.startswith("Nothing can be said about these connections: 20 of")


def test_a_few_impossible_headers_silence_nobody(tmp_path: Path) -> None:
    analysis = synsight.analyze(with_impossible_headers(tmp_path / "x.pcap", 9))
    (facts,) = analysis.captures
    assert facts.error is None
    assert facts.skipped["malformed-tcp"] == 9
    assert analysis.findings


def shuffled(path: Path, source: Path) -> Path:
    """A copy of a capture into which one queue delivers the server's packets a millisecond late."""
    records = list(dpkt.pcap.UniversalReader(source.open("rb")))
    server = bytes(records[0][1])[30:34]

    def delivered(record: tuple[float, bytes]) -> float:
        return record[0] + (0.001 if bytes(record[1])[26:30] == server else 0)

    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for at, frame in sorted(records, key=delivered):
            writer.writepkt(bytes(frame), at)
    return path


@pytest.mark.parametrize("name", ["large-download", "server-never-closes", "server-speaks-first"])
def test_packets_that_queues_have_shuffled_are_judged_as_they_were_sent(tmp_path: Path, name: str) -> None:
    source = LAB / name / "client.pcap"
    before = synsight.analyze(source, all_flows=True)
    after = synsight.analyze(shuffled(tmp_path / "x.pcap", source), all_flows=True)
    assert "multiqueue-reorder" in {quality.code for quality in after.captures[0].quality}
    assert after.totals.retransmissions_count == before.totals.retransmissions_count
    assert [finding.code for finding in after.findings] == [finding.code for finding in before.findings]
    ladders = [[row.label for row in flow.ladder] for flow in after.flows]
    assert ladders == [[row.label for row in flow.ladder] for flow in before.flows]


def test_packets_on_either_side_of_a_step_stay_there() -> None:
    rows = clean()
    rows["time_ns"][5:] -= 3600 * 10**9
    there = rows["frame"].copy()
    put_in_order(rows)
    assert rows["frame"].tolist() == there.tolist()


def late_server(rows: np.ndarray) -> np.ndarray:
    """The rows as two cards capture them of which the server's stamps everything 0.3 ms late."""
    rows["time_ns"][rows["sport"] == 80] += 300_000
    return in_order(rows)


def test_two_cards_with_two_clocks_are_put_in_order() -> None:
    quick = CLEAN.replace("0.001", "0.0001")
    rows = late_server(crowd(quick, 3, gap_s=1))
    assert (np.diff(rows["time_ns"]) >= 0).all()
    study = Study()
    study.feed(rows)
    study.judge()
    assert study.conclude((), "test").totals.retransmissions_count == 0
    assert looked(late_server(crowd(quick, 3, gap_s=1)))["multiqueue-reorder"].text.startswith(
        "12 of the first"
    )


def test_a_refusal_before_its_syn_follows_it() -> None:
    rows = parse_ladder("""# The port is closed.
         0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
    +0.0001  < R.  -5000000:-5000000(0) ack 1 win 0 ttl 64 id 0
    """).rows
    rows["time_ns"][0] += 200_000
    rows = np.take(rows, [1, 0])
    put_in_order(rows)
    assert rows["flags"].tolist() == [0x02, 0x14]


def doubled(rows: np.ndarray, **second: int) -> np.ndarray:
    """Each row twice within 10 us; `second` are fields in which the second copy differs."""
    copy = rows.copy()
    copy["time_ns"] += 10_000
    for name, value in second.items():
        copy[name] = value
    both = np.empty(2 * len(rows), rows.dtype)
    both[0::2], both[1::2] = rows, copy
    both["frame"] = np.arange(1, len(both) + 1)
    return both


@pytest.mark.parametrize(
    ("why", "second"),
    [("sent and received on lo", {}), ("in a tunnel and out of it", {"tunnel_depth": 1, "interface": 1})],
)
def test_what_is_captured_twice_is_judged_once(why: str, second: dict[str, int]) -> None:
    local = crowd(
        CLEAN, 3, client=lambda n: ("127.0.0.1", 50_000 + n), server=lambda _: ("127.0.0.1", 6379), gap_s=1
    )
    rows = doubled(in_order(local), **second)
    assert "were captured twice" in looked(rows)["capture-duplicate"].text, why
    study = Study(all_flows=True)
    study.feed(rows)
    study.judge()
    analysis = study.conclude((), "test")
    assert study.scene.vantage.side == "both"
    assert analysis.totals.retransmissions_count == 0
    assert [flow.client_payload_bytes for flow in analysis.flows] == [100] * 3
    assert not analysis.findings


def advice(icmp_type: int, frames: int, gateway: str = "10.0.0.253") -> np.ndarray:
    """That many rows in which the router 10.0.0.254 advises 10.0.0.1 about its packets to 10.0.9.9."""
    rows = clean()[:1].repeat(frames)
    rows["kind"], rows["icmp_type"] = Kind.ADVICE, icmp_type
    for which, ip in (("via", "10.0.0.254"), ("src", "10.0.0.1"), ("dst", "10.0.9.9")):
        rows[f"{which}_hi"], rows[f"{which}_lo"] = address_halves(ip)
    rows["seq"] = address_halves(gateway)[1] & 0xFFFFFFFF if gateway else 0
    rows["frame"] = np.arange(20, 20 + frames)
    return rows


def test_a_redirect_is_told_with_the_better_gateway() -> None:
    text = looked(clean(), advice(5, 1))["icmp-redirect"].text
    assert text.startswith("10.0.0.254 redirected 10.0.0.1: 10.0.9.9 is reached better through 10.0.0.253")
    assert "another router" in looked(clean(), advice(137, 1, ""))["icmp-redirect"].text


def test_a_source_quench_is_told_once_however_often_it_comes() -> None:
    found = looked(clean(), advice(4, 3))
    assert "(3 times, frames 20 to 22)" in found["icmp-source-quench-legacy"].text
    assert "icmp-redirect" not in found


def test_a_source_quench_is_no_answer_to_a_syn() -> None:
    """It says nothing about the SYN: whether that is answered is another question."""
    study = Study("client")
    study.feed(np.concatenate((clean()[:1], advice(4, 1))))
    study.judge(end_ns=START_NS + 10 * 10**9)
    (flow,) = study.conclude((), "test").flows
    assert [finding.code for finding in flow.findings] == ["syn-unanswered"]


def test_later_fragments_are_not_bytes_that_the_capture_missed() -> None:
    for place in ("client", "middle"):
        analysis = synsight.analyze(LAB / "fragments-that-arrive" / f"{place}.pcap")
        assert "capture-drop" not in {quality.code for quality in analysis.captures[0].quality}, place
