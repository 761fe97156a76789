"""Errors found where nothing failed: healthy connections of the corpus and of the lab, whole and in part.

`python -m tests.false_accusations` prints every one and how many connections were asked. A connection of
the corpus is healthy when tshark saw all of its life (SYN, SYN-ACK, ACK, data, both FINs) and no RST, no
repeat and no gap. A part of a healthy capture (cut short, begun late, one direction only) is healthy, too:
what is missing, the capture misses.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import synsight
from synsight.analysis.piles import BY_CODE as PILES
from synsight.analysis.result import Analysis, Flow
from synsight.analysis.study import Study
from synsight.capture.segment import address_halves
from synsight.capture.source import Capture, CaptureError

from . import corpus, lab_truth

WHOLE_LIFE = 31
"""tshark's tcp.completeness: SYN 1, SYN-ACK 2, ACK 4, data 8, FIN 16, and no RST (32)."""

TROUBLES = (
    "rst",
    "retransmission",
    "fast_retransmission",
    "spurious_retransmission",
    "lost_segment",
    "ack_lost_segment",
    "out_of_order",
    "zero_window",
)
"""What tshark counts per direction and a healthy connection has none of."""

CUTS = 8
"""Lengths to which a healthy capture is cut, and places at which it is begun late, besides both ends."""

LARGEST = 500
"""Segments of the largest capture of which parts are asked."""

LINGER_NS = 120 * 10**9
"""A capture that misses some segments goes on for so long after the last one: every timer has run out."""


@dataclass
class Tally:
    """What was asked, and what was wrongly accused."""

    captures: int = 0
    connections: int = 0
    accusations: list[str] = field(default_factory=list)

    def ask(self, name: str, flows: Iterable[Flow]) -> None:
        """Count healthy connections, and note every error found in one."""
        for flow in flows:
            self.connections += 1
            for finding in flow.findings:
                if finding.severity == "error":
                    self.accusations.append(f"{name} {flow.id} {finding.code}: {finding.summary}")

    def ask_piles(self, name: str, analysis: Analysis) -> None:
        """Note every pile that is more than worth knowing, in a capture where nothing failed."""
        for incident in analysis.incidents:
            if incident.code in PILES and incident.severity != "info":
                self.accusations.append(f"{name} {incident.code}: {incident.summary}")


def healthy(row: dict[str, Any]) -> bool:
    """Whether tshark saw the whole connection, closed from both sides and without any trouble."""
    ways = (row["c2s"], row["s2c"])
    whole = row.get("completeness") == WHOLE_LIFE and row["client_by"] == "syn"
    return whole and all(way.get("fin") for way in ways) and not _troubled(ways)


def _troubled(ways: tuple[dict[str, Any], ...]) -> bool:
    return any(way.get(trouble) for way in ways for trouble in TROUBLES)


def streams() -> dict[str, list[dict[str, Any]]]:
    """tshark's rows by capture."""
    found = defaultdict(list)
    for row in corpus.rows("tshark_streams"):
        found[row["file"]].append(row)
    return dict(found)


def in_corpus() -> Tally:
    """Healthy connections of captures from elsewhere."""
    place, tally = corpus.folder(), Tally()
    assert place is not None
    for name, rows in streams().items():
        good = [row for row in rows if healthy(row)]
        if not good:
            continue
        tally.captures += 1
        flows = synsight.analyze(place / "captures" / name, all_flows=True).flows
        tally.ask(name, [flow for flow in flows if any(_is(flow, row) for row in good)])
    return tally


def _is(flow: Flow, row: dict[str, Any]) -> bool:
    ends = {(end.ip, end.port) for end in (flow.client, flow.server)}
    same = ends == {(row["client"], row["cport"]), (row["server"], row["sport"])}
    return same and row["first_frame"] <= flow.first_frame <= row["last_frame"]


def in_lab() -> Tally:
    """Captures of the lab in which nothing failed."""
    tally = Tally()
    for scenario in lab_truth.scenarios():
        for vantage in lab_truth.VANTAGES:
            taken = lab_truth.take(scenario, vantage)
            if taken is not None and taken.truth["healthy"]:
                tally.captures += 1
                tally.ask(f"{scenario} @{vantage}", taken.analysis.flows)
                tally.ask_piles(f"{scenario} @{vantage}", taken.analysis)
    return tally


def in_parts() -> Tally:
    """Healthy captures of the corpus, cut short, begun late, or of one direction only."""
    tally = Tally()
    for name, rows in streams().items():
        if not all(healthy(row) for row in rows):
            continue
        segments = _segments(name)
        if segments is None or not 0 < len(segments) <= LARGEST:
            continue
        tally.captures += 1
        for part, end_ns in _parts(segments, rows):
            study = Study(all_flows=True)
            study.feed(part)
            if study.judge(end_ns=end_ns):
                study.illustrate(part, np.zeros(0, np.uint8))
            frames = f"{name}, frames {part['frame'][0]} to {part['frame'][-1]}, {len(part)} in all:"
            told = study.conclude((), name)
            tally.ask(frames, told.flows)
            tally.ask_piles(frames, told)
    return tally


def _segments(name: str) -> np.ndarray | None:
    place = corpus.folder()
    assert place is not None
    try:
        with Capture([place / "captures" / name]) as capture:
            batches = [batch.segments.copy() for batch in capture.batches()]
    except CaptureError:
        return None
    return np.concatenate(batches) if batches else None


def _parts(segments: np.ndarray, rows: list[dict[str, Any]]) -> Iterator[tuple[np.ndarray, int | None]]:
    """Parts of a capture, and when the capture that holds them ended."""
    count = len(segments)
    later_ns = int(segments["time_ns"].max()) + LINGER_NS
    places = {*np.linspace(1, count - 1, CUTS, dtype=int).tolist(), *range(max(1, count - 4), count)}
    for place in sorted(places):
        if 0 < place < count:
            yield segments[:place], None
            yield segments[place:], later_ns
    asking = _sent_by(segments, {(row["client"], row["cport"]) for row in rows})
    for way in (asking, ~asking):
        if way.any():
            yield segments[way], later_ns


def _sent_by(segments: np.ndarray, ends: set[tuple[str, int]]) -> np.ndarray:
    mask = np.zeros(len(segments), bool)
    for address, port in ends:
        hi, lo = address_halves(address)
        mask |= (segments["src_hi"] == hi) & (segments["src_lo"] == lo) & (segments["sport"] == port)
    return mask


def main() -> int:
    """Print the false accusations and how many connections were asked; 1 when there are any."""
    asked = [("lab", in_lab())]
    if corpus.folder() is not None:
        asked += [("corpus", in_corpus()), ("parts of corpus captures", in_parts())]
    else:
        print("no corpus: set SYNSIGHT_CORPUS to its folder")
    for name, tally in asked:
        for line in tally.accusations:
            print(f"WRONG {line}")
        print(
            f"{name}: {len(tally.accusations)} false accusations in {tally.connections} healthy connections"
            f" of {tally.captures} captures"
        )
    return 1 if any(tally.accusations for _, tally in asked) else 0


if __name__ == "__main__":
    sys.exit(main())
