"""Findings of the handshake, each told by ladders under fixtures/ladders/<code>/."""

from __future__ import annotations

from pathlib import Path

import pytest

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
)


@pytest.mark.parametrize("path", ladders(*CODES))
def test_ladder(path: Path) -> None:
    """What the ladder expects holds."""
    check(path)
