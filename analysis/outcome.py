"""How a connection ended, as pure functions of both ends: Zeek's word for it, and a plainer one."""

from __future__ import annotations

import numpy as np

from .records import Fact
from .states import State
from .table import FlowTable

INACTIVE, SYN_SENT, SYNACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET = range(7)
"""Zeek's endpoint states, as the tracker keeps them."""


def conn_state(originator: int, responder: int, payload_bytes: int) -> str:
    """Zeek's `conn_state` (conn.log) from its two endpoint states.

    >>> conn_state(CLOSED, CLOSED, 10), conn_state(SYN_SENT, RESET, 0), conn_state(SYN_SENT, INACTIVE, 0)
    ('SF', 'REJ', 'S0')
    """
    originator_quiet = originator in (INACTIVE, PARTIAL)
    responder_quiet = responder in (INACTIVE, PARTIAL)
    if responder == RESET:
        if originator in (SYN_SENT, SYNACK_SENT) or (originator == RESET and payload_bytes == 0):
            return "REJ"
        return "RSTRH" if originator_quiet else "RSTR"
    if originator == RESET:
        return "RSTOS0" if responder_quiet else "RSTO"
    if originator == CLOSED and responder == CLOSED:
        return "SF"
    if originator == CLOSED:
        return "SH" if responder_quiet else "S2"
    if responder == CLOSED:
        return "SHR" if originator_quiet else "S3"
    if originator == SYN_SENT and responder == INACTIVE:
        return "S0"
    if originator == ESTABLISHED and responder == ESTABLISHED:
        return "S1"
    return "OTH"


def conn_states(table: FlowTable) -> np.ndarray:
    """`conn_state` of every connection, as an array of str; Zeek's originator is who it took for one."""
    flipped = table.has(Fact.FLIPPED).astype(np.int64)
    base = 2 * np.arange(len(table))
    originator = table.halves["zeek"][base + flipped].astype(np.int64)
    responder = table.halves["zeek"][base + 1 - flipped].astype(np.int64)
    payload = (table.halves["unique_bytes"][0::2] + table.halves["unique_bytes"][1::2]) > 0
    words = np.array(
        [[[conn_state(o, r, b) for b in (0, 1)] for r in range(7)] for o in range(7)], dtype=object
    )
    return words[originator, responder, payload.astype(np.int64)]


PATIENCE_NS = 3_000_000_000
"""Programs close within milliseconds of the end of the stream; before this a FIN alone is unfinished."""

OUTCOMES = ("unanswered", "refused", "reset", "stuck", "completed", "open", "partial")


def outcomes(table: FlowTable) -> np.ndarray:
    """One of OUTCOMES for every connection, as an array of str.

    `unanswered`: a SYN and nothing back. `refused`: a RST or an ICMP error instead of a SYN-ACK. `reset`: a
    RST ended it. `stuck`: one side closed, and the other neither did nor spoke for three seconds.
    `completed`: both closed. `open`: neither did, or one only just. `partial`: the opening was not captured
    and neither end closed.
    """
    client, server = table.client, table.server
    opened = (client("syn_count") > 0) | (server("synack_count") > 0)
    answered = server("synack_count") > 0
    closed = (client("fin_count") > 0).astype(int) + (server("fin_count") > 0)
    spoken_ns = np.maximum(table.either("fin_ns"), table.either("data_last_ns"))
    waited = table.end_ns - spoken_ns >= PATIENCE_NS
    reset = (client("rst_count") > 0) | (server("rst_count") > 0)
    refused = opened & ~answered & ((server("rst_count") > 0) | (table.flows["icmp_count"] > 0))
    gone = (client("believed") == State.CLOSED) | (server("believed") == State.CLOSED)
    rules = [
        (refused, "refused"),
        (opened & ~answered & (server("packets") == 0), "unanswered"),
        (closed == 2, "completed"),
        (reset & gone, "reset"),
        ((closed == 1) & waited, "stuck"),
        (opened | (closed == 1), "open"),
    ]
    result = np.full(len(table), "partial", dtype=object)
    for mask, word in reversed(rules):
        result[mask] = word
    return result
