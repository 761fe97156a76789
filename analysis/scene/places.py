"""Where each part of the traffic was taken, when it did not all come through one point.

Several files, several interfaces in one file, and what a host says to itself (loopback) beside what it says
to others: each of these is a point. The files of one capture that was cut into pieces are one place, and so
are two interfaces of one router: where points do not contradict each other, all connections vote together.
Where they do, each connection is seen from the point at which it began, and each file says its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..result import Vantage
from ..table import FlowTable
from .neighbours import Neighbours
from .vantage import Place, infer

MOST_POINTS = 32
"""More files than this are pieces of one capture; more points than this vote together."""

SURE = 0.85
"""A place inferred with less confidence disagrees with no other."""


class Point(NamedTuple):
    """The connections that began at one interface of one file, and where that is."""

    file: int
    interface: int
    loopback: bool
    rows: np.ndarray
    place: Place


def infer_each(table: FlowTable, neighbours: Neighbours, first_frames: Sequence[int]) -> Place:
    """The place of everything, or of each point when they disagree.

    `first_frames`: the number of each file's first frame, ascending.
    """
    whole = infer(table, neighbours)
    points = [
        Point(*key, rows, infer(table.subset(rows), neighbours))
        for key, rows in _apart(table, first_frames).items()
    ]
    known = {point.place.vantage.side for point in points if point.place.vantage.confidence >= SURE}
    if len(known - {"unknown"}) < 2:
        return whole
    sides = np.full(len(table), "unknown", dtype=object)
    for point in points:
        sides[point.rows] = point.place.vantage.side if point.place.sides is None else point.place.sides
    told = [_of_file(points, number) for number in range(max(1, len(first_frames)))]
    most = max(points, key=lambda point: len(point.rows)).file
    if len(first_frames) > MOST_POINTS:  # pieces of one capture
        told = told[:1] * len(first_frames)
    return Place(told[most], sides.astype(str), tuple(told))


def _apart(table: FlowTable, first_frames: Sequence[int]) -> dict[tuple[int, int, bool], np.ndarray]:
    """(file, interface, loopback) -> connections; empty for a single point, and for too many."""
    if not len(table):
        return {}
    first = table.flows["first_frame"]
    files = np.zeros(len(table), np.int64)
    if 1 < len(first_frames) <= MOST_POINTS:
        files = np.searchsorted(np.array(first_frames), first, "right") - 1
    keys = (files << 17) | (table.flows["interface"].astype(np.int64) << 1) | table.within_one_host
    if (keys == keys[0]).all():
        return {}
    numbers, members = np.unique(keys, return_inverse=True)
    if len(numbers) > MOST_POINTS:
        return {}
    return {
        (number >> 17, number >> 1 & 0xFFFF, bool(number & 1)): np.flatnonzero(members == place)
        for place, number in enumerate(numbers.tolist())
    }


def _of_file(points: list[Point], number: int) -> Vantage:
    """What one file says: the place of most of its connections, and that others differ."""
    inside = [point for point in points if point.file == number]
    if not inside:
        return Vantage("unknown", 0.0, ())
    told = max(inside, key=lambda point: len(point.rows)).place.vantage
    remarks = []
    if len(inside) < len(points):
        remarks.append("the captures were taken at different places: each connection is judged from its own")
    if len({point.place.vantage.side for point in inside}) > 1:
        remarks += _parts(inside)
    return replace(told, votes=(*told.votes, *remarks))


def _parts(points: list[Point]) -> list[str]:
    """Which part of one file was taken where."""
    names = Counter(point.interface for point in points)
    lines = ["parts of this capture were taken at different places: each connection is judged from its own"]
    for point in points:
        where = "within one host (loopback)" if point.loopback else "between hosts"
        on = f"on interface {point.interface}" if len(names) > 1 else where
        if names[point.interface] > 1 < len(names):
            on += f", {where}"
        count = len(point.rows)
        lines.append(f"{count} connection{'s' if count > 1 else ''} {on}: {point.place.vantage.side}")
    return lines
