"""Where the lab's captures are inferred to have been taken, against where they were: no privileges needed.

`python -m tests.vantage_truth` prints a line for each capture, and how many are right, unknown and wrong. A
host that opens connections is the client there and the server elsewhere, so the side is compared by whose
address it is; loopback is at both.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synsight.analysis.result import Vantage
from synsight.analysis.study import Study
from synsight.capture.segment import address_halves
from synsight.capture.source import Capture

from . import lab_truth

SERVER_ADDRESSES = {address_halves(text) for text in ("10.0.2.2", "fd00:2::2", "10.0.2.3", "fd00:2::3")}
"""The lab's server host."""


@dataclass(frozen=True)
class Placed:
    """One capture: where it was taken, and where it is inferred to have been."""

    scenario: str
    taken: str
    inferred: str  # by address, not by role
    vantage: Vantage
    connections_count: int

    @property
    def grade(self) -> str:
        """`right`, `unknown` or `wrong`."""
        if self.inferred == "unknown":
            return "unknown"
        return "right" if self.inferred in (self.taken, "both") else "wrong"


def placed(path: Path) -> Placed:
    """The capture in `path`, whose name says where it was taken."""
    study = Study()
    with Capture([path]) as capture:
        for batch in capture.batches():
            study.feed(batch.segments)
    study.judge()
    scene, side = study.scene, study.scene.vantage.side
    inferred = side
    if side in ("client", "server"):
        key = (scene.table.client_key if side == "client" else scene.table.server_key)[0]
        inferred = "server" if (int(key["hi"]), int(key["lo"])) in SERVER_ADDRESSES else "client"
    return Placed(path.parent.name, path.stem, inferred, scene.vantage, len(scene.table))


def all_placed() -> Iterator[Placed]:
    """Every capture of the lab."""
    for scenario in lab_truth.scenarios():
        for vantage in lab_truth.VANTAGES:
            path = lab_truth.FIXTURES / scenario / f"{vantage}.pcap"
            if path.exists():
                yield placed(path)


def main() -> int:
    """Print the table and the counts; 1 when any is wrong."""
    grades: Counter[str] = Counter()
    for each in all_placed():
        grades[each.grade] += 1
        confidence = f"{each.vantage.confidence:.2f}"
        print(f"{each.grade:8} {each.scenario} @{each.taken}: {each.inferred} {confidence}")
        if each.grade == "wrong":
            print("\n".join(f"           {vote}" for vote in each.vantage.votes))
    print(", ".join(f"{grades[grade]} {grade}" for grade in ("right", "unknown", "wrong")))
    return 1 if grades["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
