"""Each rule about many connections: what makes it speak, and what it must not take for that."""

from __future__ import annotations

import re

import numpy as np
from synsight.analysis.result import Incident

from tests.crowd import another_host, crowd, in_order
from tests.piles.scripts import (
    ASKED,
    CLIENT_CLOSES,
    FIN_REPEATED,
    FLOODED,
    IGNORED,
    LAST_ACK,
    NEVER_CLOSED,
    OPENED,
    REFUSED,
    SERVED,
    SERVER_CLOSES,
    SYN,
    TURNED_AWAY,
    WANTED,
    analysed,
    codes,
    incident,
)


def test_four_thousand_sockets_in_close_wait_are_told_first_and_in_plain_words() -> None:
    analysis = analysed(in_order(crowd(NEVER_CLOSED, 4000, 0.01)), 200)
    assert codes(analysis) == ["close-wait-pile"]
    assert analysis.headline.startswith(
        "4,000 sockets of 10.0.0.2:80 stand in CLOSE-WAIT: their peers closed, its kernel acknowledged, "
        "and its program never closed its side. One more every 10 ms, at most 4,000 at once"
    )
    pile = analysis.incidents[0]
    assert pile.severity == "error"
    assert [(suspect.side, suspect.weight) for suspect in pile.suspects] == [("server-app", 1.0)]
    assert "close-wait" in pile.next[0]


def test_the_pile_counts_what_stood_there_at_once() -> None:
    """Twenty never close; forty others close a second after their clients, two at a time."""
    slow = NEVER_CLOSED + "+1.000 < F. 1001:1001(0) ack 102 win 502\n+0.020 > . 102:102(0) ack 1002 win 502\n"
    rows = in_order(crowd(NEVER_CLOSED, 20, 0.01), crowd(slow, 40, 0.5, start_s=5, first=100))
    pile = incident(analysed(rows, 100), "close-wait-pile")
    assert pile is not None
    assert (pile.flows_count, pile.peak.count) == (20, 22)


def test_connections_closed_by_both_make_no_pile() -> None:
    rows = in_order(crowd(CLIENT_CLOSES, 3000, 0.02), crowd(SERVER_CLOSES, 3000, 0.02, first=5000))
    assert codes(analysed(rows, 100)) == []


def test_nine_forgotten_closes_stay_findings() -> None:
    assert codes(analysed(in_order(crowd(NEVER_CLOSED, 9)), 100)) == ["close-wait-stuck"]


def test_sockets_that_only_just_entered_close_wait_are_no_pile() -> None:
    assert codes(analysed(in_order(crowd(NEVER_CLOSED, 100, 0.01)), 2)) == []


def test_last_acks_that_pile_up() -> None:
    analysis = analysed(in_order(crowd(LAST_ACK, 30, client=another_host)), 20)
    assert codes(analysis) == ["last-ack-pile"]
    assert "wait in LAST-ACK" in analysis.headline
    assert "30 peers" in analysis.headline
    assert incident(analysis, "last-ack-pile").peak.count == 30


def test_three_last_acks_are_no_pile() -> None:
    assert codes(analysed(in_order(crowd(LAST_ACK, 3)), 20)) == ["last-ack-stuck"]


def test_fins_without_answer_pile_up() -> None:
    analysis = analysed(in_order(crowd(FIN_REPEATED, 30, client=another_host)), 20)
    assert codes(analysis) == ["fin-wait-pile"]
    assert incident(analysis, "fin-wait-pile").peak.state == "FIN-WAIT-1"


def test_three_fins_without_answer_are_no_pile() -> None:
    assert codes(analysed(in_order(crowd(FIN_REPEATED, 3, client=another_host)), 20)) == ["fin-unacked"]


def flood(client: object = another_host) -> Incident | None:
    rows = in_order(crowd(CLIENT_CLOSES, 20, 0.1), crowd(FLOODED, 2000, 0.001, client, start_s=3, first=9000))
    return incident(analysed(rows, 10), "syn-flood")


def test_syns_that_nobody_completes_are_a_flood() -> None:
    found = flood()
    assert found is not None
    assert found.severity == "warning"  # nobody was hurt
    assert "2,000 SYNs from 2,000 sources" in found.summary
    assert "up to 1,000 in one second" in found.summary
    assert found.suspects[0].side == "client-host"
    assert found.peak.state == "SYN-RECEIVED"


def test_the_flood_tells_its_connections_and_no_rule_repeats_it() -> None:
    rows = in_order(crowd(SERVED, 1), crowd(FLOODED, 2000, 0.001, another_host, first=100))
    assert codes(analysed(rows, 10)) == ["syn-flood"]


def test_a_capture_of_handshake_flags_alone_shows_no_flood() -> None:
    """`tcp[tcpflags] & tcp-syn != 0` leaves the same packets of a busy server in good health."""
    assert codes(analysed(in_order(crowd(FLOODED, 2000, 0.001, another_host)), 10)) == []


def test_clients_that_repeat_their_syn_are_no_flood() -> None:
    rows = in_order(crowd(WANTED, 2000, 0.001, another_host))
    assert codes(analysed(rows, 20)) == ["syn-recv-pile"]


def test_a_crowd_that_is_served_is_no_flood() -> None:
    assert codes(analysed(in_order(crowd(CLIENT_CLOSES, 5000, 0.0005, another_host)), 20)) == []


def test_silence_of_the_server_leaves_the_flood_in_doubt() -> None:
    found = incident(analysed(in_order(crowd(SYN, 500, 0.001, another_host)), 10), "syn-flood")
    assert found is not None
    assert found.confidence < 0.7
    assert {suspect.side for suspect in found.suspects} == {"client-host", "server-network", "server-host"}


def test_half_open_connections_whose_clients_ask_again_pile_up() -> None:
    analysis = analysed(in_order(crowd(WANTED, 40, 0.01, another_host)), 20, "server")
    pile = incident(analysis, "syn-recv-pile")
    assert pile.peak.count == 40
    assert pile.suspects[0].side in ("client-network", "client-host", "path", "server-network")


def test_half_open_connections_end_with_their_timer() -> None:
    """A SYN-ACK that is not repeated is given up, or was a cookie: it does not count for ever."""
    rows = in_order(crowd(SERVED, 1), crowd(FLOODED, 1000, 0.005, another_host, first=100))
    analysis = analysed(rows, 60)
    assert incident(analysis, "syn-flood").peak.count in (200, 201)  # 200 a second, 1 s each


def mute(count: int) -> np.ndarray:
    """Open connections whose program says nothing."""
    return crowd(ASKED, count, 0.01, another_host, first=100)


def test_syns_dropped_by_a_full_queue_burst() -> None:
    rows = in_order(mute(5), crowd(IGNORED, 8, 0.1, another_host, start_s=1, first=500))
    analysis = analysed(rows, 20, "server")
    found = incident(analysis, "accept-overflow-burst")
    assert found.suspects[0].side == "server-app"
    assert found.flows_count == 8


def test_two_dropped_syns_are_no_burst() -> None:
    rows = in_order(mute(5), crowd(IGNORED, 2, 0.1, another_host, start_s=1, first=500))
    assert "accept-overflow-burst" not in codes(analysed(rows, 20, "server"))


def test_refusals_between_answers_are_a_restart() -> None:
    rows = in_order(
        crowd(CLIENT_CLOSES, 10, 0.1, another_host),
        crowd(REFUSED, 30, 0.1, another_host, start_s=2, first=100),
        crowd(CLIENT_CLOSES, 10, 0.1, another_host, start_s=6, first=200),
    )
    analysis = analysed(rows, 20)
    found = incident(analysis, "listen-restart-gap")
    assert found is not None
    assert codes(analysis) == ["listen-restart-gap"]
    assert "for at most 5.1 s, from 901 ms into the capture" in found.summary
    assert found.suspects[0].side == "server-app"


def test_refusals_to_the_end_are_a_closed_port() -> None:
    rows = in_order(
        crowd(CLIENT_CLOSES, 10, 0.1), crowd(REFUSED, 30, 0.13, another_host, start_s=2, first=100)
    )
    assert "listen-restart-gap" not in codes(analysed(rows, 20))


def churn(seconds: float, gap_s: float, script: str = CLIENT_CLOSES) -> list[str]:
    rows = in_order(crowd(script, int(seconds / gap_s), gap_s))
    return codes(analysed(rows, seconds + 1))


def test_closing_first_at_a_high_rate_wears_out_the_ports() -> None:
    analysis = analysed(in_order(crowd(CLIENT_CLOSES, 25_000, 0.0016)), 41)
    assert codes(analysis) == ["time-wait-churn"]
    found = analysis.incidents[0]
    assert found.peak.count == 25_000
    assert found.errno.client == "EADDRNOTAVAIL"
    assert found.suspects[0].side == "client-app"


def test_a_short_capture_extrapolates_the_rate() -> None:
    assert churn(6, 0.002) == ["time-wait-churn"]
    assert churn(3, 0.002) == []


def on_ports(ports: list[int]) -> list[str]:
    rows = crowd(CLIENT_CLOSES, len(ports), 0.05, lambda number: ("10.0.0.1", ports[number]))
    return codes(analysed(in_order(rows), 10))


def test_a_small_range_of_ports_that_is_full_is_worn_out() -> None:
    """Linux takes every other port first, from a random one on, then those between."""
    assert on_ports([*range(42020, 42060, 2), *range(42000, 42020, 2), *range(42001, 42060, 2)]) == [
        "time-wait-churn"
    ]


def test_ports_given_out_in_order_are_not_worn_out() -> None:
    assert on_ports(list(range(42000, 42060))) == []
    assert on_ports([*range(42030, 42060), *range(42000, 42030)]) == []


def test_time_wait_on_the_server_is_no_error() -> None:
    assert churn(6, 0.002, SERVER_CLOSES) == []


def test_a_moderate_rate_wears_out_nothing() -> None:
    assert churn(20, 0.01) == []


def rounds(ports: int, step: int = 1) -> np.ndarray:
    """Connections that take the ports of a pool in turn, twice, within seconds."""
    again = CLIENT_CLOSES.replace("win 64240", "seq+9000000 win 64240", 1)
    port = lambda number: ("10.0.0.1", 30_000 + number % 1000 * step)  # noqa: E731
    first = crowd(CLIENT_CLOSES, ports, 0.01, port)
    second = crowd(again, ports, 0.01, port, start_s=ports * 0.01 + 1)
    for part in (second,):
        part["seq"][part["dport"] == 80] += 9_000_000
        part["ack"][(part["sport"] == 80)] += 9_000_000
        part["seq"][part["sport"] == 80] += 7_000_000
        part["ack"][(part["dport"] == 80) & (part["ack"] > 0)] += 7_000_000
    return in_order(first, second)


def test_a_pool_of_ports_that_goes_round_is_used_up() -> None:
    found = incident(analysed(rounds(100), 10), "port-exhaustion")
    assert found is not None
    assert "every port from 30000 to 30099" in found.summary
    assert found.errno.client == "EADDRNOTAVAIL"


def test_ports_spread_over_a_wide_range_are_not_used_up() -> None:
    assert incident(analysed(rounds(100, 7), 10), "port-exhaustion") is None


def test_many_ports_of_one_host_are_scanned() -> None:
    rows = in_order(
        crowd(REFUSED, 200, 0.01, server=lambda number: ("10.0.0.2", 1 + number)),
        crowd(SYN, 20, 0.01, server=lambda number: ("10.0.0.2", 1 + number), first=500),
    )
    analysis = analysed(rows, 20)
    found = incident(analysis, "port-scan")
    assert codes(analysis) == ["port-scan"]
    assert found.severity == "info"
    assert (found.server.ip, found.server.port) == ("10.0.0.2", 0)
    assert "10.0.0.1 scans 220 ports of 10.0.0.2: 0 open, 200 refused, 20 silent" in found.summary


def test_one_port_of_many_hosts_is_scanned() -> None:
    rows = in_order(crowd(REFUSED, 100, 0.01, server=lambda number: (f"10.0.1.{number}", 22)))
    found = incident(analysed(rows, 20), "port-scan")
    assert "port 22 of 100 hosts" in found.summary


def test_a_client_of_many_services_does_not_scan() -> None:
    rows = in_order(crowd(SERVED, 100, 0.01, server=lambda number: ("10.0.0.2", 1 + number)))
    assert incident(analysed(rows, 5), "port-scan") is None


def test_checks_of_many_backends_again_and_again_are_no_scan() -> None:
    rows = in_order(
        *(
            crowd(
                OPENED,
                40,
                0.01,
                server=lambda number: (f"10.0.1.{number % 40}", 80),
                start_s=turn * 5,
                first=turn * 40,
            )
            for turn in range(5)
        )
    )
    assert incident(analysed(rows, 30), "port-scan") is None


def test_waves_of_the_same_clients_are_a_storm() -> None:
    waves = [
        crowd(
            REFUSED,
            10,
            0.01,
            lambda number: (f"10.1.0.{number % 10}", 40000 + number),
            start_s=5 * wave,
            first=10 * wave,
        )
        for wave in range(4)
    ]
    found = incident(analysed(in_order(*waves), 30), "retry-storm")
    assert found is not None
    assert "10 clients ask 10.0.0.2:80 again and again in step: 4 waves, one every 5 s" in found.summary


def test_retries_out_of_step_are_no_storm() -> None:
    rows = in_order(crowd(REFUSED, 40, 0.4, lambda number: (f"10.1.0.{number % 10}", 40000 + number)))
    assert incident(analysed(rows, 30), "retry-storm") is None


def checks(*scripts: str, gap_s: float = 5.0) -> Incident | None:
    rows = in_order(
        *(
            crowd(script, 4, gap_s, start_s=20 * place, first=4 * place)
            for place, script in enumerate(scripts)
        )
    )
    return incident(analysed(rows, 20 * len(scripts) + 5), "lb-healthcheck-fail")


def test_regular_connections_that_begin_to_fail_are_health_checks() -> None:
    found = checks(CLIENT_CLOSES, REFUSED)
    assert found is not None
    assert (
        "every 5 s 10.0.0.1 asks 10.0.0.2:80, as a health check does, and fails since 20 s" in found.summary
    )
    assert "the 4 before it passed" in found.summary
    assert found.suspects[0].side == "server-app"


def test_regular_connections_that_succeed_are_no_incident() -> None:
    assert checks(CLIENT_CLOSES, CLIENT_CLOSES) is None
    assert checks(REFUSED, CLIENT_CLOSES) is None


def test_refusals_at_uneven_times_are_no_health_checks() -> None:
    begun_s = (0, 1, 6, 8, 17, 20, 27, 29)
    rows = in_order(*(crowd(REFUSED, 1, start_s=at_s, first=place) for place, at_s in enumerate(begun_s)))
    assert incident(analysed(rows, 40), "lb-healthcheck-fail") is None


def test_a_full_house_turns_the_next_away() -> None:
    rows = in_order(
        crowd(SERVED, 10, 0.1, another_host),
        crowd(TURNED_AWAY, 8, 0.1, another_host, start_s=3, first=100),
    )
    found = incident(analysed(rows, 20), "max-connections")
    assert found is not None
    assert (
        "10.0.0.2:80 holds at most 10 connections: 8 more connections opened and were closed at once"
        in found.summary
    )
    assert found.suspects[0].side == "server-app"


def test_short_questions_beside_a_pool_are_served() -> None:
    """Health checks beside connections that stay: they ask and are answered."""
    asked = SERVED.replace("1:1001(1000)", "1:41(40)").replace("ack 1001", "ack 41")
    brief = asked + "+0.001 < F. 41:41(0) ack 101 win 502\n+0.020 > F. 101:101(0) ack 42 win 502 ttl 57\n"
    pool = crowd(SERVED, 10, 0.1, another_host)
    rows = in_order(pool, crowd(brief, 8, 0.1, another_host, start_s=3, first=100))
    assert incident(analysed(rows, 20), "max-connections") is None


def test_short_connections_beside_others_are_not_turned_away() -> None:
    rows = in_order(crowd(SERVED, 10, 0.5, another_host), crowd(TURNED_AWAY, 8, 0.5, another_host, first=100))
    assert incident(analysed(rows, 20), "max-connections") is None


def test_connections_left_behind_one_after_the_other_pile_up() -> None:
    found = incident(analysed(in_order(crowd(SERVED, 12, 30)), 500), "fake-established-pile")
    assert found is not None
    assert (found.flows_count, found.peak.count) == (11, 12)  # the newest may be in use
    assert found.severity == "warning"
    soon = incident(analysed(in_order(crowd(SERVED, 12, 1)), 12), "fake-established-pile")
    assert soon.confidence < found.confidence  # so short a silence may end


def test_a_pool_of_idle_connections_is_no_pile() -> None:
    busy = SERVED + "+400 > P. 101:201(100) ack 1001 win 502\n+0.010 < . 1001:1001(0) ack 201 win 502\n"
    rows = in_order(crowd(busy, 12, 30))
    assert incident(analysed(rows, 900), "fake-established-pile") is None


LOST_ONCE = IGNORED + "+0.001  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> ttl 64\n"
"""The SYN that the server answers is the last of several."""


def test_source_ports_that_never_get_through_while_others_do_are_one_broken_way() -> None:
    rows = in_order(crowd(IGNORED, 4, 1.0), crowd(SERVED, 12, 0.5, first=100))
    analysis = analysed(rows, 30, "client")
    found = incident(analysis, "ecmp-path-loss")
    assert found is not None
    assert found.summary.startswith("4 of 16 source ports of 10.0.0.1 get no answer from 10.0.0.2:80")
    assert (found.severity, found.flows_count, found.confidence) == ("error", 4, 0.7)
    assert "syn-unanswered" not in codes(analysis)
    assert "for p in 1024 1025 1026; do nc" in found.next[0]


def test_a_path_that_loses_many_syns_is_no_broken_way() -> None:
    """Some connections lose all three of their SYNs, as many get through with the third."""
    rows = in_order(
        crowd(IGNORED, 4, 1.0), crowd(LOST_ONCE, 5, 1.0, first=50), crowd(SERVED, 3, 1.2, first=100)
    )
    assert incident(analysed(rows, 30, "client"), "ecmp-path-loss") is None


def further_away(ladder: str) -> str:
    """The same conversation with a server two routers further away."""
    return re.sub(r"(< .*?)( ttl 64)?$", r"\1 ttl 62", ladder, flags=re.MULTILINE)


def test_a_ttl_that_changes_once_and_stays_is_another_way() -> None:
    further = further_away(CLIENT_CLOSES)
    rows = in_order(crowd(CLIENT_CLOSES, 4, 1), crowd(further, 4, 1, start_s=10, first=50))
    found = incident(analysed(rows, 30), "route-change")
    assert found is not None
    assert (found.severity, found.suspects, found.flows_count) == ("info", (), 4)
    assert (
        "packets of 10.0.0.2 arrive with TTL 62 instead of 64: their way is 2 routers longer" in found.summary
    )


def test_ttls_that_alternate_are_several_hosts_or_ways() -> None:
    further = further_away(CLIENT_CLOSES)
    rows = in_order(
        crowd(CLIENT_CLOSES, 4, 1),
        crowd(further, 4, 1, start_s=10, first=50),
        crowd(CLIENT_CLOSES, 4, 1, start_s=20, first=80),
    )
    assert incident(analysed(rows, 40), "route-change") is None


def test_another_starting_value_is_another_host() -> None:
    windows = further_away(CLIENT_CLOSES).replace("ttl 62", "ttl 126")
    rows = in_order(crowd(CLIENT_CLOSES, 4, 1), crowd(windows, 4, 1, start_s=10, first=50))
    assert incident(analysed(rows, 30), "route-change") is None
