"""What the lab recorded beside its captures, compared with what the analysis says. No privileges needed.

`python -m tests.lab_truth [SCENARIO...]` prints the comparison; the tests assert on the same functions.
"""

from __future__ import annotations

import json
import sys
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


def problems(taken: Taken) -> list[str]:
    """Every way in which the analysis contradicts the truth; empty when it agrees."""
    found = []
    codes = {finding.code for finding in taken.findings}
    codes |= {quality.code for facts in taken.analysis.captures for quality in facts.quality}
    missing = taken.expected_codes - codes
    if missing:
        found.append(f"missing {', '.join(sorted(missing))}; found {', '.join(sorted(codes)) or 'nothing'}")
    for finding in taken.findings:
        found += _finding_problems(taken, finding)
    for flow in taken.analysis.flows:
        found += _flow_problems(taken, flow)
    return found


def _finding_problems(taken: Taken, finding: Finding) -> list[str]:
    found = []
    weights = {suspect.side: suspect.weight for suspect in finding.suspects}
    if weights and abs(sum(weights.values()) - 1) > 1e-6:
        found.append(f"{finding.code}: weights sum to {sum(weights.values())}")
    if finding.severity == "error" and taken.truth["healthy"]:
        found.append(f"{finding.code}: an error in a healthy capture")
    if finding.severity != "error" or finding.code not in taken.expected_codes or taken.dropper == "nobody":
        return found
    share = weights.get(taken.dropper, 0)
    if taken.knowable and (not weights or max(weights, key=lambda side: weights[side]) != taken.dropper):
        found.append(f"{finding.code}: {taken.dropper} is knowable here, weights are {weights}")
    elif share < 0.1 and taken.dropper != "middlebox":
        found.append(f"{finding.code}: the true dropper {taken.dropper} has weight {share} in {weights}")
    return found


def _flow_problems(taken: Taken, flow: Flow) -> list[str]:
    connection = connection_of(taken, flow)
    if connection is None or connection.get("superseded"):
        return []
    found = []
    for side in ("client", "server"):
        said, certain = getattr(flow, f"{side}_state"), getattr(flow, f"{side}_certain")
        truth = connection[f"{side}_state"]
        if certain and said != truth and not _same(said, truth) and not _moved_later(connection, side, flow):
            found.append(f"{side} state: proven {said}, ss says {truth}")
        errnos = {getattr(finding.errno, side) for finding in flow.findings} - {None}
        if errnos - {connection[f"{side}_errno"]}:
            told = ", ".join(sorted(errnos))
            found.append(f"{side} errno: said {told}, was {connection[f'{side}_errno']}")
    return found


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
    """Print every capture's comparison; 1 when any contradicts."""
    failed = 0
    for scenario in names or scenarios():
        for vantage in VANTAGES:
            taken = take(scenario, vantage)
            if taken is None:
                continue
            wrong = problems(taken)
            failed += bool(wrong)
            told = "; ".join(
                f"{finding.severity}:{finding.code}"
                + "(" + ",".join(f"{suspect.side} {suspect.weight:g}" for suspect in finding.suspects) + ")"
                for finding in taken.findings
            )  # fmt: skip
            where = taken.analysis.captures[0].vantage
            print(f"{'WRONG' if wrong else 'ok   '} {scenario} @{vantage} (inferred {where.side}): {told}")
            for line in wrong:
                print(f"        {line}")
    print(f"{failed} captures contradict their truth")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
