"""Whether the capture's clock can be believed: does it run forward, does it jump, how fine does it tick?

A clock that was set makes every wait look longer than it was, and silence is judged by how long it lasted.
Two clocks tell: the capture's, and those of the hosts, whose timestamps (RFC 7323) go on at their own pace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...capture.segment import SEGMENT, Kind, Option
from ..sorting import SHUFFLE_NS, out_of_cause

COARSE_NS = 1_000_000
"""Round trips within a building are shorter; a clock that ticks in milliseconds cannot see them."""

ENOUGH_TIMES = 50
"""So many times that are all whole milliseconds are no chance."""

SAMPLED = 4096
"""Packets that tell how fine the clock is, and whether cards with several clocks have captured."""

ACAUSAL = 3
"""One or two may acknowledge what the capture lost and saw again in the next moment."""

TOLD = 3
"""Steps that are kept to be told; the others are counted."""

JUMP_NS = 3_600_000_000_000
"""Ahead by more than an hour within a connection: a long silence, or a clock that was set."""

SLOWEST_HZ = 1
"""RFC 7323 section 5.4: a host's timestamps tick at least once a second."""

COMPARED = 4096
"""Rows before and after a jump whose timestamps are compared."""

REMEMBERED = 64
"""Rows kept from one feeding to the next, in case a jump lies between."""

STRETCH_NS = 1_000_000_000
"""No silence is judged by less than a second, so that a smaller step back makes none longer."""

MOST_STEPS = 1000
"""Steps back that are looked at, each time and in all."""

TICKS = 1 << 32
SECOND = 1_000_000_000


Speaker = tuple[int, int, int, int]
"""Address (two halves) and port of who speaks, and the hash of the connection."""


class Jump(NamedTuple):
    """The capture's clock is ahead all at once, and the clocks of the hosts are not."""

    frame: int  # the first one afterwards
    before_ns: int  # time of the one before it
    by_ns: int
    hosts_ns: int = 0  # what has passed for the hosts in this time, at most


@dataclass
class Clock:
    """What the times in a file say about its clock. Fed with rows in file order."""

    shuffled_count: int = 0  # packets a little earlier than the one before them
    acausal_count: int = 0  # of the packets fed first, those that acknowledge what comes a little later
    steps: list[tuple[int, int]] = field(default_factory=list)  # (frame, ns back), the first few
    steps_count: int = 0
    jumps: list[Jump] = field(default_factory=list)
    resolution_ns: int = 1  # what all times of the first packets are multiples of
    _stretches: list[tuple[int, int]] = field(default_factory=list)  # ended by a step: (last frame, its time)
    _last_ns: int = 0
    _sampled_count: int = 0
    _recent: bytes = b""
    _asked: _Question | None = None  # a jump in doubt

    def feed(self, segments: np.ndarray, steps_ns: tuple[int, int] | None = None) -> bool:
        """Rows in capture order, at least one. Returns whether these have to be sorted.

        `steps_ns`: no step between two of them is further back or ahead.
        """
        times, shuffled_count = segments["time_ns"], self.shuffled_count
        if self._sampled_count < SAMPLED:
            self._measure(segments[: SAMPLED - self._sampled_count])
        if self._asked:
            self._settle(segments)
        if not self._even(int(times[0]), steps_ns):
            steps = np.diff(times, prepend=self._last_ns or times[0])
            for place in np.flatnonzero(steps < 0)[:MOST_STEPS].tolist():
                self._back(int(segments["frame"][place]), int(times[place]), -int(steps[place]))
            for place in np.flatnonzero(steps > JUMP_NS)[:TOLD].tolist():
                self._ahead(segments, place, int(steps[place]))
        self._last_ns = int(times[-1])
        self._recent = segments[-REMEMBERED:].tobytes()  # a copy: the rows will be written again
        return self.shuffled_count > shuffled_count or self.acausal

    def _even(self, first_ns: int, steps_ns: tuple[int, int] | None) -> bool:
        """Whether time is known to go on, and not far, from the rows before over the first to the last."""
        if steps_ns is None:
            return False
        step = first_ns - (self._last_ns or first_ns)
        return min(step, steps_ns[0]) >= 0 and max(step, steps_ns[1]) <= JUMP_NS

    @property
    def coarse(self) -> bool:
        """Whether the clock ticks in milliseconds; a few packets may do so by chance."""
        return self.resolution_ns >= COARSE_NS and self._sampled_count >= ENOUGH_TIMES

    @property
    def acausal(self) -> bool:
        """Whether effects stand before their causes, more often than a repeat may look so."""
        return self.acausal_count >= ACAUSAL

    @property
    def disordered(self) -> bool:
        """Whether packets stand where they were not sent, so that they have to be sorted."""
        return self.shuffled_count > 0 or self.acausal

    def waited_ns(self, first_frame: int, at_ns: int, end_ns: int) -> int:
        """From a moment of a connection that begins with a frame to the end of the capture at `end_ns`.

        Jumps of the clock are not counted. After a step back nothing lies as late as what came before it.
        """
        if self._stretches and first_frame > self._stretches[0][0]:
            later = (stretch_ns for frame, stretch_ns in self._stretches if frame >= first_frame)
            end_ns = max((self._last_ns, *later))
        skipped_ns = sum(jump.by_ns for jump in self.jumps if at_ns <= jump.before_ns < end_ns)
        return end_ns - at_ns - skipped_ns

    def _measure(self, segments: np.ndarray) -> None:
        """The finest difference between two of the first packets, and whether effects come before causes."""
        if not self._sampled_count:  # later, what looks like a cause may be the repeat of one seen before
            self.acausal_count = len(out_of_cause(segments)[0])
        self._sampled_count += len(segments)
        finest = int(np.gcd.reduce(segments["time_ns"]))
        self.resolution_ns = finest if self.resolution_ns == 1 else int(np.gcd(finest, self.resolution_ns))

    def _back(self, frame: int, at_ns: int, by_ns: int) -> None:
        """A packet earlier than the one before it."""
        if by_ns <= SHUFFLE_NS:
            self.shuffled_count += 1
            return
        self.steps_count += 1
        if len(self.steps) < TOLD:
            self.steps.append((frame, by_ns))
        if by_ns > STRETCH_NS and len(self._stretches) < MOST_STEPS:
            self._stretches.append((frame - 1, at_ns + by_ns))

    def _ahead(self, segments: np.ndarray, place: int, by_ns: int) -> None:
        """Row number `place` is much later than the one before it."""
        jump = Jump(int(segments["frame"][place]), int(segments["time_ns"][place]) - by_ns, by_ns)
        before = segments[max(0, place - COMPARED) : place]
        if self._recent:
            before = np.concatenate((np.frombuffer(self._recent, SEGMENT), before))
        self._asked = _Question(jump, dict(_spoken(before)))
        self._settle(segments[place:])

    def _settle(self, after: np.ndarray) -> None:
        """Ask the rows after a jump about it; those to come are asked, too, while these do not tell."""
        assert self._asked is not None
        step = self._asked.heard(after)
        if step is not None and len(self.jumps) < TOLD:
            self.jumps.append(step)
        if self._asked.settled:
            self._asked = None


class _Question:
    """What the clocks of the hosts say about a jump of the capture's; `last`: their timestamps before it."""

    def __init__(self, jump: Jump, last: dict[Speaker, int]) -> None:
        self.jump, self.last = jump, last
        self.passed_ns: dict[tuple[int, int], int] = {}  # by host: the time since, at most
        self.rows_left = COMPARED
        self.settled = False

    def heard(self, rows: np.ndarray) -> Jump | None:
        """The jump, once two hosts say that it is none of theirs: a single one may have slept."""
        for speaker, tsval in _spoken(rows[: self.rows_left]):
            if (said := self.last.pop(speaker, None)) is not None:
                ticks = min((tsval - said) % TICKS, (said - tsval) % TICKS)
                host = speaker[:2]
                self.passed_ns[host] = max(self.passed_ns.get(host, 0), ticks * SECOND // SLOWEST_HZ)
        self.rows_left -= len(rows)
        hosts_ns = max(self.passed_ns.values(), default=0)
        it_passed = 2 * hosts_ns >= self.jump.by_ns
        self.settled = it_passed or len(self.passed_ns) > 1 or self.rows_left <= 0
        confirmed = len(self.passed_ns) > 1 and not it_passed
        return self.jump._replace(hosts_ns=hosts_ns) if confirmed else None


def _spoken(rows: np.ndarray) -> Iterator[tuple[Speaker, int]]:
    """Who speaks in which connection, and the timestamp, of the rows that have one."""
    mine = rows[(rows["kind"] == Kind.TCP) & (rows["options"] & Option.TIMESTAMP != 0)]
    names = ("src_hi", "src_lo", "sport", "flow_hash")
    speakers = zip(*(mine[name].tolist() for name in names), strict=True)
    yield from zip(speakers, mine["tsval"].tolist(), strict=True)
