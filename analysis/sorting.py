"""Packets in the order in which they were sent, where the capture holds them in another.

A card with several queues, or two cards on one tap, deliver packets a little late: the file holds them out of
order, or with times that put an acknowledgment before what it acknowledges. Taken as they stand, such packets
look repeated or lost. So rows are sorted by time, and then whatever acknowledges is put behind the bytes that
it acknowledges.
"""

from __future__ import annotations

import numpy as np

from ..capture.segment import Flag, Kind
from .scene.grouping import different

SHUFFLE_NS = 5_000_000
"""Packets of several queues reach the file out of order by less than this; more is a clock that was set."""

MIX = tuple(np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F))
"""Odd constants that spread numbers over 64 bits."""


def put_in_order(segments: np.ndarray) -> None:
    """Sort SEGMENT rows in place. Order that only a step of the clock would change is left as it is."""
    times = segments["time_ns"]
    steps = np.diff(times, prepend=times[:1])
    if steps.min() < 0:
        stretch = np.cumsum(steps < -SHUFFLE_NS)
        segments[:] = np.take(segments, np.lexsort((times, stretch)))
    early, late = out_of_cause(segments)
    if len(early):
        segments[:] = np.take(segments, _behind(segments, early, late))


def out_of_cause(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, rows): the first ones acknowledge what the others, a little later, bring for the first time."""
    flags = segments["flags"]
    tcp = segments["kind"] == Kind.TCP
    length = segments["payload_bytes"] + ((flags & (Flag.SYN | Flag.FIN)) != 0)
    brings = np.flatnonzero(tcp & (length > 0) & (flags & Flag.RST == 0))
    acknowledges = np.flatnonzero(tcp & (flags & Flag.ACK != 0))
    if not len(brings) or not len(acknowledges):
        return brings[:0], brings[:0]
    brought = _mixed(segments[["flow_hash", "sport"]][brings], (segments["seq"] + length)[brings], "sport")
    asked = _mixed(segments[["flow_hash", "dport"]][acknowledges], segments["ack"][acknowledges], "dport")
    known, firsts = np.unique(brought, return_index=True)
    places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    there = known[places] == asked
    early, late = acknowledges[there], brings[firsts[places[there]]]
    soon = segments["time_ns"][late] - segments["time_ns"][early] <= SHUFFLE_NS
    wrong = (late > early) & soon
    return early[wrong], late[wrong]


def _mixed(rows: np.ndarray, number: np.ndarray, port: str) -> np.ndarray:
    """One number for a connection, the sender's port in it and a sequence number."""
    ports = rows[port].astype(np.uint64) * MIX[0]
    return np.asarray(rows["flow_hash"] ^ ports ^ (number.astype(np.uint64) * MIX[1]))


def _behind(segments: np.ndarray, early: np.ndarray, late: np.ndarray) -> np.ndarray:
    """The order in which early rows, and what the same senders say after them, follow the late ones."""
    turn = 2 * np.arange(len(segments))
    np.maximum.at(turn, early, 2 * late + 1)
    sender = segments["flow_hash"] ^ (segments["sport"].astype(np.uint64) * MIX[0])
    for each in different(sender[early]):
        mine = sender == each
        turn[mine] = np.maximum.accumulate(turn[mine])
    return np.argsort(turn, kind="stable")
