"""All connections of one analysis as the rules about many of them see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..case import Case, Scene, seconds
from ..concurrency import Level, level, stays
from ..evidence.closing import UNSURE_DROP_RATIO
from ..flow_ids import flow_id
from ..incidents import LISTED_FLOWS
from ..result import SEVERITIES, Endpoint, Evidence, Finding, Incident, StatePeak
from ..scene.grouping import Ends, different
from ..states import State
from ..table import FlowTable

Member = tuple[Case, Finding]
"""A connection, and what is wrong with it."""


@dataclass(frozen=True)
class Gathering:
    """Every connection (`table`), and those that the rules about single ones have judged."""

    scene: Scene
    judged: list[tuple[Case, list[Finding]]]

    @property
    def table(self) -> FlowTable:
        """Every connection as columns."""
        return self.scene.table

    @property
    def ends(self) -> Ends:
        """Clients, servers and listeners as numbers."""
        return self.table.ends

    @cached_property
    def reliable(self) -> bool:
        """Whether what is missing was missing on the wire, too, as far as the capture's artefacts tell."""
        traits = self.scene.traits
        return not (traits.one_way or traits.filtered or traits.drop_ratio > UNSURE_DROP_RATIO)

    def members(self, codes: tuple[str, ...], infos: bool = False) -> list[Member]:
        """Connections with a warning or an error of one of the codes, in capture order; `infos` as well."""
        wanted = [member for code in codes for member in self._by_code.get(code, ())]
        told = [member for member in wanted if infos or member[1].severity != "info"]
        return sorted(told, key=lambda member: member[0].index)

    @cached_property
    def _by_code(self) -> dict[str, list[Member]]:
        """Connections by what is found about them."""
        members: dict[str, list[Member]] = defaultdict(list)
        for case, found in self.judged:
            for finding in found:
                members[finding.code].append((case, finding))
        return dict(members)

    def piles(
        self, codes: tuple[str, ...], least: int, side_of: Callable[[Case], str | None], infos: bool = False
    ) -> Iterator[tuple[str, list[Member]]]:
        """(side, members) for each host with `least` such connections or more; `side_of` says on which side.

        A server's are those of one listener; a client's those of one client at one listener.
        """
        groups: dict[tuple[str, int, int], list[Member]] = defaultdict(list)
        for case, finding in self.members(codes, infos):
            side = side_of(case)
            if side is not None:
                own = int(self.ends.client[case.index]) if side == "client" else -1
                groups[side, int(self.ends.listeners.ids[case.index]), own].append((case, finding))
        for (side, _, _), members in groups.items():
            if len(members) >= least:
                yield side, members

    def together(self, row: int, side: str) -> np.ndarray:
        """All connections that netstat on that end's host lists beside connection `row`, for its listener."""
        rows = self.ends.listeners.members(int(self.ends.listeners.ids[row]))
        return rows if side == "server" else rows[self.ends.client[rows] == self.ends.client[row]]

    def level(self, rows: np.ndarray, side: str, state: State) -> Level:
        """How many of these connections' ends stood in a state, over time."""
        return level(stays(self.table, rows, side)[state])

    def peak(self, rows: np.ndarray, side: str, state: State) -> StatePeak:
        """The most of these connections' ends in a state at once."""
        highest = self.level(rows, side, state).peak
        return StatePeak(side, state.text, highest.count, highest.at_ns)

    def into(self, at_ns: int) -> str:
        """A moment in words: `12.3 s into the capture`."""
        return f"{seconds(max(0, at_ns - self.table.start_ns))} into the capture"

    def clients_count(self, rows: np.ndarray) -> int:
        """How many different clients these connections have."""
        return len(different(self.ends.client[rows]))

    def case(self, row: int) -> Case:
        """One connection in full."""
        return Case.of(self.scene, int(row))

    def listener(self, row: int) -> Endpoint:
        """The address and port that a connection was opened to."""
        return self.case(row).server_end

    def incident(
        self, code: str, severity: str, confidence: float, rows: np.ndarray, summary: str, **more: Any
    ) -> Incident:
        """An incident of these connections; `more` are further fields of it."""
        flows = self.table.flows
        shown = [self.case(row) for row in rows[:LISTED_FLOWS]]
        told = Incident(
            code,
            severity,
            shown[0].server_end,
            self.clients_count(rows),
            len(rows),
            int(flows["start_ns"][rows].min()),
            int(flows["end_ns"][rows].max()),
            (),
            summary,
            tuple(flow_id(case) for case in shown),
            confidence,
        )
        return replace(told, **more)


def rows_of(members: list[Member]) -> np.ndarray:
    """The numbers of the members' connections."""
    return np.array([case.index for case, _ in members])


def worst(members: list[Member]) -> Finding:
    """The most severe finding, of these the most confident."""
    return max(
        (finding for _, finding in members),
        key=lambda finding: (SEVERITIES.index(finding.severity), finding.confidence),
    )


def first_and_last(members: list[Member]) -> tuple[Evidence, ...]:
    """The evidence of the first and the last member, each line saying whose it is."""
    chosen = members[:1] if len(members) == 1 else (members[0], members[-1])
    return tuple(
        replace(item, text=f"{case.client_end}: {item.text}")
        for case, finding in chosen
        for item in finding.evidence
    )


def count(number: int, noun: str) -> str:
    """A number with its noun for sentences.

    >>> count(1, "socket"), count(4000, "socket")
    ('1 socket', '4,000 sockets')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
