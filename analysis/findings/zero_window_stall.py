"""The receiver's application did not read: its window closed and the sender had to wait.

Signature
    One end advertises a window of zero for 200 ms or more, while the other end sends probes or has filled the
    window before; the probes are answered with window zero.

Meaning
    The receiving kernel's buffer is full and its program does not read: it is busy, blocked or stuck, or it
    holds back on purpose. The network and the sender are fine.

Confused with
    zero-window-unanswered: no answers. keepalive-dead: the same bytes when the window is open. silly-window:
    small windows, never zero.

Dropped by
    The application that does not read.

Next
    `ss -tmi` on that host: Recv-Q full? Then where the program waits (a stack or thread dump).

Authority
    RFC 9293 section 3.8.6.1 (zero-window probes).
"""

from __future__ import annotations

import numpy as np

from ..case import MS, SECOND, Case, evidence, other, seconds
from ..measures import stacks
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "zero-window-stall"
PHASE = "established"
SUPERSEDES = ("segment-loss-up", "segment-loss-down", "spurious-rto")
"""Segments sent against a closed window are refused, not lost."""

STALL_NS = 200 * MS
"""The smallest persist timer (Linux: the retransmission timeout, 200 ms); shorter spells cost no probe."""

LONG_NS = 3 * SECOND
"""A window that is still closed when the connection or the capture ends, for this long, looks stuck."""


def candidates(table: FlowTable) -> np.ndarray:
    """Some end closed its window."""
    return (table.either("zero_total_ns") >= STALL_NS) | (table.either("zero_since_ns") > 0)


def _stall_ns(case: Case, side: str) -> int:
    """Time with a closed window: finished spells, and the open one up to the last word of that end.

    What came after it is silence, and no word about the program.
    """
    half = case.half(side)
    spell_ns = half.last_ns - half.zero_since_ns if half.zero_since_ns else 0
    return int(half.zero_total_ns + max(spell_ns, 0))


def judge(case: Case) -> Finding | None:
    """The end that kept the other waiting longest, if that had something to send."""
    reader = max(("client", "server"), key=lambda side: _stall_ns(case, side))
    half, writer = case.half(reader), case.half(other(reader))
    stall_ns = _stall_ns(case, reader)
    waited = writer.probe_count or writer.window_full_count
    if stall_ns < STALL_NS or not waited or (half.fin_count and half.zero_since_ns >= half.fin_ns):
        return None
    stuck = half.zero_since_ns > 0 and stall_ns >= LONG_NS
    failed = stuck and (writer.rst_count or writer.fin_count) and not half.rst_count
    suspicion = Suspicion({f"{reader}-app": 1.0})
    suspicion.rule_out("path", "probes and answers pass")
    suspicion.rule_out(f"{other(reader)}-app", "it has data and waits for the window")
    now = ", and is still closed" if half.zero_since_ns else ""
    return Finding(
        CODE,
        PHASE,
        "error" if failed else "warning",
        0.9,
        f"the {reader}'s application ({case.end(reader)}) did not read: its window was closed for"
        f" {seconds(stall_ns)}{now}",
        suspicion.suspects(),
        evidence(
            (writer.data_last_frame, writer.data_last_ns, f"last payload of the {other(reader)}"),
            (
                half.last_frame,
                half.last_ns,
                f"{half.zero_window_count} segments with window zero; {writer.probe_count} probes of it",
            ),
        ),
        suspicion.ruled_out(),
        next=(
            f"ss -tmi 'sport = :{case.end(reader).port}'    # on {case.end(reader).ip}: Recv-Q full?",
            stacks(case, reader, "where does its program wait instead of reading? (or jstack, py-spy)").text,
        ),
        authority="RFC 9293 section 3.8.6.1",
    )
