"""Findings of the close phase, each told by ladders under fixtures/ladders/<code>/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.findings.runner import check, ladders

CODES = (
    "close-wait-stuck",
    "fin-unacked",
    "last-ack-stuck",
    "closing-stuck",
    "data-after-close",
    "fin-wait-2-orphan",
    "half-open-dead-peer",
    "time-wait-assassinated",
    "keepalive-reuse-race",
    "crash-close",
)


@pytest.mark.parametrize("path", ladders(*CODES))
def test_ladder(path: Path) -> None:
    """What the ladder expects holds."""
    check(path)


@pytest.mark.parametrize("code", CODES)
def test_rule_has_a_ladder_that_fires_and_one_that_must_not(code: str) -> None:
    """`findings` or `infos` name the code in some ladders of its folder and not in others."""
    texts = [parameter.values[0].read_text() for parameter in ladders(code)]
    fires = [any(f"{key} {code}" in text for key in ("findings", "infos")) for text in texts]
    assert any(fires)
    assert not all(fires)
