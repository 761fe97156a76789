"""What the lab recorded beside its captures, compared with what the analysis says. No privileges needed.

`python -m tests.lab_truth [SCENARIO...]` prints the comparison; the tests assert on the same functions.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import synsight
from synsight.analysis.result import Analysis, Finding, Flow

FIXTURES = Path(__file__).parent.parent / "fixtures" / "lab"
VANTAGES = ("client", "middle", "server")


UNTOLD = {"clean-close", "simultaneous-close", "half-close-in-use", "keepalive-ok", "no-close-seen"}
"""Names of the catalogue for what is as it should be: `outcome` and the states say it, no finding does."""


@dataclass(frozen=True)
class Taken:
    """One capture of one scenario: the truth and what the analysis made of it."""

    scenario: str
    vantage: str
    truth: dict[str, Any]
    analysis: Analysis

    @property
    def expected_codes(self) -> set[str]:
        """What a perfect analyst finds in this capture alone."""
        return set(self.truth["expect"].get(self.vantage, {}).get("codes", ())) - UNTOLD

    @property
    def knowable(self) -> bool:
        """Whether this capture alone decides who dropped the exchange, to one who knows its place."""
        told = bool(self.truth["expect"].get(self.vantage, {}).get("dropper_knowable"))
        return told and self.analysis.captures[0].vantage.side != "unknown"

    @property
    def dropper(self) -> str:
        """The side at fault, `nobody` where there is no fault."""
        return str(self.truth["fault"]["dropper"]) if self.truth.get("fault") else "nobody"

    @property
    def findings(self) -> list[Finding]:
        """All findings, worst connection first."""
        return [finding for flow in self.analysis.flows for finding in flow.findings]


def scenarios() -> list[str]:
    """Names of the scenarios that have captures."""
    return sorted(path.parent.name for path in FIXTURES.glob("*/truth.json"))


def take(scenario: str, vantage: str, told: str | None = None) -> Taken | None:
    """Analyse one capture, `told` where it was taken or not; None when the scenario has none from there."""
    path = FIXTURES / scenario / f"{vantage}.pcap"
    if not path.exists():
        return None
    truth = json.loads((FIXTURES / scenario / "truth.json").read_text())
    return Taken(scenario, vantage, truth, synsight.analyze(path, vantage=told, all_flows=True))


def connection_of(taken: Taken, flow: Flow) -> dict[str, Any] | None:
    """The recorded connection that a flow is: on ports that were reused, in the order of time."""
    ends = (flow.client.ip, flow.client.port, flow.server.ip, flow.server.port)
    same = [each for each in taken.truth["connections"] if _ends(each) == ends]
    flows = sorted(
        (each for each in taken.analysis.flows if (each.client, each.server) == (flow.client, flow.server)),
        key=lambda each: each.first_frame,
    )
    place = flows.index(flow)
    return dict(same[place]) if place < len(same) else None


def _ends(connection: dict[str, Any]) -> tuple[str, int, str, int]:
    return (connection["client"], connection["client_port"], connection["server"], connection["server_port"])


@dataclass(frozen=True, order=True)
class Violation:
    """One way in which the analysis contradicts the truth."""

    scenario: str
    vantage: str
    kind: str
    """`missing`, `sum`, `healthy`, `dropper`, `share`, `innocent`, `errno`, `state`: see KINDS."""
    code: str
    """The finding concerned; for a state the side."""
    text: str


KINDS = {
    "missing": "a perfect analyst finds it in this capture alone, synsight does not",
    "sum": "weights do not sum to 1",
    "healthy": "an error in a capture in which both programs did all they wanted",
    "dropper": "this capture alone decides who dropped it, and another side weighs more",
    "share": "the true dropper weighs less than 0.2",
    "innocent": "a side that had no part in it weighs more than 0.5",
    "errno": "a program is said to have got an errno that it never got",
    "state": "a state is called proven and ss says another",
}

LEAST_SHARE, MOST_INNOCENT = 0.2, 0.5
"""A suspect who did it keeps at least the one, wherever the capture cannot tell; one who did not gets at most
the other, everywhere.
"""


def problems(taken: Taken) -> list[Violation]:
    """Every way in which the analysis contradicts the truth; empty when it agrees."""

    def told(kind: str, code: str, text: str) -> Violation:
        return Violation(taken.scenario, taken.vantage, kind, code, text)

    codes = {finding.code for finding in taken.findings}
    codes |= {quality.code for facts in taken.analysis.captures for quality in facts.quality}
    codes |= {incident.code for incident in taken.analysis.incidents}
    others = ", ".join(sorted(codes)) or "nothing"
    found = [told("missing", code, f"found {others}") for code in taken.expected_codes - codes]
    for flow in taken.analysis.flows:
        connection = connection_of(taken, flow)
        for finding in flow.findings:
            found += [told(kind, finding.code, text) for kind, text in _blame(taken, connection, finding)]
        if connection is not None and not connection.get("superseded"):
            found += [told("errno", *each) for each in _errnos(connection, flow)]
            found += [told("state", *each) for each in _states(connection, flow)]
    return sorted(set(found))


def _blame(taken: Taken, connection: dict[str, Any] | None, finding: Finding) -> Iterator[tuple[str, str]]:
    weights = {suspect.side: suspect.weight for suspect in finding.suspects}
    told = ", ".join(f"{side} {weight:g}" for side, weight in weights.items())
    if weights and abs(sum(weights.values()) - 1) > 1e-6:
        yield "sum", told
    if finding.severity == "error" and taken.truth["healthy"]:
        yield "healthy", finding.summary
    if finding.severity == "info" or not weights:
        return
    bystander = bool(connection and connection.get("bystander"))
    guilty = set() if bystander else {taken.dropper, *taken.truth["fault"]["also"]}
    for side, weight in weights.items():
        if side not in guilty and weight > MOST_INNOCENT:
            yield "innocent", told
    if bystander or taken.dropper == "nobody" or finding.code not in taken.expected_codes:
        return
    if taken.knowable and max(weights, key=lambda side: weights[side]) != taken.dropper:
        yield "dropper", f"it was {taken.dropper}: {told}"
    elif not taken.knowable and weights.get(taken.dropper, 0) < LEAST_SHARE:
        yield "share", f"it was {taken.dropper}: {told}"


def _errnos(connection: dict[str, Any], flow: Flow) -> Iterator[tuple[str, str]]:
    for side in ("client", "server"):
        got = connection[f"{side}_errno"]
        for finding in flow.findings:
            said = getattr(finding.errno, side)
            if said and said != got:
                yield finding.code, f"the {side} is said to get {said}, its first failed call got {got}"


def _states(connection: dict[str, Any], flow: Flow) -> Iterator[tuple[str, str]]:
    for side in ("client", "server"):
        said, certain = getattr(flow, f"{side}_state"), getattr(flow, f"{side}_certain")
        truth = connection[f"{side}_state"]
        if certain and said != truth and not _same(said, truth) and not _moved_later(connection, side, flow):
            yield side, f"{said}, ss says {truth}"


def _moved_later(connection: dict[str, Any], side: str, flow: Flow) -> bool:
    """Whether that end's program did something after the last packet: no packet shows it."""
    return any(
        call["side"] == side and (call["at_unix_s"] + (call["took_s"] or 0)) * 1e9 > flow.end_ns
        for call in connection["calls"]
    )


def _same(said: str, truth: str) -> bool:
    """SYN-SENT of an application that gave up between the last SYN and the sample: no packet tells."""
    return (said, truth) in {("SYN-SENT", "CLOSED"), ("UNKNOWN", "CLOSED")}


def main(names: list[str]) -> int:
    """Print a line for each capture, every violation, and the count by kind; 1 when there is one."""
    counts = Counter[str]()
    for scenario in names or scenarios():
        for vantage in VANTAGES:
            taken = take(scenario, vantage)
            if taken is None:
                continue
            violations = problems(taken)
            print(f"{'WRONG' if violations else 'ok   '} {scenario} @{vantage} {_told(taken)}")
            for each in violations:
                counts[each.kind] += 1
                print(f"        {each.kind} {each.code}: {each.text}")
    print(*(f"{counts[kind]:5} {kind}: {meaning}" for kind, meaning in KINDS.items()), sep="\n")
    print(f"{counts.total()} violations")
    return 1 if counts else 0


def _told(taken: Taken) -> str:
    said = Counter(
        f"{finding.severity}:{finding.code}"
        + "".join(f" {suspect.side} {suspect.weight:g}" for suspect in finding.suspects)
        for finding in taken.findings
    )
    where = taken.analysis.captures[0].vantage.side
    return f"(inferred {where}): " + "; ".join(
        f"{count} x {each}" if count > 1 else each for each, count in said.items()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
