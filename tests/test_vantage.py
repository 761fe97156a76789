"""Where a capture was taken: every capture of the lab against its file name, each kind of evidence alone."""

from __future__ import annotations

from pathlib import Path

import dpkt
import numpy as np
import pytest
import synsight
from synsight.analysis.scene import vantage
from synsight.analysis.scene.neighbours import Collector
from synsight.analysis.study import Study
from synsight.capture.segment import SEGMENT, Checksum, Direction, IpFlag, Kind, address_halves

from tests import vantage_truth
from tests.capture.frames import enhanced, interface, section
from tests.crowd import another_host, crowd, in_order
from tests.ladder import parse_ladder

LAB = Path(__file__).parent.parent / "fixtures" / "lab"
CAPTURES = sorted(LAB.glob("*/*.pcap"))
ONE_SIDED = {
    "capture-ends-while-connecting/middle",
    "client-gives-up-while-syns-are-dropped/middle",
    "port-closed/server",
    "port-closed-ipv6/server",
    "ports-probed-with-odd-flags/server",
    "reset-by-server-host-firewall/server",
    "syn-dropped-by-server-host-ipv6/middle",
    "syn-dropped-by-server-host-ipv6/server",
    "syn-checksum-damaged-on-the-way-ipv6/middle",
    "syn-checksum-damaged-on-the-way-ipv6/server",
}
"""Only resets, or nothing at all, from the server: a router in front of it would leave the same bytes."""

PROXIED = {"syn-proxy-in-front/server", "syn-proxy-before-a-dead-server/server"}
"""The proxy is the server's neighbour and speaks in the client's name: no router lies between the ends."""

NEIGHBOURS = {"switch-takes-smaller-frames/client", "switch-takes-smaller-frames/server"}
"""Both ends are on one link, where ARP and TTLs are those of either place."""

OTHERWISE = dict.fromkeys(ONE_SIDED | PROXIED | NEIGHBOURS | {"one-direction-captured/middle"}, "unknown") | {
    "localhost-refuses-ipv6/client": "both"
}
"""What is said of captures that do not tell the place after which they are named."""

OPENING = """# A handshake with 20 ms between tap and server.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> {client}
+{far}  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> {server}
+{near} > .   1:1(0) ack 1 win 502 {client}
+0.001  > P.  1:101(100) ack 1 win 502 {client}
+{far}  < .   1:1(0) ack 101 win 502 {server}
"""


def opening(client: str = "", server: str = "", far: str = "0.020", near: str = "0.020") -> np.ndarray:
    """SEGMENT rows of one opened connection."""
    return parse_ladder(OPENING.format(client=client, server=server, far=far, near=near)).rows


def judged(*rows: np.ndarray) -> Study:
    """The study of some rows, judged."""
    study = Study()
    for part in rows:
        study.feed(part)
    study.judge()
    return study


def place(*rows: np.ndarray) -> tuple[str, str]:
    """(side, all votes) inferred from rows."""
    inferred = judged(*rows).scene.vantage
    return inferred.side, " | ".join(inferred.votes)


def arp(kind: Kind, sender: str, target: str, mac: int, at_ns: int) -> np.ndarray:
    """One ARP row."""
    row = np.zeros(1, SEGMENT)
    row["kind"], row["src_mac"], row["time_ns"], row["frame"] = kind, mac, at_ns, 1
    row["src_hi"], row["src_lo"] = address_halves(sender)
    row["dst_hi"], row["dst_lo"] = address_halves(target)
    return row


def swapped(rows: np.ndarray) -> np.ndarray:
    """The same connection, opened by the other end."""
    turned = rows.copy()
    for a, b in (("src_hi", "dst_hi"), ("src_lo", "dst_lo")):
        turned[a], turned[b] = rows[b], rows[a]
    turned["flow_hash"] += np.uint64(1)
    return turned


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_lab_capture_is_placed_where_it_was_taken(path: Path) -> None:
    found = vantage_truth.placed(path)
    if not found.connections_count:
        assert found.inferred == "unknown", "nothing votes"
        return
    assert found.inferred == OTHERWISE.get(f"{path.parent.name}/{path.stem}", path.stem)


def test_ttl_of_one_end_not_lowered_is_that_end() -> None:
    assert place(opening("ttl 64", "ttl 57", near="0.0001"))[0] == "client"
    assert place(opening("ttl 57", "ttl 64", far="0.0001"))[0] == "server"


def test_routers_on_both_sides_is_the_middle() -> None:
    assert place(opening("ttl 61", "ttl 60"))[0] == "middle"


def test_no_router_at_all_tells_no_side() -> None:
    side, votes = place(opening("ttl 64", "ttl 64", far="0.0002", near="0.0001"))
    assert side == "unknown"
    assert "TTLs tell no side" in votes


def test_bgp_between_neighbours_starts_at_one() -> None:
    assert place(opening("ttl 1", "ttl 1"))[1].startswith("neither end's TTL")


def test_answer_from_the_servers_host_after_no_time_at_the_client_is_a_contradiction() -> None:
    """The SYN-ACK has met no router and the SYN has, yet the way to the server is the long one."""
    side, votes = place(opening("ttl 60", "ttl 64", far="0.050", near="0.0001"))
    assert side == "unknown"
    assert "contradicts itself" in votes


def test_direction_names_the_capturing_host() -> None:
    rows = opening("ttl 60", "ttl 64")
    rows["direction"] = np.where(rows["sport"] == 80, Direction.OUT, Direction.IN)
    assert place(rows)[0] == "server"


def test_sending_on_packets_with_a_lowered_ttl_is_forwarding() -> None:
    rows = opening("ttl 63", "ttl 57")
    rows["direction"] = np.where(rows["sport"] == 80, Direction.IN, Direction.OUT)
    assert place(rows)[0] == "middle"


def test_partial_checksums_name_the_sender_against_weaker_votes() -> None:
    rows = opening("ttl 60", "ttl 64", far="0.050", near="0.0001")
    rows["checksum"] = np.where(rows["sport"] == 80, Checksum.OK, Checksum.PARTIAL)
    assert place(rows)[0] == "client"


def test_unpadded_frames_have_not_left_their_host() -> None:
    rows = np.concatenate([opening("ttl 64", "ttl 64", far="0.0002", near="0.0001")] * 3)
    rows["sport"][5:] += np.where(rows["sport"][5:] == 80, 0, 1).astype(np.uint16)
    rows["payload_bytes"] = 0
    rows["flags"][0:] = 16
    rows["seq"] = np.arange(len(rows))
    rows["ip_flags"] = np.where(rows["sport"] == 80, IpFlag.PADDED, 0)
    side, votes = place(rows)
    assert "are unpadded" in votes
    assert side == "client"


def test_an_end_that_asks_for_its_router_is_on_this_link() -> None:
    rows = opening("ttl 60", "ttl 64")[:1]
    question = arp(Kind.ARP_REQUEST, "10.0.0.2", "10.0.0.254", 0xB, int(rows["time_ns"][0]) + 10**9)
    assert place(rows, question)[0] == "server"
    assert place(rows)[0] == "unknown"


def test_who_asks_on_a_link_that_both_ends_share_tells_no_side() -> None:
    """Each hears what the other asks everybody; only the answer is for one."""
    rows = opening("ttl 64", "ttl 64", far="0.0002", near="0.0002")
    question = arp(Kind.ARP_REQUEST, "10.0.0.1", "10.0.0.2", 0xA, int(rows["time_ns"][0]) - 10**6)
    side, votes = place(rows, question)
    assert side == "unknown"
    assert "it tells no side" in votes


def test_who_asks_when_nothing_is_known_of_the_other_end_is_a_weak_hint() -> None:
    rows = opening()[:1]
    rows["ttl"] = 0
    question = arp(Kind.ARP_REQUEST, "10.0.0.1", "10.0.0.2", 0xA, int(rows["time_ns"][0]) - 10**6)
    found = place(rows, question)
    assert found[0] == "client"
    assert "(client +1)" in found[1]


def test_frames_carried_by_strangers_on_both_sides_is_the_middle() -> None:
    rows = opening("ttl 60", "ttl 64")[:1]
    rows["src_mac"], rows["dst_mac"] = 0xA, 0xB
    at_ns = int(rows["time_ns"][0])
    heard = [
        arp(Kind.ARP_REPLY, "10.0.9.1", "10.0.9.2", 0xA, at_ns),
        arp(Kind.ARP_REQUEST, "10.0.9.2", "10.0.9.1", 0xB, at_ns),
    ]
    assert place(rows, *heard)[0] == "middle"


def test_proxy_arp_does_not_put_an_address_on_the_link() -> None:
    rows = opening("ttl 60", "ttl 64")[:1]
    at_ns = int(rows["time_ns"][0])
    heard = [arp(Kind.ARP_REPLY, ip, "10.0.0.7", 0xB, at_ns) for ip in ("10.0.0.2", "10.0.0.254")]
    assert place(rows, *heard)[0] == "unknown"


def test_a_host_that_serves_and_calls_is_seen_from_both_roles() -> None:
    """10.0.0.2 is the server of one connection and the client of another; the capture was taken on it."""
    served = opening("ttl 57", "ttl 64", far="0.0001")
    called = swapped(opening("ttl 64", "ttl 57", near="0.0001"))
    called["dst_lo"][called["sport"] != 80] = address_halves("10.0.0.3")[1]
    called["src_lo"][called["sport"] == 80] = address_halves("10.0.0.3")[1]
    called["src_lo"][called["sport"] != 80] = address_halves("10.0.0.2")[1]
    called["dst_lo"][called["sport"] == 80] = address_halves("10.0.0.2")[1]
    scene = judged(served, called).scene
    assert scene.sides is not None
    assert scene.sides.tolist() == ["server", "client"]
    assert "is the server of 1 connections here and the client of 1" in scene.vantage.votes[-1]


def test_loopback_is_both_hosts() -> None:
    rows = opening("ttl 64", "ttl 64")
    for field in ("src", "dst"):
        rows[f"{field}_hi"], rows[f"{field}_lo"] = address_halves("127.0.0.1")
    assert place(rows)[0] == "both"


def silence(*rows: np.ndarray) -> list[tuple[str, int]]:
    """(address, questions) that nobody answered."""
    collector = Collector()
    for row in rows:
        collector.feed(row)
    return [(entry.ip, entry.count) for entry in collector.finish().unanswered]


def test_three_questions_a_second_apart_are_unanswered() -> None:
    asked = [arp(Kind.ARP_REQUEST, "10.0.2.1", "10.0.2.99", 1, second * 10**9) for second in (1, 2, 3)]
    assert silence(*asked) == [("10.0.2.99", 3)]
    assert silence(*asked[:2]) == []


def test_an_answer_in_time_settles_the_questions() -> None:
    asked = [arp(Kind.ARP_REQUEST, "10.0.2.1", "10.0.2.99", 1, second * 10**9) for second in (1, 2, 3)]
    assert silence(*asked, arp(Kind.ARP_REPLY, "10.0.2.99", "10.0.2.1", 2, 4 * 10**9)) == []
    assert silence(*asked, arp(Kind.ARP_REPLY, "10.0.2.99", "10.0.2.1", 2, 60 * 10**9)) == [("10.0.2.99", 3)]


def test_questions_a_minute_apart_are_refreshes_whose_answers_went_elsewhere() -> None:
    assert (
        silence(
            *[arp(Kind.ARP_REQUEST, "10.0.2.1", "10.0.2.5", 1, minute * 60 * 10**9) for minute in range(6)]
        )
        == []
    )


def test_conflict_probes_want_silence() -> None:
    probes = [arp(Kind.ARP_REQUEST, "0.0.0.0", "10.0.2.5", 1, second * 10**9) for second in (1, 2, 3)]
    own = [arp(Kind.ARP_REQUEST, "10.0.2.5", "10.0.2.5", 1, second * 10**9) for second in (4, 5, 6)]
    assert silence(*probes, *own) == []


def test_of_many_connections_a_sample_votes() -> None:
    text = OPENING.format(client="ttl 64", server="ttl 55", far="0.020", near="0.0001")
    votes = judged(in_order(crowd(text, vantage.VOTERS + 100))).scene.vantage.votes
    assert f"({vantage.VOTERS} handshakes)" in " ".join(votes)
    assert votes[-1] == "4,096 of 4,196 connections voted, spread over the whole capture"


def test_the_other_role_is_seen_even_where_the_sample_misses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine connections to a host and one from it: three voters may not show the one."""
    monkeypatch.setattr(vantage, "VOTERS", 3)
    served = OPENING.format(client="ttl 57", server="ttl 64", far="0.0001", near="0.020")
    called = OPENING.format(client="ttl 64", server="ttl 57", far="0.020", near="0.0001")
    rows = in_order(
        crowd(served, 9, client=another_host),
        crowd(called, 1, 1, lambda _: ("10.0.0.2", 5000), lambda _: ("10.9.9.9", 5432), 5, 100),
    )
    scene = judged(rows).scene
    assert scene.sides is not None
    assert scene.sides.tolist() == ["server"] * 9 + ["client"]


def test_packets_captured_before_and_after_a_router_are_the_middle() -> None:
    """V9: `-i any` on a router sees each packet come in and, with its TTL one lower, go out."""
    rows = opening("ttl 64", "ttl 64", far="0.0002", near="0.0002")
    again = rows.copy()
    again["ttl"] -= 1
    again["time_ns"] += 20_000
    side, votes = place(in_order(rows, again))
    assert side == "middle"
    assert "before and after they were forwarded" in votes


def test_packets_captured_twice_alike_tell_no_place() -> None:
    rows = opening("ttl 64", "ttl 64", far="0.0002", near="0.0002")
    again = rows.copy()
    again["time_ns"] += 20_000
    assert "forwarded" not in place(in_order(rows, again))[1]


def test_an_error_from_the_path_shows_which_end_is_away() -> None:
    """V11: what a router reports to the client never passes the server."""
    text = """# No way to the server, says a router.
         0  > S   0:0(0) win 64240 <mss 1460> ttl 60
    +0.001  icmp 3 1 from 10.0.9.1
    """
    side, votes = place(parse_ladder(text).rows)
    assert "1 ICMP error for the client came by from the path beyond: the server is not here" in votes
    assert side != "server"


def test_an_error_from_the_server_itself_shows_nothing() -> None:
    text = """# The server's firewall refuses.
         0  > S   0:0(0) win 64240 <mss 1460> ttl 60
    +0.001  icmp 3 3 from 10.0.0.2
    """
    assert "came by" not in place(parse_ladder(text).rows)[1]


def test_contradictions_name_the_proxy() -> None:
    side, votes = place(opening("ttl 57", "ttl 64", far="0.050", near="0.0001"))
    assert side == "unknown"
    assert "syn-proxy" in votes


def both_places() -> tuple[np.ndarray, list[int]]:
    """A capture from a client's host and one from another server's, read one after the other."""
    at_client = OPENING.format(client="ttl 64", server="ttl 57", far="0.020", near="0.0001")
    at_server = OPENING.format(client="ttl 57", server="ttl 64", far="0.0001", near="0.020")
    first = in_order(crowd(at_client, 10))
    second = in_order(
        crowd(at_server, 10, client=another_host, server=lambda _: ("10.0.5.5", 443), first=500)
    )
    second["frame"] += len(first)
    return np.concatenate((first, second)), [1, len(first) + 1]


def test_captures_of_different_places_each_say_their_own() -> None:
    rows, first_frames = both_places()
    study = Study()
    study.feed(rows)
    study.judge(first_frames=first_frames)
    assert [each.side for each in study.scene.vantages] == ["client", "server"]
    assert study.scene.sides is not None
    assert study.scene.sides.tolist() == ["client"] * 10 + ["server"] * 10


def test_pieces_of_one_capture_vote_together() -> None:
    rows = in_order(crowd(OPENING.format(client="ttl 64", server="ttl 57", far="0.020", near="0.0001"), 20))
    study = Study()
    study.feed(rows)
    study.judge(first_frames=[1, 51])
    assert study.scene.vantages == ()
    assert study.scene.vantage.side == "client"
    assert "(20 handshakes)" in " ".join(study.scene.vantage.votes)


def test_a_clock_that_ticks_in_milliseconds_divides_no_round_trip() -> None:
    """V3: nothing before the tap and 20 ms behind it, on a coarse clock."""
    coarse = opening(far="0.020", near="0.000")
    assert "handshake's round trip" not in place(coarse)[1]
    coarse["time_ns"][1] += 70_000
    assert "handshake's round trip" in place(coarse)[1]


DEAF = """# The client goes on long after a RST was seen on its way to it.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 60
+0.010  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> ttl 60
+0.010  > .   1:1(0) ack 1 win 502 ttl 60
+0.001  > P.  1:101(100) ack 1 win 502 ttl 60
+0.010  < R   1:1(0) win 0 ttl 60
+{wait}  > P.  1:101(100) ack 1 win 502 ttl 60
"""


@pytest.mark.parametrize(("wait", "heard"), [("3.000", False), ("0.005", True)])
def test_an_end_that_goes_on_after_a_reset_is_not_here(wait: str, heard: bool) -> None:
    """V11: on its own host it would have been taken."""
    assert ("(client -2)" in place(parse_ladder(DEAF.format(wait=wait)).rows)[1]) != heard


def two_interfaces() -> np.ndarray:
    """A host that serves on interface 0 and calls out on interface 1, and talks to itself on both."""
    at_server = OPENING.format(client="ttl 57", server="ttl 64", far="0.0001", near="0.020")
    at_client = OPENING.format(client="ttl 64", server="ttl 50", far="0.020", near="0.0001")
    serving = crowd(at_server, 10, client=another_host, server=lambda _: ("10.0.5.5", 443))
    calling = crowd(at_client, 4, client=lambda n: ("192.168.7.7", 40_000 + n), first=500)
    calling["interface"] = 1
    return np.concatenate((in_order(serving), in_order(calling)))


def test_interfaces_of_one_file_that_see_different_places_are_not_mixed() -> None:
    study = judged(two_interfaces())
    assert study.scene.sides is not None
    assert study.scene.sides.tolist() == ["server"] * 10 + ["client"] * 4
    (told,) = study.scene.vantages
    assert told.side == "server"
    assert told.votes[-2:] == (
        "10 connections on interface 0: server",
        "4 connections on interface 1: client",
    )


def test_interfaces_that_agree_vote_together() -> None:
    rows = in_order(crowd(OPENING.format(client="ttl 64", server="ttl 57", far="0.020", near="0.0001"), 20))
    rows["interface"][50:] = 1
    study = judged(rows)
    assert study.scene.vantages == ()
    assert "(20 handshakes)" in " ".join(study.scene.vantage.votes)


def test_what_a_host_says_to_itself_is_told_from_what_others_say_to_it() -> None:
    at_server = OPENING.format(client="ttl 57", server="ttl 64", far="0.0001", near="0.020")
    within = OPENING.format(client="ttl 64", server="ttl 64", far="0.0001", near="0.0001")
    local = crowd(
        within, 5, client=lambda n: ("127.0.0.1", 50_000 + n), server=lambda _: ("127.0.0.1", 6379), first=500
    )
    study = judged(np.concatenate((in_order(crowd(at_server, 10)), in_order(local))))
    assert study.scene.sides is not None
    assert study.scene.sides.tolist() == ["server"] * 10 + ["both"] * 5
    assert study.scene.vantages[0].votes[-1] == "5 connections within one host (loopback): both"


def test_two_interfaces_in_one_file_are_two_places(tmp_path: Path) -> None:
    """A client's capture and, of other connections, a server's, as one pcapng holds both."""
    blocks = []
    for number, place in enumerate(("client", "server")):
        scene = ("client-closes-first", "server-closes-first")[number]
        for at, frame in dpkt.pcap.UniversalReader((LAB / scene / f"{place}.pcap").open("rb")):
            blocks.append(enhanced(bytes(frame), round(at * 1e6), number))
    path = tmp_path / "x.pcapng"
    path.write_bytes(section() + interface() + interface() + b"".join(blocks))
    analysis = synsight.analyze(path, all_flows=True)
    (facts,) = analysis.captures
    assert facts.vantage.votes[-2:] == (
        "1 connection on interface 0: client",
        "1 connection on interface 1: server",
    )
