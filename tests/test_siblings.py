"""What the attempts at one port have in common, and how it moves the suspects of a silent SYN."""

from __future__ import annotations

import numpy as np
from synsight.analysis.result import Finding

from tests.crowd import crowd, in_order
from tests.piles.scripts import IGNORED, SERVED, analysed


def network(prefix: str) -> object:
    return lambda number: (f"{prefix}.{number % 200 + 1}", 40000 + number)


def silence(*rows: np.ndarray, until_s: float = 30) -> Finding:
    """The finding of the first connection that nothing answered, seen from a place that no vote tells."""
    for flow in analysed(in_order(*rows), until_s, "client").flows:
        for finding in flow.findings:
            if finding.code == "syn-unanswered":
                return finding
    raise AssertionError("no SYN is unanswered")


def said(finding: Finding) -> str:
    return " ".join(item.text for item in finding.evidence)


def weight(finding: Finding, side: str) -> float:
    return next((suspect.weight for suspect in finding.suspects if suspect.side == side), 0.0)


def test_silence_for_one_network_alone_is_an_access_list() -> None:
    found = silence(
        crowd(IGNORED, 5, 0.2, network("10.1.7")),
        crowd(SERVED, 5, 0.2, network("10.2.7"), first=100),
        crowd(SERVED, 5, 2, network("10.3.7"), first=200),
    )
    assert "no client in 10.1.7.0/29 is answered by this port, and all others are" in said(found)
    assert found.suspects[0].side == "server-network"
    assert weight(found, "server-network") > 0.4


def test_an_answered_client_of_that_network_clears_the_access_list() -> None:
    found = silence(
        crowd(IGNORED, 5, 0.2, network("10.1.7")),
        crowd(SERVED, 2, 2, network("10.1.7"), first=102),  # 10.1.7.103 and .104
        crowd(IGNORED, 1, 0.2, network("10.1.7"), first=110),
        crowd(SERVED, 5, 2, network("10.2.7"), first=100),
    )
    assert "access list?" not in said(found).replace("other clients: an access list?", "")


def test_some_source_ports_never_answered_while_others_open_is_a_broken_path() -> None:
    found = silence(crowd(IGNORED, 4, 1.0), crowd(SERVED, 12, 0.5, first=100))
    assert "4 of 16 source ports of this client get no answer however often they ask" in said(found)
    assert "ecmp-path-loss" in said(found)
    assert weight(found, "path") + weight(found, "server-network") > 0.6


def test_ports_that_were_silent_while_nobody_was_answered_are_no_pattern() -> None:
    found = silence(crowd(SERVED, 5, 0.1), crowd(IGNORED, 4, 1.0, start_s=5, first=50), until_s=60)
    assert "source ports" not in said(found)


def test_silence_for_everybody_since_some_moment_is_an_event_there() -> None:
    served = crowd(SERVED, 6, 0.1, network("10.1.7"))
    found = silence(served, crowd(IGNORED, 6, 0.1, network("10.2.7"), start_s=10, first=50), until_s=60)
    assert "the port answered, and from some moment on nobody: the last answer came 9.5 s before" in said(
        found
    )
    assert weight(found, "client-network") < 0.15
    assert found.suspects[0].side == "server-host"


def test_every_weight_that_others_moved_is_told() -> None:
    elsewhere = crowd(SERVED, 3, 0.1, server=lambda _: ("10.0.9.9", 443))
    found = silence(elsewhere, crowd(IGNORED, 1, first=50))
    assert "other connections: the same client gets answers from other connections" in said(found)


def port(number: int) -> object:
    return lambda _: ("10.0.0.2", number)


STILL_ALIVE = SERVED + "+15.0 > P. 101:201(100) ack 1001 win 502\n+0.010 < . 1001:1001(0) ack 201 win 502\n"


def test_nobody_new_on_any_port_while_an_old_connection_goes_on_is_a_full_table() -> None:
    refused = (
        crowd(IGNORED, 2, 0.1, start_s=5, first=50),
        crowd(IGNORED, 2, 0.1, server=port(443), start_s=5, first=60),
    )
    found = silence(crowd(STILL_ALIVE, 1), *refused)
    assert "2 ports answer nobody new while older connections to the host go on" in said(found)
    assert "conntrack-full-drop" in said(found)
    assert any("nf_conntrack_max" in command for command in found.next)
    served = crowd(SERVED, 1, server=port(22), start_s=7, first=70)
    assert "conntrack" not in said(silence(crowd(STILL_ALIVE, 1), *refused, served))
    one_port = silence(crowd(STILL_ALIVE, 1), refused[0])
    assert "conntrack" not in said(one_port)
