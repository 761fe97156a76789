"""One end closed long ago, its kernel stopped waiting for the other one, and what came then was reset.

Signature
    A FIN that was acknowledged, no FIN of the other end for at least 60 s, then data or a FIN from that
    end, and a RST without ACK in answer, numbered as that segment acknowledged, with its sender's own TTL.

Meaning
    A closed socket that waits for its peer's FIN is kept for tcp_fin_timeout, then forgotten. That is how
    it should be; the fault lies with the program that learned of the close and used the connection a minute
    later.

Confused with
    data-after-close: the same bytes within that minute. A reused port: a SYN lies between.
    half-open-dead-peer: nobody had closed.

Dropped by
    The program of the end that spoke so late.

Next
    Why did it not notice the end of the stream: a pool that does not read its idle connections, a blocked
    thread?

Authority
    Linux tcp_fin_timeout, 60 s (ip-sysctl); RFC 9293 section 3.10.7.1; RFC 1122 section 4.2.2.13.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other, seconds
from ..evidence.closing import FIN_TIMEOUT_NS, own_reset, stands
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import certainly

CODE = "fin-wait-2-orphan"
PHASE = "close"
SUPERSEDES = ("rst-after-fin", "rst-no-socket", "data-after-close")


def candidates(table: FlowTable) -> np.ndarray:
    """A FIN acknowledged, and a RST without ACK from its sender a minute later or more."""
    halves = table.halves
    late = halves["rst_ns"] - halves["fin_acked_ns"] >= FIN_TIMEOUT_NS
    orphan = (halves["fin_acked_ns"] > 0) & (halves["rst_form"] == 2) & late
    return np.asarray((orphan[0::2] | orphan[1::2]) & stands(table))


def judge(case: Case) -> Finding | None:
    """The late segment and its answer."""
    for closer in ("client", "server"):
        half, peer = case.half(closer), case.half(other(closer))
        waited_ns = half.rst_ns - half.fin_acked_ns
        if (
            not half.fin_acked_ns
            or half.rst_form != 2
            or waited_ns < FIN_TIMEOUT_NS
            or not own_reset(case, closer)
        ):
            continue
        if peer.fin_count and peer.fin_ns < half.rst_ns - FIN_TIMEOUT_NS:
            continue
        return _told(case, closer, waited_ns)
    return None


def _told(case: Case, closer: str, waited_ns: int) -> Finding:
    late = other(closer)
    half, peer = case.half(closer), case.half(late)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.9,
        f"{case.end(late)} used a connection that {case.end(closer)} had closed {seconds(waited_ns)} before",
        certainly(f"{late}-app"),
        evidence(
            (half.fin_frame, half.fin_ns, f"FIN of the {closer}"),
            (half.fin_acked_frame, half.fin_acked_ns, f"the {late} acknowledges it"),
            (peer.data_last_frame, peer.data_last_ns, f"data of the {late}"),
            (half.rst_frame, half.rst_ns, f"RST without ACK: the {closer} has forgotten the connection"),
        ),
        errno=Errno(**{late: None if peer.fin_count else "EPIPE"}),
        next=(
            f"ss -tnpo state close-wait    # on {case.end(late).ip}: connections whose end nobody noticed",
            f"sysctl net.ipv4.tcp_fin_timeout    # on {case.end(closer).ip}",
        ),
        authority="ip-sysctl tcp_fin_timeout; RFC 9293 section 3.10.7.1",
    )
