"""What the capture itself hides or distorts: looked for first, because it can veto everything else."""

from __future__ import annotations

import numpy as np

from .records import Fact
from .result import CaptureFacts, Quality
from .table import FlowTable

DROP_WORTH_SAYING = 0.001
"""Acknowledged bytes that were never captured / acknowledged bytes: above this, losses are said with less confidence."""


def drop_ratio(table: FlowTable) -> float:
    """Share of acknowledged payload that the capture missed, over connections seen from both sides."""
    both = (table.halves["packets"][0::2] > 0) & (table.halves["packets"][1::2] > 0)
    pair = np.repeat(both, 2)
    unseen = float(table.halves["unseen_bytes"][pair].sum())
    whole = float(table.halves["unique_bytes"][pair].sum())
    return unseen / whole if whole else 0.0


def is_one_way(table: FlowTable) -> bool:
    """Only one direction was captured: acknowledgments advance over bytes that nobody was seen sending."""
    first = (table.halves["packets"][0::2] > 0) & (table.halves["packets"][1::2] == 0)
    second = (table.halves["packets"][1::2] > 0) & (table.halves["packets"][0::2] == 0)
    single = first | second
    moving = single & (table.either("data_packets") > 0) & table.has(Fact.SYN)
    answered_unseen = single & (table.either("data_packets") > 0)
    return bool(len(table) and answered_unseen.sum() >= 0.95 * len(table) and moving.any())


def inspect(facts: CaptureFacts, table: FlowTable) -> tuple[Quality, ...]:
    """Everything about one capture that a reader of its findings has to know."""
    found: list[Quality] = []
    packets = int(table.flows["packets"].sum())
    if facts.error:
        found.append(Quality("capture-truncated", facts.error, "what comes after is not analysed"))
    if facts.kernel_dropped_count:
        text = f"the capturing kernel dropped {facts.kernel_dropped_count} packets"
        found.append(Quality("capture-drop", text, "missing segments may have been on the wire"))
    missed = drop_ratio(table)
    if missed > DROP_WORTH_SAYING:
        text = f"{missed:.1%} of the acknowledged bytes were never captured"
        found.append(Quality("capture-drop", text, "losses are said with less confidence"))
    if is_one_way(table):
        text = "only one direction of the traffic was captured"
        found.append(Quality("one-way-capture", text, "nothing is said about answers that are missing"))
    duplicates = int(table.halves["duplicate_count"].sum())
    if duplicates > max(1, packets // 100):
        text = f"{duplicates} of {packets} segments were captured twice"
        found.append(Quality("capture-duplicate", text, "the second copies are not counted as retransmissions"))
    started = int(table.has(Fact.MIDSTREAM).sum())
    if started:
        text = f"{started} of {len(table)} connections were open before the capture began"
        found.append(Quality("mid-stream-start", text, "nothing is said about how they opened"))
    if table.has(Fact.SHORT).any():
        text = "packets were cut when they were captured (snap length)"
        found.append(Quality("snaplen-cut", text, "application data is not described"))
    return tuple(found)
