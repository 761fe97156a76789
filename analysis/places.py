"""Where each of several captures was taken, when they are analysed as one.

The files of one capture that was cut into pieces are one place, and all their connections vote together.
Files from different places do not agree: then each connection is seen from where the file that begins it was
taken, and each file says its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .neighbours import Neighbours
from .result import Vantage
from .table import FlowTable
from .vantage import Place, infer

MOST_FILES = 32
"""More files than this are pieces of one capture."""

SURE = 0.85
"""A place inferred with less confidence disagrees with no other."""


def infer_each(table: FlowTable, neighbours: Neighbours, first_frames: Sequence[int]) -> Place:
    """The place of all files, or of each when they disagree. `first_frames`: each file's first, ascending."""
    whole = infer(table, neighbours)
    if not 1 < len(first_frames) <= MOST_FILES:
        return whole
    files = np.searchsorted(np.array(first_frames), table.flows["first_frame"], "right") - 1
    rows = [np.flatnonzero(files == number) for number in range(len(first_frames))]
    places = [infer(table.subset(mine), neighbours) for mine in rows]
    known = {place.vantage.side for place in places if place.vantage.confidence >= SURE}
    if len(known - {"unknown"}) < 2:
        return whole
    sides = np.full(len(table), "unknown", dtype=object)
    for mine, place in zip(rows, places, strict=True):
        sides[mine] = place.vantage.side if place.sides is None else place.sides
    most = max(range(len(places)), key=lambda number: len(rows[number]))
    remark = "the captures were taken at different places: each connection is judged from its own"
    told = tuple(_remarked(place.vantage, remark) for place in places)
    return Place(told[most], sides.astype(str), told)


def _remarked(vantage: Vantage, remark: str) -> Vantage:
    return replace(vantage, votes=(*vantage.votes, remark))
