"""The whole analysis: rows in (twice), one frozen `Analysis` out.

    study = Study()
    for batch in capture.batches():
        study.feed(batch.segments)
    for batch in capture.batches(study.judge()):
        study.illustrate(batch.segments, batch.data)
    analysis = study.conclude(facts)

The first pass tracks every connection. `judge` then asks the rules, each only about connections that its mask
picks, and names the frames that pictures need. The second pass reads those again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from . import findings, incidents, piles
from .case import Case, Scene
from .flow_ids import named
from .incidents import Failing
from .live.departed import Departed, repeats
from .outcome import Words, conn_states, outcomes
from .pictures.dissection import quoted
from .pictures.recorder import Recorder
from .pictures.series import series
from .result import SEVERITIES, Analysis, CaptureFacts, Dissection, Endpoint, Finding, Flow, Totals
from .scene import quality, vantage
from .scene.clock import Clock
from .scene.neighbours import Collector
from .scene.peers import gather
from .scene.places import infer_each
from .scene.traits import traits_of
from .sorting import put_in_order
from .table import FlowTable
from .telling import headline, tell
from .tracker import Tracker

if TYPE_CHECKING:
    from ..capture.dissect import Spoken

DETAILED_FLOWS = 10_000
"""Connections with findings that are told one by one; the rest is counted."""

ASKED_RATIO = 10
"""So many times as many are asked at most: a mask picks some of which the rule then says nothing."""

FAILED = ("unanswered", "refused", "stuck")

SHOWN_FLOWS = 100
"""Connections whose segments are read a second time, worst first."""

SURE_FLOWS = 10
"""Of these, so many (or as many as were asked for) are read again whatever it costs."""

READING_FRAMES, READING_RATIO = 250_000, 0.05
"""The rest only while the second reading stays within so many frames, or this share of the capture."""


SHUFFLED_FRAMES = 256
"""Where capture queues have shuffled frames, a connection's may stand so far before its first and after its
last."""


class Study:
    """One analysis in the making.

    `vantage_side` overrides the inferred vantage point. `all_flows` tells healthy connections, too; `only`
    (a Flow's id) tells that connection and no other, healthy or not. At most `told_flows` connections are
    told (None: all that there are); the rest is counted.
    """

    def __init__(
        self,
        vantage_side: str | None = None,
        all_flows: bool = False,
        only: str | None = None,
        shown_flows: int = SHOWN_FLOWS,
        sure_flows: int = SURE_FLOWS,
        told_flows: int | None = DETAILED_FLOWS,
    ) -> None:
        self._vantage_side = vantage_side
        self._all_flows = all_flows
        self._only = only
        self._shown_flows = shown_flows
        self._sure_flows = max(sure_flows, SURE_FLOWS)
        self._told_flows = told_flows
        self._tracker = Tracker()
        self._neighbours = Collector()
        self._clock = Clock()
        self._first_frames: Sequence[int] = ()
        self._rewritten = False
        self._scene: Scene | None = None
        self._judged: list[tuple[Case, list[Finding]]] = []
        self._left_out_count = 0
        self._recorder: Recorder | None = None
        self.departed = Departed()
        self._spoken: Spoken | None = None
        self._dissection: Dissection | None = None

    @property
    def tracker(self) -> Tracker:
        """The connections as they stand."""
        return self._tracker

    def feed(self, segments: np.ndarray, steps_ns: tuple[int, int] | None = None) -> np.ndarray:
        """Rows of the first pass, in capture order. Returns their NOTE rows, valid until the next call.

        Rows that several capture queues have shuffled are put in order, in place. `steps_ns`: how far their
        times go back and ahead at most from one row to the next; looked at when not given.
        """
        if len(segments) and self._clock.feed(segments, steps_ns):
            put_in_order(segments)
        notes = self._tracker.feed(segments)
        if len(segments) and (self._neighbours.wants_more or self._tracker.homeless_count):
            self._neighbours.feed(segments)
        return notes

    def judge(
        self,
        start_ns: int | None = None,
        end_ns: int | None = None,
        first_frames: Sequence[int] = (),
        rewritten: bool = False,
    ) -> list[tuple[int, int]]:
        """Ask every rule. Returns the frame ranges that the second pass needs.

        `start_ns` and `end_ns` widen the capture's span to packets that are no TCP; `first_frames` is the
        number of each capture's first frame, ascending, where several are analysed as one. Of headers
        that were `rewritten` (traits.rewritten) nothing is said.
        """
        self._first_frames = first_frames
        self._rewritten = rewritten
        table = self.table(start_ns, end_ns)
        self._scene = self.survey(table)
        self._judged = self._ask(table)
        chosen = self._affordable(table)
        around = SHUFFLED_FRAMES if self._clock.disordered else 0
        self._recorder = Recorder(table, chosen, around) if chosen else None
        return self._recorder.spans if self._recorder else []

    def table(self, start_ns: int | None = None, end_ns: int | None = None) -> FlowTable:
        """All connections as columns, over a span that `start_ns` and `end_ns` widen. No copy."""
        count = self._tracker.count
        flows = self._tracker.flows[:count]
        moments = [at_ns for at_ns in (start_ns, end_ns, self.departed.start_ns) if at_ns is not None]
        if count:
            moments += [int(flows["start_ns"].min()), int(flows["end_ns"].max())]
        start, end = min(moments, default=0), max(moments, default=0)
        return FlowTable(flows, self._tracker.halves[: 2 * count], end, start)

    def survey(self, table: FlowTable) -> Scene:
        """What surrounds the connections of a table: vantage point, artefacts, neighbours, peers."""
        heard = self._neighbours.finish()
        given = self._vantage_side
        where = vantage.given(given) if given else infer_each(table, heard, self._first_frames)
        traits = traits_of(table)._replace(rewritten=self._rewritten)
        return Scene(
            table,
            gather(table, self.departed.attempts),
            where.vantage,
            table.start_ns,
            table.end_ns,
            traits.one_way,
            traits.drop_ratio,
            heard,
            where.sides,
            traits,
            self._clock,
            where.each,
        )

    def release(self, leaving: np.ndarray, failing: Sequence[Failing] = (), evicted_count: int = 0) -> None:
        """Take connections out of the table (a bool each) and keep their sums.

        `failing` are those that were told to have findings, `evicted_count` how many had not ended. Rows
        behind them move up.
        """
        table = self.table()
        self.departed.take(table.subset(np.flatnonzero(leaving)), failing, evicted_count)
        self._tracker.keep(~leaving)

    @property
    def scene(self) -> Scene:
        """What `judge` found out about the capture as a whole."""
        assert self._scene is not None, "judge() comes first"
        return self._scene

    def _affordable(self, table: FlowTable) -> list[int]:
        """The worst connections, as many as the second reading may cost."""
        first, last = table.flows["first_frame"], table.flows["last_frame"]
        frames = int(last.max()) - int(first.min()) + 1 if len(table) else 0
        budget = max(READING_FRAMES, READING_RATIO * frames)
        chosen: list[int] = []
        for case, _ in self._judged[: self._shown_flows]:
            budget -= int(last[case.index]) - int(first[case.index]) + 1
            if budget >= 0 or len(chosen) < self._sure_flows:
                chosen.append(case.index)
        return chosen

    def illustrate(self, segments: np.ndarray, data: np.ndarray) -> np.ndarray:
        """Rows of the second pass, with the buffer that holds their payload.

        Returns the numbers of the frames, ascending, that a dissector should see.
        """
        assert self._recorder is not None, "no connection was chosen"
        if self._clock.disordered and len(segments):
            put_in_order(segments)
        return self._recorder.feed(segments, data)

    def dissected(self, spoken: Spoken, frames_count: int) -> None:
        """What tshark said of the frames that `illustrate` named."""
        self._spoken = spoken
        self._dissection = Dissection(spoken.program, frames_count, spoken.problem)

    def conclude(self, captures: tuple[CaptureFacts, ...], tool_version: str) -> Analysis:
        """The finished analysis. `captures` come as read; vantage and quality are filled in here."""
        assert self._scene is not None, "judge() comes first"
        scene = self._scene
        recordings = self._recorder.recordings() if self._recorder else {}
        words, ends = conn_states(scene.table), outcomes(scene.table)
        flows = [
            tell(case, found, recordings.get(case.index), words[case.index], ends[case.index])
            for case, found in self._judged
        ]
        if self._spoken is not None and self._recorder is not None:
            flows = self._quoted(flows, self._spoken, self._recorder)
        folded = incidents.fold(flows, self.departed.incidents, piles.judge(scene, self._judged))
        told = tuple(
            replace(facts, vantage=place, quality=quality.inspect(self._look(facts, len(captures))))
            for facts, place in zip(captures, scene.vantages or (scene.vantage,) * len(captures), strict=True)
        )
        totals = self._totals(scene.table, flows, words, ends, captures)
        return Analysis(
            tool_version,
            headline(folded, totals, captures),
            told,
            tuple(flows),
            folded,
            totals,
            self._left_out_count,
            series(scene.table, ends, self.departed.flows_count),
            dissection=self._dissection,
        )

    def _quoted(self, flows: list[Flow], spoken: Spoken, recorder: Recorder) -> list[Flow]:
        """The connections with what tshark said of those that it saw."""
        seen = recorder.excerpts()
        return [
            quoted(flow, spoken, *seen[case.index]) if case.index in seen else flow
            for flow, (case, _) in zip(flows, self._judged, strict=True)
        ]

    def _look(self, facts: CaptureFacts, captures_count: int) -> quality.Look:
        """What is inspected of one capture; between several files, time may go back."""
        scene = self.scene
        clock = self._clock if captures_count == 1 else Clock()
        return quality.Look(facts, scene.table, scene.traits, scene.neighbours, clock, scene.vantage.side)

    def _ask(self, table: FlowTable) -> list[tuple[Case, list[Finding]]]:
        """(connection, findings) pairs, worst first."""
        assert self._scene is not None
        masks = findings.candidates(table)
        if self._scene.traits.rewritten:
            masks[:] = False
        any_rule = masks.any(axis=0)
        everything = self._all_flows or self._only is not None
        chosen = np.arange(len(table)) if everything else np.flatnonzero(any_rule)
        if self._only is not None:
            chosen = np.flatnonzero(named(table, self._only))
        most = len(chosen) if self._told_flows is None else self._told_flows
        if len(chosen) > most:  # what failed is told rather than what is merely worth knowing
            failed = outcomes(table).are(*FAILED)[chosen]
            chosen = np.concatenate((chosen[failed], chosen[~failed]))
        judged: list[tuple[Case, list[Finding]]] = []
        asked_count = 0
        asked = chosen[: ASKED_RATIO * most]
        for index, picked in zip(asked.tolist(), masks[:, asked].T.copy(), strict=True):
            if len(judged) == most:
                break
            asked_count += 1
            case = Case.of(self._scene, index)
            found = findings.judge(case, list(compress(findings.RULES, picked.tolist())))
            if found or everything:
                judged.append((case, found))
        self._left_out_count = len(chosen) - asked_count
        judged.sort(key=lambda each: each[0].index)
        return _worst_first(judged)

    def _totals(
        self,
        table: FlowTable,
        flows: list[Flow],
        words: Words,
        ends: Words,
        captures: tuple[CaptureFacts, ...],
    ) -> Totals:
        past = self.departed
        codes = Counter(finding.code for flow in flows for finding in flow.findings)
        return Totals(
            len(table) + past.flows_count,
            sum(bool(flow.findings) for flow in flows) + past.flows_with_findings_count,
            self._tracker.evicted_count + past.evicted_count,
            _counts(past.by_conn_state, words),
            _counts(past.by_outcome, ends),
            dict(codes + past.by_code),
            repeats(table) + past.retransmissions_count,
            sum(facts.packets_count for facts in captures),
            sum(facts.tcp_segments_count for facts in captures),
        )


def _counts(past: Counter[str], words: Words) -> dict[str, int]:
    return dict(sorted((past + words.counted()).items()))


def _worst_first(judged: list[tuple[Case, list[Finding]]]) -> list[tuple[Case, list[Finding]]]:
    """Errors before warnings before infos; one of each kind at each listener before a second of any."""
    seen: Counter[tuple[str, Endpoint]] = Counter()
    ranked = []
    for case, found in judged:
        if not found:
            ranked.append(((len(SEVERITIES), 0, 0.0, case.index), (case, found)))
            continue
        kind = (found[0].code, case.server_end)
        key = (-SEVERITIES.index(found[0].severity), seen[kind], -found[0].confidence, case.index)
        seen[kind] += 1
        ranked.append((key, (case, found)))
    return [pair for _, pair in sorted(ranked, key=lambda item: item[0])]
