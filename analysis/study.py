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
from dataclasses import replace
from itertools import compress

import numpy as np

from . import findings, incidents, quality, vantage
from .case import Case, Scene
from .flow_ids import flow_id, named
from .illustrate import ladder, state_changes, trace
from .neighbours import Collector
from .outcome import conn_states, outcomes
from .peers import gather
from .recorder import Recorder, Recording
from .result import (
    SEVERITIES,
    Analysis,
    CaptureFacts,
    Endpoint,
    Finding,
    Flow,
    Handshake,
    Incident,
    Retransmissions,
    StateChange,
    Totals,
)
from .series import series
from .table import FlowTable
from .tracker import Tracker, history_text
from .traits import traits_of

DETAILED_FLOWS = 10_000
"""Connections with findings that are told one by one; the rest is counted."""

FAILED = ("unanswered", "refused", "stuck")

SHOWN_FLOWS = 100
"""Connections whose segments are read a second time, worst first."""

SURE_FLOWS = 10
"""Of these, so many are read again whatever it costs."""

READING_FRAMES, READING_RATIO = 250_000, 0.05
"""The rest only while the second reading stays within so many frames, or this share of the capture."""

KINDS = (
    ("syn", "syn_repeat_count"),
    ("synack", "synack_repeat_count"),
    ("rto", "rto_count"),
    ("fast", "fast_count"),
    ("tail-loss-probe", "tlp_count"),
    ("spurious", "spurious_count"),
    ("fin", "fin_repeat_count"),
)


class Study:
    """One analysis in the making.

    `vantage_side` overrides the inferred vantage point. `all_flows` tells healthy connections, too; `only`
    (a Flow's id) tells that connection and no other, healthy or not.
    """

    def __init__(
        self,
        vantage_side: str | None = None,
        all_flows: bool = False,
        only: str | None = None,
        shown_flows: int = SHOWN_FLOWS,
    ) -> None:
        self._vantage_side = vantage_side
        self._all_flows = all_flows
        self._only = only
        self._shown_flows = shown_flows
        self._tracker = Tracker()
        self._neighbours = Collector()
        self._clock = quality.Clock()
        self._scene: Scene | None = None
        self._judged: list[tuple[Case, list[Finding]]] = []
        self._left_out_count = 0
        self._recorder: Recorder | None = None

    def feed(self, segments: np.ndarray) -> None:
        """Rows of the first pass, in capture order."""
        if len(segments) == 0:
            return
        notes = self._tracker.feed(segments)
        if self._neighbours.wants_more or (notes["flow"] < 0).any():
            self._neighbours.feed(segments)
        self._clock.feed(segments)

    def judge(self, start_ns: int | None = None, end_ns: int | None = None) -> list[tuple[int, int]]:
        """Ask every rule. Returns the frame ranges that the second pass needs.

        `start_ns` and `end_ns` widen the capture's span to packets that are no TCP.
        """
        count = self._tracker.count
        flows = self._tracker.flows[:count]
        moments = [at_ns for at_ns in (start_ns, end_ns) if at_ns is not None]
        if count:
            moments += [int(flows["start_ns"].min()), int(flows["end_ns"].max())]
        start, end = min(moments, default=0), max(moments, default=0)
        table = FlowTable(flows, self._tracker.halves[: 2 * count], end, start)
        heard = self._neighbours.finish()
        where = vantage.given(self._vantage_side) if self._vantage_side else vantage.infer(table, heard)
        traits = traits_of(table)
        self._scene = Scene(
            table,
            gather(table),
            where.vantage,
            table.start_ns,
            end,
            traits.one_way,
            traits.drop_ratio,
            heard,
            where.sides,
            traits,
        )
        self._judged = self._ask(table)
        chosen = self._affordable(table)
        self._recorder = Recorder(table, chosen) if chosen else None
        return self._recorder.spans if self._recorder else []

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
            if budget >= 0 or len(chosen) < SURE_FLOWS:
                chosen.append(case.index)
        return chosen

    def illustrate(self, segments: np.ndarray, data: np.ndarray) -> None:
        """Rows of the second pass, with the buffer that holds their payload."""
        if self._recorder is not None:
            self._recorder.feed(segments, data)

    def conclude(self, captures: tuple[CaptureFacts, ...], tool_version: str) -> Analysis:
        """The finished analysis. `captures` come as read; vantage and quality are filled in here."""
        assert self._scene is not None, "judge() comes first"
        scene = self._scene
        recordings = self._recorder.recordings() if self._recorder else {}
        words, ends = conn_states(scene.table), outcomes(scene.table)
        flows = [
            _flow(case, found, recordings.get(case.index), str(words[case.index]), str(ends[case.index]))
            for case, found in self._judged
        ]
        folded = incidents.fold(flows)
        told = tuple(
            replace(facts, vantage=scene.vantage, quality=quality.inspect(self._look(facts, len(captures))))
            for facts in captures
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
            series(scene.table, ends),
        )

    def _look(self, facts: CaptureFacts, captures_count: int) -> quality.Look:
        """What is inspected of one capture; between several files, time may go back."""
        scene = self.scene
        clock = self._clock if captures_count == 1 else quality.Clock()
        return quality.Look(facts, scene.table, scene.traits, scene.neighbours, clock, scene.vantage.side)

    def _ask(self, table: FlowTable) -> list[tuple[Case, list[Finding]]]:
        """(connection, findings) pairs, worst first."""
        assert self._scene is not None
        masks = findings.candidates(table)
        any_rule = masks.any(axis=0)
        everything = self._all_flows or self._only is not None
        chosen = np.arange(len(table)) if everything else np.flatnonzero(any_rule)
        if self._only is not None:
            chosen = np.flatnonzero(named(table, self._only))
        self._left_out_count = max(0, len(chosen) - DETAILED_FLOWS)
        if self._left_out_count:  # what failed is told rather than what is merely worth knowing
            failed = np.isin(outcomes(table)[chosen], FAILED)
            chosen = np.sort(np.concatenate((chosen[failed], chosen[~failed]))[:DETAILED_FLOWS])
        judged = []
        for index, asked in zip(chosen.tolist(), masks[:, chosen].T.tolist(), strict=True):
            case = Case.of(self._scene, index)
            found = findings.judge(case, list(compress(findings.RULES, asked)))
            if found or everything:
                judged.append((case, found))
        return _worst_first(judged)

    def _totals(
        self,
        table: FlowTable,
        flows: list[Flow],
        words: np.ndarray,
        ends: np.ndarray,
        captures: tuple[CaptureFacts, ...],
    ) -> Totals:
        repeats = sum(int(table.halves[field].sum()) for _, field in KINDS)
        return Totals(
            len(table),
            sum(bool(flow.findings) for flow in flows),
            self._tracker.evicted_count,
            _counts(words),
            _counts(ends),
            dict(Counter(finding.code for flow in flows for finding in flow.findings)),
            repeats,
            sum(facts.packets_count for facts in captures),
            sum(facts.tcp_segments_count for facts in captures),
        )


def _counts(words: np.ndarray) -> dict[str, int]:
    return dict(sorted(Counter(words.tolist()).items()))


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


def _flow(case: Case, found: list[Finding], recording: Recording | None, word: str, end: str) -> Flow:
    """Everything that is told about one connection."""
    flow, client, server = case.flow, case.client, case.server
    missing = findings.missing(case, found)
    shown = ladder(case, recording, found[0] if found else None, missing) if recording else ()
    states = state_changes(case, recording) if recording else _final_states(case)
    return Flow(
        flow_id(case),
        case.client_end,
        case.server_end,
        flow.roles_percent / 100,
        flow.start_ns,
        flow.end_ns,
        flow.first_frame,
        flow.last_frame,
        client.packets,
        server.packets,
        client.unique_bytes,
        server.unique_bytes,
        word,
        history_text(case.scene.table.flows[case.index]),
        case.state("client").text,
        case.state("server").text,
        case.certain("client"),
        case.certain("server"),
        end,
        states,
        _handshake(case),
        _retransmissions(case),
        tuple(found),
        shown,
        recording.left_out_count if recording else 0,
        trace(case, recording) if recording else None,
    )


def _final_states(case: Case) -> tuple[StateChange, ...]:
    """What is known without a second pass: where both ends stand."""
    return tuple(
        StateChange(side, case.state(side).text, case.certain(side), case.flow.end_ns, case.flow.last_frame)
        for side in ("client", "server")
    )


def _handshake(case: Case) -> Handshake:
    client, server = case.client, case.server
    answered = client.syn_count > 0 and server.synack_count > 0
    established = case.flow.established_ns
    return Handshake(
        client.syn_count,
        server.synack_count,
        (server.syn_ns - client.syn_ns) / 1000 if answered else None,
        (established - server.syn_ns) / 1000 if answered and established else None,
        bool(answered and established),
    )


def _retransmissions(case: Case) -> Retransmissions:
    by_kind = {name: getattr(case.client, field) + getattr(case.server, field) for name, field in KINDS}
    return Retransmissions(
        sum(getattr(case.client, field) for _, field in KINDS),
        sum(getattr(case.server, field) for _, field in KINDS),
        {name: count for name, count in by_kind.items() if count},
    )


def headline(folded: tuple[Incident, ...], totals: Totals, captures: tuple[CaptureFacts, ...]) -> str:
    """What happened, in one sentence or two."""
    if folded:
        first, others = folded[0], len(folded) - 1
        kinds = "failure" if first.severity == "error" else "trouble"
        more = f"; {others} more kind{'s' if others > 1 else ''} of {kinds}" if others else ""
        return f"{first.summary[:1].upper()}{first.summary[1:]}{more}."
    unread = [facts for facts in captures if facts.error and facts.packets_count == 0]
    if totals.flows_count == 0 and unread:
        return f"Nothing could be read: {unread[0].error}."
    if totals.flows_count == 0:
        return "No TCP connection was captured."
    plural = "s" if totals.flows_count != 1 else ""
    return f"No connection failed: {totals.flows_count} connection{plural} seen, nothing to report."
