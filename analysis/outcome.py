"""How a connection ended, as pure functions of both ends: Zeek's word for it, and a plainer one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .records import Fact
from .states import State
from .table import FlowTable

INACTIVE, SYN_SENT, SYNACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET = range(7)
"""Zeek's endpoint states, as the tracker keeps them."""


@dataclass(frozen=True)
class Words:
    """A word for each connection: `places` are those of `words`."""

    words: tuple[str, ...]
    places: np.ndarray

    def __getitem__(self, index: int) -> str:
        return self.words[self.places[index]]

    def are(self, *words: str) -> np.ndarray:
        """Which connections have one of these."""
        return np.asarray(np.array([word in words for word in self.words])[self.places])

    def counted(self) -> Counter[str]:
        """How many connections have each word; words that none has are left out."""
        counts = np.bincount(self.places, minlength=len(self.words)).tolist()
        return Counter({word: count for word, count in zip(self.words, counts, strict=True) if count})


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


CONN_STATES = ("S0", "S1", "S2", "S3", "SF", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
"""Zeek's words, as far as `conn_state` uses them."""


def conn_states(table: FlowTable) -> Words:
    """`conn_state` of every connection; Zeek's originator is who it took for one."""
    flipped = table.has(Fact.FLIPPED).astype(np.int64)
    base = 2 * np.arange(len(table))
    zeek, sent = table.both("zeek"), table.both("unique_bytes") > 0
    places = [[[CONN_STATES.index(conn_state(o, r, b)) for b in (0, 1)] for r in range(7)] for o in range(7)]
    payload = (sent[0::2] | sent[1::2]).astype(np.int64)
    found = np.array(places, np.uint8)[zeek[base + flipped], zeek[base + 1 - flipped], payload]
    return Words(CONN_STATES, found)


PATIENCE_NS = 3_000_000_000
"""Programs close within milliseconds of the end of the stream; before this a FIN alone is unfinished."""

OUTCOMES = ("unanswered", "refused", "reset", "stuck", "completed", "open", "partial")


def outcomes(table: FlowTable) -> Words:
    """One of OUTCOMES for every connection.

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
    result = np.full(len(table), OUTCOMES.index("partial"), np.uint8)
    for mask, word in reversed(rules):
        result[mask] = OUTCOMES.index(word)
    return Words(OUTCOMES, result)
