"""Judging while the capture goes on: the same tracker and rules as for files, asked a few times a second.

    watch = Watch()
    for batch in capture.batches():
        watch.feed(batch.segments)
        snapshot = watch.look(now_ns)       # a few times a second
    last = watch.look(now_ns, ended=True)
    for batch in recording.reread(watch.judge(end_ns=now_ns)):
        watch.illustrate(batch.segments, batch.data)
    analysis = watch.conclude(facts, version)

`now_ns` stands for the end of the capture: up to then every packet must have been fed, for a timer that runs
out at that moment accuses somebody. A look judges only connections with new segments, and those on which
mere waiting can change the verdict, as many as `JUDGED_PER_S` allows since the look before; the rest waits
for its turn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import accumulate, compress, count

import numpy as np

from .. import findings, piles
from ..case import SECOND, TIME_WAIT_NS, Case, Scene
from ..flow_ids import flow_id
from ..outcome import outcomes
from ..records import FLOW, HALF, Mark
from ..result import SEVERITIES, Analysis, CaptureFacts, Finding, Vantage
from ..scene.peers import gather
from ..snapshot import Counters, Failure, IncidentEvent, LiveIncident, Snapshot
from ..states import State
from ..study import Study
from ..table import FlowTable
from .agenda import NEVER, Agenda
from .departed import repeats
from .handshakes import BOUNDS_US, delays
from .incident_log import IncidentLog, Subject
from .pile_log import PileLog
from .retention import Limits, leaving

JUDGED_PER_S = 300
"""Connections that rules look at one by one in a second of packets; each costs about 0.4 ms, ..."""

JUDGED_LEAST, JUDGED_MOST = 400, 2_000
"""...and so many at one look: a burst is judged at once, and looks stay short."""

HOLD_NS = SECOND // 2
"""A failure is told when it has stood for so long: an answer that is on its way comes first."""

PATIENT_NS = 3600 * SECOND
"""A verdict that another hour without a segment does not change needs no second look."""

SOON_NS, LATE_NS = SECOND // 4, SECOND
"""A verdict that waiting may change is looked at again after an eighth of the silence, within these; where a
failure is told already, after a quarter of the silence."""

REVIEW_NS = 5 * SECOND
"""What other connections say may move the weights: a fresh failure is looked at again after so long, then
after twice as long..."""

FRESH_NS = 30 * SECOND
"""...until it is this old."""

SURVEY_NS = SECOND
"""How long the vantage point and the artefacts of the capture stay as found."""

PILES_NS = 2 * SECOND
"""How often all connections together are asked what only many of them show..."""

PILED = 4_000
"""...with so many of those that have findings, ..."""

PILED_PER_S = 400
"""...and less often, the more these are: each costs about 0.1 ms."""

HALF_OPEN_NS = 180 * SECOND
"""A SYN or SYN-ACK after which nothing came for so long has been given up by every kernel's defaults."""

SHOWN_FAILURES = 50

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""Mixes address and port into one number; two that are equal by chance only cost a comparison."""

NOTHING = FlowTable(np.zeros(0, FLOW), np.zeros(0, HALF), 0, 0)

OPEN_STATES = tuple(state for state in State if state not in (State.UNKNOWN, State.CLOSED, State.LISTEN))


class Watch:
    """One capture in progress.

    `vantage_side` overrides the inferred vantage point; `all_flows` tells healthy connections in the end.
    """

    def __init__(
        self, vantage_side: str | None = None, limits: Limits | None = None, all_flows: bool = False
    ) -> None:
        self._study = Study(vantage_side, all_flows)
        self._limits = limits or Limits()
        self._agenda = Agenda()
        ids = count(1)
        self._log, self._piles = IncidentLog(ids), PileLog(ids)
        self._absorbed: frozenset[tuple[str, str]] = frozenset()
        self._piles_due_ns = 0
        self._told: dict[int, Subject] = {}  # by first frame: every connection with a finding
        self._since: dict[tuple[int, str], int] = {}  # when a connection's finding was first met
        self._failures: deque[Failure] = deque(maxlen=SHOWN_FAILURES)
        self._survey: Scene | None = None
        self._now_ns = 0
        self._unjudged_count = 0
        self._counters = Counters()
        self._counted_ns = 0

    def feed(self, segments: np.ndarray) -> None:
        """Rows in capture order."""
        if self._study.tracker.count > self._limits.rows_count:
            self._let_go(full=True)
        notes = self._study.feed(segments)
        rows = notes["flow"]
        again = rows[(notes["marks"] & Mark.NEW_FLOW) != 0]
        before = self._study.tracker.flows["previous"][again].astype(np.int64) - 1
        count = self._study.tracker.count
        self._agenda.touch(rows[rows >= 0], count)
        self._agenda.touch(before[before >= 0], count)

    def look(self, now_ns: int, ended: bool = False) -> Snapshot:
        """Judge what may have changed by `now_ns`; `ended`: everything, and close all incidents."""
        judged_most = self._affordable(now_ns)
        self._now_ns = max(self._now_ns, now_ns)
        table = self._study.table(end_ns=self._now_ns)
        rows = self._agenda.due(NEVER - 1 if ended else self._now_ns, len(table))
        self._unjudged_count = 0
        if ended:
            self._survey = None
        if len(rows):
            self._examine(table, rows, judged_most, ended)
        if len(table) and (ended or self._now_ns >= self._piles_due_ns):
            self._gather(table)
        events = (*self._log.events(self._now_ns, ended), *self._piles.events(self._now_ns, ended))
        snapshot = self._snapshot(table, events, ended)
        self._let_go(full=False)
        return snapshot

    def judge(self, start_ns: int | None = None, end_ns: int | None = None) -> list[tuple[int, int]]:
        """Everything that is still in the table, as `Study.judge` does; watching may go on."""
        return self._study.judge(start_ns, end_ns)

    def illustrate(self, segments: np.ndarray, data: np.ndarray) -> None:
        """Rows of the second pass."""
        self._study.illustrate(segments, data)

    def conclude(self, captures: tuple[CaptureFacts, ...], tool_version: str) -> Analysis:
        """The whole analysis so far."""
        return self._study.conclude(captures, tool_version)

    def _affordable(self, now_ns: int) -> int:
        """How many connections may be judged at a look: as many more as the one before is longer ago."""
        since_ns = max(0, now_ns - self._now_ns) if self._now_ns else 0
        return min(JUDGED_MOST, max(JUDGED_LEAST, JUDGED_PER_S * since_ns // SECOND))

    def _examine(self, table: FlowTable, rows: np.ndarray, most: int, ended: bool) -> None:
        """Ask the rules about `rows`, the longest not judged first."""
        now, later, asked = self._candidates(table, rows)
        settled = rows[~asked & ~self._agenda.told[rows]]
        self._agenda.settle(settled, self._now_ns)
        places = np.flatnonzero(asked | self._agenda.told[rows])
        if not ended:
            self._unjudged_count = max(0, len(places) - most)
            places = places[:most]
        if not len(places):
            return
        scene = self._scene(table)
        much_later = self._now_ns + PATIENT_NS
        patient = replace(scene, table=_at(table, much_later), end_ns=much_later)
        for place in places.tolist():
            case = Case.of(scene, int(rows[place]))
            found = findings.judge(case, list(compress(findings.RULES, now[:, place])))
            then = replace(case, scene=patient, worked_out={})
            in_the_end = findings.judge(then, list(compress(findings.RULES, later[:, place])))
            self._note(case, found, _gist(found) != _gist(in_the_end), ended)

    def _candidates(self, table: FlowTable, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which rules to ask now, which would have to be asked much later, and where there is any."""
        shown = _with_relatives(table, rows)
        part = table.subset(shown)
        places = np.searchsorted(shown, rows)
        now = findings.candidates(part)[:, places]
        later = findings.candidates(_at(part, self._now_ns + PATIENT_NS))[:, places]
        return now, later, (now | later).any(axis=0)

    def _scene(self, table: FlowTable) -> Scene:
        """What surrounds the connections; the vantage point is inferred anew once in a while."""
        known = self._survey
        fits = known is not None and (known.sides is None or len(known.sides) == len(table))
        if known is None or not fits or self._now_ns - known.end_ns >= SURVEY_NS:
            found = self._study.survey(table)
            self._survey = replace(found, table=NOTHING, peers=gather(NOTHING))  # columns take much room
            if known is not None and known.vantage.side != found.vantage.side:
                self._agenda.review_told(len(table))
            return found
        peers = gather(table, self._study.departed.attempts)
        return replace(known, table=table, peers=peers, end_ns=table.end_ns)

    def _note(self, case: Case, found: list[Finding], may_change: bool, ended: bool) -> None:
        """Write down what was found about one connection, and when to look again."""
        key = int(case.flow.first_frame)
        before = self._told.get(key)
        grave = [finding for finding in found if finding.severity != "info"]
        standing = []
        due_ns = NEVER
        for finding in grave:
            since_ns = self._since.setdefault((key, finding.code), self._now_ns)
            if ended or self._now_ns - since_ns >= HOLD_NS:
                standing.append(finding)
            else:
                due_ns = min(due_ns, since_ns + HOLD_NS)
        gone = {finding.code for finding in before.findings} if before else set()
        for code in gone - {finding.code for finding in grave}:
            self._since.pop((key, code), None)
        silence_ns = case.since_ns(case.flow.end_ns)
        if may_change:
            again_ns = silence_ns // 4 if standing else min(silence_ns // 8, LATE_NS)
            due_ns = min(due_ns, self._now_ns + max(SOON_NS, again_ns))
        elif grave and silence_ns < FRESH_NS:
            due_ns = min(due_ns, self._now_ns + max(REVIEW_NS, silence_ns))
        self._agenda.settle(case.index, self._now_ns, due_ns)
        self._agenda.told[case.index] = bool(found)
        if not found and before is None:
            return
        subject = Subject(flow_id(case), case.client_end, case.server_end, case.flow.start_ns, tuple(found))
        if found:
            self._told[key] = subject
        else:
            del self._told[key]
        own = tuple(each for each in standing if (subject.id, each.code) not in self._absorbed)
        self._log.record(key, subject, own, self._now_ns, _instead(case, found))
        self._remember_failure(subject, standing)

    def _remember_failure(self, subject: Subject, standing: list[Finding]) -> None:
        """Keep the newest failed connections; one that turned out otherwise is taken off the list."""
        known = next((each for each in self._failures if each.flow_id == subject.id), None)
        failed = next((finding for finding in standing if finding.severity == "error"), None)
        if known is not None:
            if failed is not None and (known.code, known.suspects) == (failed.code, failed.suspects):
                return
            self._failures.remove(known)
        if failed is not None:
            at_ns = max((item.at_ns for item in failed.evidence), default=subject.start_ns)
            self._failures.appendleft(
                Failure(
                    subject.id, subject.client, subject.server, failed.code, failed.suspects, failed.summary,
                    at_ns,
                )
            )  # fmt: skip

    def _gather(self, table: FlowTable) -> None:
        """What only many connections show, over all rows and the newest ones with findings."""
        scene = self._scene(table)
        rows = np.flatnonzero(self._agenda.told[: len(table)])[-PILED:].tolist()
        self._piles_due_ns = self._now_ns + max(PILES_NS, len(rows) * SECOND // PILED_PER_S)
        keys = table.flows["first_frame"][rows].tolist()
        judged = [
            (Case.of(scene, row), list(self._told[key].findings)) for row, key in zip(rows, keys, strict=True)
        ]
        found = piles.judge(scene, judged)
        self._absorbed = found.told
        for key in keys:
            subject = self._told[key]
            codes = {each.code for each in subject.findings if (subject.id, each.code) in found.told}
            if codes:
                self._log.absorb(key, codes)
        self._piles.record(found.incidents, self._now_ns)

    def _let_go(self, full: bool) -> None:
        """Take out of the table what need not be there any more."""
        count = self._study.tracker.count
        if not full and count <= self._limits.spared_count:
            return
        table = self._study.table(end_ns=self._now_ns)
        told, waits = self._agenda.told[:count], self._agenda.waits(count)
        going, evicted_count = leaving(table, told, waits, self._limits, full)
        if not going.any():
            return
        keys = table.flows["first_frame"][going & told].tolist()
        failing = [self._told.pop(key) for key in keys]
        for subject, key in zip(failing, keys, strict=True):
            self._log.depart(key)
            for finding in subject.findings:
                self._since.pop((key, finding.code), None)
        self._study.release(going, failing, evicted_count)
        self._agenda.keep(~going)
        self._survey = None

    def _snapshot(self, table: FlowTable, events: tuple[IncidentEvent, ...], ended: bool) -> Snapshot:
        if ended or self._now_ns - self._counted_ns >= SECOND:
            self._counters = self._count(table)
            self._counted_ns = self._now_ns
        return Snapshot(
            self._now_ns,
            self._survey.vantage if self._survey else Vantage("unknown", 0.0, ()),
            _states(table),
            len(table),
            self._unjudged_count,
            self._counters,
            _worst_first([*self._log.incidents(), *self._piles.incidents()]),
            tuple(self._failures),
            events,
        )

    def _count(self, table: FlowTable) -> Counters:
        past = self._study.departed
        by_outcome = past.by_outcome + outcomes(table).counted()
        took = past.handshakes + delays(table)
        return Counters(
            len(table) + past.flows_count,
            tuple(sorted(by_outcome.items())),
            repeats(table) + past.retransmissions_count,
            tuple((code, side, number) for (code, side), number in sorted(self._log.findings.items())),
            self._log.withdrawn_count,
            past.flows_count - past.evicted_count,
            past.evicted_count + self._study.tracker.evicted_count,
            BOUNDS_US,
            tuple(accumulate(took.counts)),
            took.sum_us,
            self._log.left_out_count + self._piles.left_out_count,
        )


def _at(table: FlowTable, end_ns: int) -> FlowTable:
    """The same connections as if the capture ended then."""
    return FlowTable(table.flows, table.halves, end_ns, table.start_ns, table._columns)


def _with_relatives(table: FlowTable, rows: np.ndarray) -> np.ndarray:
    """`rows`, in order, with what rules compare them with.

    That is the connections before and after them on the same ports, and those of the same client's socket: an
    answer from another address looks like one.
    """
    previous = table.flows["previous"].astype(np.int64) - 1
    later = np.flatnonzero(previous >= 0)
    chosen = np.zeros(len(table), bool)
    chosen[rows] = True
    sockets = table.client_key["lo"] * SPREAD + table.client_key["port"]
    chosen |= np.isin(sockets, sockets[rows])
    after = later[chosen[previous[later]]]
    before = previous[rows]
    chosen[after] = True
    chosen[before[before >= 0]] = True
    return np.flatnonzero(chosen)


def _worst_first(incidents: list[LiveIncident]) -> tuple[LiveIncident, ...]:
    return tuple(
        sorted(incidents, key=lambda each: (-SEVERITIES.index(each.severity), -each.flows_count, each.id))
    )


def _gist(found: list[Finding]) -> set[tuple[str, str]]:
    """What makes a verdict another one."""
    return {(finding.code, finding.severity) for finding in found}


def _instead(case: Case, found: list[Finding]) -> str:
    """What a connection is that is not what it was told to be."""
    if found:
        return ", ".join(finding.code for finding in found)
    end = outcomes(case.scene.table.subset(np.array([case.index])))[0]
    return f"{end}, nothing wrong"


def _states(table: FlowTable) -> tuple[tuple[str, int, int], ...]:
    """(state, clients, servers) of connections that are not over, by what is believed."""
    quiet_ns = table.end_ns - table.flows["end_ns"]
    counts = []
    for side in (table.client, table.server):
        state = side("believed").copy()
        state[(state == State.TIME_WAIT) & (quiet_ns > TIME_WAIT_NS)] = State.CLOSED
        opening = (state == State.SYN_SENT) | (state == State.SYN_RECEIVED)
        state[opening & (quiet_ns > HALF_OPEN_NS)] = State.CLOSED
        counts.append(np.bincount(state, minlength=len(State)))
    client, server = counts
    return tuple(
        (state.text, int(client[state]), int(server[state]))
        for state in OPEN_STATES
        if client[state] or server[state]
    )
