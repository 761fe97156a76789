"""One end closed, the other end's kernel acknowledged that, and its program never closed its side.

Signature
    A FIN that was acknowledged, then no FIN, no RST and no data from the end that acknowledged it. The age
    counts to the end of the capture, so it is a lower bound: 60 s (and 100 round trips) make an error, 3 s
    (and 20 round trips) a warning, less is only told.

Meaning
    The kernel of the end that stays open is alive, for it acknowledged the FIN. Its program was told of the
    end of the stream and did not call close(): it does not read, has lost the descriptor, or is busy. These
    sockets pile up in CLOSE-WAIT until the process runs out of descriptors.

Confused with
    half-close-in-use: the open end still sends data. A capture that ended early: the age is then short. A
    program that closed only its sending direction (shutdown) and waits for a long answer looks the same.

Dropped by
    The program of the end that stays open. Taken elsewhere than at that end, the capture cannot exclude
    that its FIN was lost together with all repeats.

Next
    `ss -tnp state close-wait` on the open end names the process; its age and its descriptors say the rest.

Authority
    RFC 9293 section 3.6 case 2 and section 3.3.2 (CLOSE-WAIT: waiting for the local user).
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, evidence, other, seconds
from ..evidence.closing import closer_of, stands, unreliable
from ..result import Finding, Suspect
from ..table import FlowTable
from ..verdict import Suspicion, certainly

CODE = "close-wait-stuck"
PHASE = "close"
STUCK_NS = 60 * SECOND
"""tcp_fin_timeout: by then the closer's kernel has given up waiting."""
STUCK_ROUND_TRIPS = 100
"""On paths so slow that a minute is few round trips: no answer takes a hundred of them."""
IDLE_NS = 3 * SECOND
"""Programs close within milliseconds of the end of the stream; three seconds are no scheduling delay."""
IDLE_ROUND_TRIPS = 20
"""On paths so slow that three seconds are few round trips: the last data and its FIN need a handful."""

DROPS = 0.001
"""Share of acknowledged bytes that the capture missed: a FIN and its acknowledgment are soon among them."""


def candidates(table: FlowTable) -> np.ndarray:
    """One FIN, acknowledged, and no RST."""
    halves = table.halves
    closed, open_ = halves["fin_count"] > 0, halves["fin_count"] == 0
    first = closed[0::2] & open_[1::2] & (halves["fin_acked_ns"][0::2] > 0)
    second = closed[1::2] & open_[0::2] & (halves["fin_acked_ns"][1::2] > 0)
    return np.asarray((first | second) & (table.either("rst_count") == 0) & stands(table))


def judge(case: Case) -> Finding | None:
    """How long the open end has had nothing to say."""
    closer = closer_of(case)
    if closer is None or unreliable(case):
        return None
    first, second = case.half(closer), case.half(other(closer))
    if first.unseen_bytes or second.unseen_bytes or _payload_only(case):
        return None
    if case.midstream and not second.data_packets:
        return None  # it may have closed before the capture began
    since_ns = max(first.fin_acked_ns, second.data_last_ns)
    age_ns, round_trip_ns = case.since_ns(since_ns), case.round_trip_ns or 0
    said_more = second.data_last_ns > first.fin_acked_ns
    severity, confidence = _grade(age_ns, round_trip_ns, said_more)
    if severity == "error" and case.scene.drop_ratio > DROPS:
        severity, confidence = "warning", 0.5  # the FIN and its acknowledgment may be among what is missing
    if severity is None:
        return None
    end = case.end(other(closer))
    told = severity != "info"
    return Finding(
        CODE,
        PHASE,
        severity,
        confidence,
        _summary(case, closer, age_ns, told),
        _suspects(case, other(closer), since_ns) if told else (),
        evidence(
            (first.fin_frame, first.fin_ns, f"FIN of the {closer}"),
            (
                first.fin_acked_frame,
                first.fin_acked_ns,
                f"the {other(closer)} acknowledges it: its kernel is alive",
            ),
            (
                second.data_last_frame if said_more else 0,
                second.data_last_ns,
                f"last data of the {other(closer)}; nothing for {seconds(age_ns)} after it",
            ),
        ),
        (),
        next=(
            f"ss -tnpo state close-wait 'sport = :{end.port}'    # on {end.ip}: which process, how many",
            f"ls /proc/PID/fd | wc -l; grep 'open files' /proc/PID/limits    # on {end.ip}: "
            "descriptors in use",
        ),
        authority="RFC 9293 section 3.6, 3.3.2",
    )


def _grade(age_ns: int, round_trip_ns: int, said_more: bool) -> tuple[str | None, float]:
    """Severity and confidence by age; an end that sent data after the FIN used the half-closed connection."""
    if age_ns >= max(STUCK_NS, STUCK_ROUND_TRIPS * round_trip_ns):
        return "error", 0.9
    if said_more:
        return None, 0.0
    if age_ns >= max(IDLE_NS, IDLE_ROUND_TRIPS * round_trip_ns):
        return "warning", 0.7
    return "info", 0.3


def _summary(case: Case, closer: str, age_ns: int, told: bool) -> str:
    end, peer = case.end(closer), case.end(other(closer))
    if told:
        age = f"at least {seconds(age_ns)}"
        return f"{peer} has not closed its side: {end} closed, and nothing followed for {age}"
    return (
        f"{peer} had not closed its side when the capture ended, {seconds(age_ns)} after it acknowledged"
        f" the FIN of {end}: too soon to tell"
    )


def _payload_only(case: Case) -> bool:
    """Whether only segments with payload were captured: a FIN without any would not have been, either."""
    return all(half.packets == half.data_packets for half in (case.client, case.server))


def _suspects(case: Case, stuck: str, since_ns: int) -> tuple[Suspect, ...]:
    """The program; elsewhere than at its host its FIN and all repeats of it may have been lost, too."""
    if case.vantage == stuck:
        return certainly(f"{stuck}-app")
    sides = {f"{stuck}-app": 0.5, f"{stuck}-host": 0.1, f"{stuck}-network": 0.15, "path": 0.1}
    if case.vantage != "middle":
        sides[f"{other(stuck)}-network"] = 0.15
    suspicion = Suspicion(sides)
    if stuck == "server" and case.scene.peers.server(case.index).last_answer_ns > since_ns:
        why = "the server answered another connection after this: its FIN would have come, too"
        for side in (f"{stuck}-network", "path", f"{other(stuck)}-network"):
            suspicion.scale(side, 0.2, why)
    return suspicion.suspects()


def missing(case: Case) -> tuple[str, str] | None:
    """The other end's FIN."""
    closer = closer_of(case)
    return (other(closer), "no FIN") if closer else None
