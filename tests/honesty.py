"""Leave-one-out honesty: a part of a capture accuses nobody more confidently than the whole supports.

`python -m tests.honesty [SCENARIO...]` (some minutes) cuts every lab capture after every packet, then takes
every single packet out, and prints each dishonest accusation. What dishonest means, for one connection, and
for what only many show together (a pile) at one server:

* An *accusation* of a side is the weight that a finding gives it times the confidence of the finding, the
  largest of all its errors and warnings. Up to `HEDGE` it names nobody: whoever says so leaves as much to
  others, and may.
* A cut is **overconfident** when it accuses a side beyond `HEDGE` and beyond what the whole capture accuses
  it of, by more than `SLACK`: later packets have taken back what it said.
* A cut is **hasty** when it tells an error of a connection of which the whole tells none: what it calls
  failed went on. A connection that was refused does not: that the program got through to another address,
  so that the whole tells it as no error, takes nothing back of what was said of this one.
* With one packet taken out (as by a capture that lost it) the rest may know less, and say so; it is
  **overconfident** against a side that the truth calls innocent, and **hasty** in a capture that the truth
  calls healthy, by the same measures.

A capture that is cut ends with its last packet: no silence after it is known of.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from synsight.analysis.piles import BY_CODE
from synsight.analysis.result import Analysis, Finding, Incident
from synsight.analysis.study import Study
from synsight.capture.source import Capture

from .lab_truth import FIXTURES, VANTAGES, scenarios, take

HEDGE, SLACK = 0.5, 0.02


@dataclass(frozen=True, order=True)
class Dishonesty:
    """One part of one capture that says too much."""

    scenario: str
    vantage: str
    kind: str
    """`overconfident` or `hasty`; after a packet was taken out with `-without` behind it."""
    code: str
    frame: int
    """The last frame of the cut, or the one taken out."""
    text: str


@dataclass(frozen=True)
class Accused:
    """What is said of one connection, or of a server's piles."""

    sides: dict[str, tuple[float, str]]
    """Weight times confidence, and the code of the finding that gives it."""
    errors: tuple[str, ...]
    """Codes."""
    refused: bool = False
    """Whether the connection was refused, whatever is found about that."""


@dataclass(frozen=True)
class Exhibit:
    """One capture, and what its whole says."""

    scenario: str
    vantage: str
    segments: np.ndarray
    whole: dict[str, Accused]
    guilty: frozenset[str]
    """By the truth: the dropper and who had a part in it."""
    healthy: bool

    @property
    def places(self) -> range:
        """Numbers of rows after which it is cut, and whose row is taken out."""
        return range(1, len(self.segments) + 1)


@cache
def exhibit(scenario: str, vantage: str) -> Exhibit | None:
    """A lab capture; None when it holds no packet."""
    taken = take(scenario, vantage)
    assert taken is not None
    with Capture([FIXTURES / scenario / f"{vantage}.pcap"]) as capture:
        batches = [batch.segments.copy() for batch in capture.batches()]
    if not sum(map(len, batches)):
        return None
    segments = np.concatenate(batches)
    guilty = frozenset({taken.dropper, *taken.truth["fault"]["also"]})
    return Exhibit(scenario, vantage, segments, accused(taken.analysis), guilty, bool(taken.truth["healthy"]))


def accused(analysis: Analysis) -> dict[str, Accused]:
    """By connection, and by server for its piles; those of which nothing is said are left out."""
    said = {
        flow.id: _accused(flow.findings, flow.outcome == "refused")
        for flow in analysis.flows
        if flow.findings
    }
    piles: dict[str, list[Incident]] = {}
    for incident in analysis.incidents:
        if incident.code in BY_CODE:
            piles.setdefault(f"piles at {incident.server}", []).append(incident)
    return said | {server: _accused(told) for server, told in piles.items()}


def _accused(told: Iterable[Finding | Incident], refused: bool = False) -> Accused:
    sides: dict[str, tuple[float, str]] = {}
    for each in told:
        if each.severity == "info":
            continue
        for suspect in each.suspects:
            strength = suspect.weight * each.confidence
            sides[suspect.side] = max(sides.get(suspect.side, (0.0, "")), (strength, each.code))
    return Accused(sides, tuple(each.code for each in told if each.severity == "error"), refused)


def judged(*parts: np.ndarray) -> dict[str, Accused]:
    """What a capture of these rows alone says."""
    study = Study(all_flows=True)
    for part in parts:
        study.feed(np.ascontiguousarray(part))
    return _said(study)


def _said(study: Study) -> dict[str, Accused]:
    study.judge()
    return accused(study.conclude((), "test"))


def cuts(shown: Exhibit, places: Iterable[int] | None = None) -> Iterator[Dishonesty]:
    """Cut after each of the rows, all when none are given."""
    study, fed = Study(all_flows=True), 0
    for place in sorted(places or shown.places):
        study.feed(np.ascontiguousarray(shown.segments[fed:place]))
        fed = place
        frame = int(shown.segments["frame"][place - 1])
        for subject, said in _said(study).items():
            whole = shown.whole.get(subject, Accused({}, ()))
            for side, (strength, code) in said.sides.items():
                allowed = max(HEDGE, whole.sides.get(side, (0.0, ""))[0])
                if strength > allowed + SLACK:
                    text = f"{subject}: {side} {strength:.2f}, the whole supports {allowed:.2f}"
                    yield Dishonesty(shown.scenario, shown.vantage, "overconfident", code, frame, text)
            if said.errors and not whole.errors and not whole.refused:
                text = f"{subject}: an error, the whole tells none"
                yield Dishonesty(shown.scenario, shown.vantage, "hasty", said.errors[0], frame, text)


def gaps(shown: Exhibit, places: Iterable[int] | None = None) -> Iterator[Dishonesty]:
    """Take each of the rows out, all when none are given."""
    for place in sorted(places or shown.places):
        row = place - 1
        frame = int(shown.segments["frame"][row])
        for subject, said in judged(shown.segments[:row], shown.segments[place:]).items():
            whole = shown.whole.get(subject, Accused({}, ()))
            for side, (strength, code) in said.sides.items():
                allowed = max(HEDGE, whole.sides.get(side, (0.0, ""))[0])
                if side not in shown.guilty and strength > allowed + SLACK:
                    text = f"{subject}: {side} {strength:.2f}, innocent; the whole supports {allowed:.2f}"
                    yield Dishonesty(
                        shown.scenario, shown.vantage, "overconfident-without", code, frame, text
                    )
            if said.errors and not whole.errors and shown.healthy:
                text = f"{subject}: an error, nothing failed"
                yield Dishonesty(shown.scenario, shown.vantage, "hasty-without", said.errors[0], frame, text)


def examine(scenario: str, vantage: str) -> tuple[int, list[Dishonesty]]:
    """(parts that were asked, what they say too surely) of one capture."""
    shown = exhibit(scenario, vantage)
    if shown is None:
        return 0, []
    return 2 * len(shown.places), [*cuts(shown), *gaps(shown)]


def main(names: list[str]) -> int:
    """Print dishonest accusations, folded, and how many parts were asked; 1 when there is one."""
    if unknown := set(names) - set(scenarios()):
        print(f"no such scenario: {', '.join(sorted(unknown))}; see fixtures/lab", file=sys.stderr)
        return 2
    chosen = list(product(names or scenarios(), VANTAGES))
    with ProcessPoolExecutor() as workers:
        answers = list(workers.map(examine, *zip(*chosen, strict=True)))
    found = [each for _, several in answers for each in several]
    folded: dict[tuple[str, str, str, str], list[Dishonesty]] = {}
    for each in found:
        folded.setdefault((each.scenario, each.vantage, each.kind, each.code), []).append(each)
    for (scenario, vantage, kind, code), alike in sorted(folded.items()):
        first = f"first at frame {alike[0].frame}, {alike[0].text}"
        print(f"{kind} {scenario} @{vantage} {code} x {len(alike)}; {first}")
    print(f"{len(found)} dishonest accusations in {sum(parts for parts, _ in answers)} parts of captures")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
