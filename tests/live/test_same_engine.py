"""A capture replayed through an interface gives the findings of the file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dpkt
import pytest
import synsight
from synsight.live_run import LiveSession

from .replays import codes
from .wire import Wire, needs_root

LAB = Path(__file__).parent.parent.parent / "fixtures" / "lab"
REPLAYED = (
    "port-closed/client",
    "reset-by-server-network/middle",
    "server-closes-with-unread-data/server",
    "first-syn-lost/client",
    "several-connections-to-two-ports/middle",
    "syn-dropped-by-server-host-ipv6/server",
    "loss-up-recovered/server",
)

LATE_S = 0.02

pytestmark = [pytest.mark.lab, needs_root]


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire(1)
    yield made
    made.delete()


@pytest.mark.parametrize("name", REPLAYED)
def test_replayed_at_its_own_pace_it_gives_the_findings_of_the_file(wire: Wire, name: str) -> None:
    path = LAB / f"{name}.pcap"
    vantage = path.stem
    live, read = _on_time(wire, path, vantage), synsight.analyze(path, vantage=vantage)
    assert codes(live) == codes(read)
    assert live.totals.by_outcome == read.totals.by_outcome
    assert live.totals.retransmissions_count == read.totals.retransmissions_count
    assert {(each.code, each.suspects) for each in live.incidents} == {
        (each.code, each.suspects) for each in read.incidents
    }
    assert any(flow.ladder for flow in live.flows) == any(flow.ladder for flow in read.flows)


def _on_time(wire: Wire, path: Path, vantage: str) -> synsight.Analysis:
    """The analysis of a replay. Times are evidence: a replay that a busy machine delays is made again."""
    for _ in range(5):
        session = LiveSession("right", vantage=vantage)
        wire.namespace.call(session.start)
        late_s = _replayed(wire, path)
        live = session.stop()
        if late_s < LATE_S:
            return live
    raise AssertionError(f"this machine is too busy to replay a capture within {LATE_S} s of its times")


def _replayed(wire: Wire, path: Path) -> float:
    """Send the frames of a capture at their times; how late the latest was."""
    with open(path, "rb") as raw:
        frames = list(dpkt.pcap.Reader(raw))
    began, first, late_s = time.monotonic(), frames[0][0], 0.0
    for at_s, frame in frames:
        ahead_s = at_s - first - (time.monotonic() - began)
        time.sleep(max(0.0, ahead_s))
        wire.send([frame])
        late_s = max(late_s, time.monotonic() - began - (at_s - first))
    return late_s
