"""Findings of the handshake, each told by ladders under fixtures/ladders/<code>/."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synsight.analysis.study import Study

from tests.crowd import crowd, in_order
from tests.findings.runner import check, ladders

CODES = (
    "beside",
    "syn-unanswered",
    "handshake-truncated",
    "syn-lost-recovered",
    "port-closed",
    "reject-tcp-reset",
    "icmp-port-unreach",
    "icmp-admin-prohib",
    "icmp-host-unreach",
    "icmp-ttl-exceeded",
    "synack-unacked",
    "synack-ignored-by-client",
    "synack-wrong-ack",
    "half-open-challenge",
    "client-rst-after-synack",
    "third-ack-lost",
    "tcp-defer-accept",
    "accept-queue-syn-drop",
    "accept-queue-ack-drop",
    "port-reused-ok",
    "simultaneous-open",
    "accept-queue-rst",
    "half-open-rst-blocked",
    "paws-syn-drop",
    "syn-cookie-degraded",
    "syn-option-blackhole",
    "syn-proxy",
    "synack-from-other-ip",
    "tfo-data-ignored",
    "time-wait-challenge",
    "captive-or-transparent-proxy",
    "option-strip",
    "urgent-or-flag-abuse",
    "syn-wrong-checksum",
    "syn-to-broadcast-or-bogon",
)


@pytest.mark.parametrize("path", ladders(*CODES))
def test_ladder(path: Path) -> None:
    """What the ladder expects holds."""
    check(path)


SYNS = """# Four SYNs and silence.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+1.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+1.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+1.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
"""


def codes_of_syns_to(server: str, *others: np.ndarray, client: str = "10.0.0.1") -> list[str]:
    """What is found about SYNs to an address, beside other rows."""
    study = Study("client")
    rows = crowd(SYNS, 1, client=lambda _: (client, 40000), server=lambda _: (server, 80))
    study.feed(in_order(rows, *others))
    study.judge(end_ns=int(rows["time_ns"][0]) + 20 * 10**9)
    flow = next(flow for flow in study.conclude((), "test").flows if flow.server.ip == server)
    return [finding.code for finding in flow.findings]


@pytest.mark.parametrize(
    "server",
    [
        "224.0.0.5",
        "255.255.255.255",
        "0.0.0.0",
        "203.0.113.9",
        "240.1.2.3",
        "ff02::1",
        "2001:db8::7",
        "100::1",
    ],
)
def test_nobody_answers_at_a_group_or_at_nobodys_address(server: str) -> None:
    assert codes_of_syns_to(server) == ["syn-to-broadcast-or-bogon"]


@pytest.mark.parametrize(
    "server",
    ["223.255.255.255", "1.0.0.1", "203.0.114.1", "198.18.0.1", "100.64.0.1", "2001:db9::1", "101::1"],
)
def test_neighbouring_ranges_are_somebodys(server: str) -> None:
    assert codes_of_syns_to(server) == ["syn-unanswered"]


def test_an_example_address_that_speaks_was_written_into_the_capture() -> None:
    opened = SYNS.splitlines()[0] + "\n" + SYNS.splitlines()[1] + "\n+0.020  < S.  0:0(0) ack 1 win 65160\n"
    speaks = crowd(opened, 1, server=lambda _: ("198.51.100.1", 443), first=5)
    assert codes_of_syns_to("203.0.113.9", speaks) == ["syn-unanswered"]
    assert codes_of_syns_to("203.0.113.9", client="192.0.2.1") == ["syn-unanswered"]


def test_a_syn_to_its_own_sender_is_told() -> None:
    study = Study("client")
    study.feed(crowd(SYNS, 1, client=lambda _: ("10.0.0.7", 80), server=lambda _: ("10.0.0.7", 80)))
    study.judge(end_ns=1_700_000_020_000_000_000)
    (flow,) = study.conclude((), "test").flows
    assert "its own address and port" in flow.findings[0].summary
