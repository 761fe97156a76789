"""Runs a ladder through the analysis and checks every `=` expectation that it holds.

    = vantage server | until 40            told to the analysis: where the capture was taken, when it ended
    = beside other/same_port.ladder from 10.0.0.9:41000 to 10.0.0.2:80     another connection beside it
    = client ESTABLISHED | server SYN-RECEIVED?    states; `!` after it: proven, `?`: only believed
    = findings a,b | infos c               exact sets: warnings and errors, infos; `-` for none
    = suspect path | suspects path,server-host | errno ETIMEDOUT | severity error      of the worst finding
    = ruled_out client-host,path           these at least, of the worst finding
    = says TEXT                            in the worst finding's summary, evidence, reasons or next steps
    = syn_count 3 | server.rto_count 1     a field of FLOW, of one HALF, or the sum of both

Findings are those of every connection on the ladder's own two ports, worst first; states those of the last.
`-` stands for nothing. Without `vantage` the place is unknown; `vantage inferred` lets the analysis find it.
A `beside` ladder brings its own `beside` lines along, its other expectations do not count here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from synsight.analysis.records import FLOW, HALF, Mark
from synsight.analysis.result import SEVERITIES, Finding, Flow
from synsight.analysis.states import State
from synsight.analysis.study import Study
from synsight.analysis.tracker import Tracker
from synsight.capture.segment import address_halves, address_text

from tests.ladder import CLIENT, SERVER, Ladder, LadderError, read_ladder

LADDERS = Path(__file__).parent.parent.parent / "fixtures" / "ladders"
START_NS = 1_700_000_000_000_000_000
"""Time zero of a ladder."""

BESIDE = re.compile(r"^(?P<path>\S+)(?:\s+from\s+(?P<client>\S+:\d+))?(?:\s+to\s+(?P<server>\S+:\d+))?$")
TOLD = ("vantage", "until", "beside")


def ladders(*codes: str) -> list[object]:
    """Every ladder under the folders of these codes, as pytest parameters named `code/fact`."""
    paths = [path for code in codes for path in sorted((LADDERS / code).glob("*.ladder"))]
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in paths]


@dataclass(frozen=True)
class Run:
    """What came of one ladder."""

    ladder: Ladder
    rows: np.ndarray  # all SEGMENT rows, `beside` ones included, in time order
    notes: np.ndarray  # one NOTE row for each
    tracker: Tracker
    flows: tuple[Flow, ...]  # the connections on the ladder's own ports, in order of their beginning

    @property
    def findings(self) -> list[Finding]:
        """Worst first, those of one connection in its own order."""
        found = [finding for flow in self.flows for finding in flow.findings]
        return sorted(found, key=lambda finding: -SEVERITIES.index(finding.severity))

    @property
    def worst(self) -> Finding | None:
        """The first finding."""
        return self.findings[0] if self.findings else None

    @property
    def place(self) -> int:
        """Index of the last of its connections in the tracker."""
        frame = self.flows[-1].first_frame
        return int(np.flatnonzero(self.tracker.flows[: self.tracker.count]["first_frame"] == frame)[0])

    def number(self, name: str) -> int:
        """The value of a record's field; KeyError when there is none."""
        side, _, field = name.rpartition(".")
        flow = self.tracker.flows[self.place]
        if not side and field in (FLOW.names or ()):
            return int(flow[field])
        if field not in (HALF.names or ()) or side not in ("", "client", "server"):
            raise KeyError(name)
        client = int(flow["client_side"])
        sides = {"client": [client], "server": [1 - client], "": [0, 1]}[side]
        return sum(int(self.tracker.halves[2 * self.place + which][field]) for which in sides)


def run(path: Path) -> Run:
    """The ladder in `path`, analysed."""
    ladder = read_ladder(path)
    rows = _with_others(ladder)
    study = Study(_vantage(ladder), all_flows=True)
    study.feed(rows)
    until = ladder.expected.get("until")
    study.judge(end_ns=START_NS + round(float(until) * 1e9) if until else None)
    study.illustrate(rows, np.zeros(0, np.uint8))
    analysis = study.conclude((), "ladder")
    tracker = Tracker()
    notes = tracker.feed(rows).copy()
    ends = {CLIENT, SERVER}
    own = [flow for flow in analysis.flows if {(e.ip, e.port) for e in (flow.client, flow.server)} == ends]
    return Run(ladder, rows, notes, tracker, tuple(sorted(own, key=lambda flow: flow.first_frame)))


def check(path: Path) -> None:
    """Fails, showing the ladder with marks and states, when an expectation does not hold or is not known."""
    outcome = run(path)
    wrong = list(mismatches(outcome))
    if wrong:
        title = f"{path.parent.name}/{path.name}: {outcome.ladder.title}"
        pytest.fail("\n".join([title, *wrong, "", picture(outcome)]))


def mismatches(outcome: Run) -> Iterator[str]:
    """A line for each expectation that does not hold."""
    if not any(name not in TOLD for name in outcome.ladder.expected):
        yield "no expectation"
    for name, wanted in outcome.ladder.expected.items():
        if name in TOLD:
            continue
        if name in QUESTIONS:
            got = QUESTIONS[name](outcome, wanted)
        else:
            try:
                got = str(outcome.number(name))
            except KeyError:
                yield f"unknown key {name!r}"
                continue
        if got != wanted:
            yield f"{name}: wanted {wanted}, got {got}"


def _with_others(ladder: Ladder) -> np.ndarray:
    """The rows of the ladder and of those beside it, in time order, frames numbered again."""
    parts = [ladder.rows, *_others(ladder)]
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows["time_ns"], kind="stable")]
    rows["frame"] = np.arange(1, len(rows) + 1)
    return rows


def _others(ladder: Ladder) -> Iterator[np.ndarray]:
    """Rows of each `beside`; several are parted by `;`."""
    for number, text in enumerate(filter(None, ladder.expected.get("beside", "").split(";")), start=1):
        found = BESIDE.match(text.strip())
        if found is None:
            raise LadderError(f"not `beside PATH from IP:PORT to IP:PORT`: {text}")
        other = read_ladder(LADDERS / found["path"])
        client = _end(found["client"]) if found["client"] else (CLIENT[0], CLIENT[1] + number)
        server = _end(found["server"]) if found["server"] else SERVER
        for rows in (other.rows, *_others(other)):
            yield _moved(rows, client, server, number)


def _end(text: str) -> tuple[str, int]:
    ip, _, port = text.rpartition(":")
    return ip, int(port)


def _moved(rows: np.ndarray, client: tuple[str, int], server: tuple[str, int], number: int) -> np.ndarray:
    """The same conversation between other ends."""
    moved = rows.copy()
    for old, new in ((CLIENT, client), (SERVER, server)):
        for ip, port in (("src", "sport"), ("dst", "dport")):
            hi, lo = address_halves(old[0])
            mine = (rows[f"{ip}_hi"] == hi) & (rows[f"{ip}_lo"] == lo) & (rows[port] == old[1])
            moved[f"{ip}_hi"][mine], moved[f"{ip}_lo"][mine] = address_halves(new[0])
            moved[port][mine] = new[1]
    moved["flow_hash"] ^= np.uint64((number * 0x9E3779B97F4A7C15 * 2 + 2) & 0xFFFFFFFFFFFFFFFF)
    return moved


def _vantage(ladder: Ladder) -> str | None:
    told = ladder.expected.get("vantage", "unknown")
    return None if told == "inferred" else told


def _state(side: str) -> Callable[[Run, str], str]:
    def ask(outcome: Run, wanted: str) -> str:
        flow = outcome.flows[-1]
        certain = getattr(flow, f"{side}_certain")
        mark = ("!" if certain else "?") if wanted[-1] in "!?" else ""
        return getattr(flow, f"{side}_state") + mark

    return ask


def _codes(severities: tuple[str, ...]) -> Callable[[Run, str], str]:
    def ask(outcome: Run, wanted: str) -> str:
        codes = {finding.code for finding in outcome.findings if finding.severity in severities}
        same = codes == set(wanted.replace("-", "", 1 if wanted == "-" else 0).split(",")) - {""}
        return wanted if same else ",".join(sorted(codes)) or "-"

    return ask


def _suspect(outcome: Run, wanted: str) -> str:
    suspects = outcome.worst.suspects if outcome.worst else ()
    return suspects[0].side if suspects else "-"


def _suspects(outcome: Run, wanted: str) -> str:
    sides = [suspect.side for suspect in outcome.worst.suspects] if outcome.worst else []
    return wanted if set(sides) == set(wanted.split(",")) else ",".join(sides) or "-"


def _errno(side: str) -> Callable[[Run, str], str]:
    def ask(outcome: Run, wanted: str) -> str:
        return (getattr(outcome.worst.errno, side) if outcome.worst else None) or "-"

    return ask


def _severity(outcome: Run, wanted: str) -> str:
    return outcome.worst.severity if outcome.worst else "-"


def _ruled_out(outcome: Run, wanted: str) -> str:
    sides = [entry.side for entry in outcome.worst.ruled_out] if outcome.worst else []
    return wanted if set(wanted.split(",")) <= set(sides) else ",".join(sides) or "-"


def _says(outcome: Run, wanted: str) -> str:
    worst = outcome.worst
    if worst is None:
        return "-"
    text = [worst.summary, *worst.next]
    text += [item.text for item in worst.evidence] + [entry.why for entry in worst.ruled_out]
    return wanted if any(wanted in part for part in text) else " / ".join(text)


QUESTIONS: dict[str, Callable[[Run, str], str]] = {
    "client": _state("client"),
    "server": _state("server"),
    "findings": _codes(("warning", "error")),
    "infos": _codes(("info",)),
    "suspect": _suspect,
    "suspects": _suspects,
    "errno": _errno("client"),
    "server_errno": _errno("server"),
    "severity": _severity,
    "ruled_out": _ruled_out,
    "says": _says,
}
"""Key of an expectation, and what answers it."""


def picture(outcome: Run) -> str:
    """Every row with its marks and both ends' states, for a failure's message."""
    first = outcome.rows[0]
    return "\n".join(_line(row, note, first) for row, note in zip(outcome.rows, outcome.notes, strict=True))


def _line(row: np.void, note: np.void, first: np.void) -> str:
    since = (int(row["time_ns"]) - int(first["time_ns"])) / 1e9
    ends = f"{address_text(int(row['src_hi']), int(row['src_lo']))}:{row['sport']} > :{row['dport']}"
    letters = "".join(letter for bit, letter in enumerate("FSRP.UEW") if int(row["flags"]) >> bit & 1)
    marks = "|".join(mark.name or "" for mark in Mark if int(note["marks"]) & mark)
    names = [State(int(note[field])).text for field in ("proven0", "believed0", "proven1", "believed1")]
    states = f"{names[0]}/{names[1]} {names[2]}/{names[3]}"
    words = (("seq", "seq"), ("ack", "ack"), ("len", "payload_bytes"), ("win", "window"), ("ttl", "ttl"))
    numbers = " ".join(f"{word} {row[field]}" for word, field in words)
    return f"{int(row['frame']):4} {since:9.4f} {ends:28} {letters:4} {numbers}  [{states}]  {marks}"
