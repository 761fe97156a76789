"""Capture artefacts: each is told with its effect, and a clean capture tells none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import synsight
from synsight.analysis.result import CaptureFacts, Quality, Vantage
from synsight.analysis.study import Study
from synsight.capture.segment import Checksum, IpFlag, Kind

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
