"""One end sends and sends, and the other does not answer any more: whom to suspect, by where the capture was
taken.

What is seen on its way to an end and stays without an answer was stopped beyond the tap, or the answer was
stopped before it came back to the tap. Both lie on that end's side of the tap.
"""

from __future__ import annotations

from ...capture.segment import address_text
from ..case import SECOND, Case, other
from ..measures import Step, best_first, capture_at, firewall, middlebox, sockets, trace
from ..verdict import Suspicion
from .icmp import errno_name, error_name, misses_host
from .position import Place, locate
from .silence import echo_of

IDLE_NS = 60 * SECOND
"""After a pause this long a firewall or an address translator may have forgotten the connection. Their limits
run from a minute upwards (350 s at one cloud's balancer, 240 s at another's; RFC 5382 REQ-5 asks for 2 h 4
min)."""

FORGETS_NS = 30 * SECOND
"""The shortest idle timeouts of address translators in the field are a little longer."""


def told_by_router(case: Case, sender: str) -> Place | None:
    """Where the fault lies, going by an ICMP error about the segments of `sender`; None without one."""
    flow, silent = case.flow, other(sender)
    v6 = ":" in case.server_end.ip
    quoted = "client" if flow.icmp_side == flow.client_side else "server"
    if not flow.icmp_count or quoted != sender or errno_name(flow.icmp_type, flow.icmp_code, v6) is None:
        return None
    name = error_name(flow.icmp_type, flow.icmp_code, v6)
    router = str(address_text(flow.icmp_via_hi, flow.icmp_via_lo))
    if misses_host(flow.icmp_type, flow.icmp_code, v6):
        why = f"{router}, the last router, asked for the {silent} in vain: {name}"
        return Place({f"{silent}-host": 0.5, f"{silent}-network": 0.5}, why)
    where = locate(case, flow.icmp_ttl, router)
    return Place(where.weights, f"{router} says {name}; {where.why}")


def suspicion_of_silence(case: Case, sender: str, since_ns: int, idle_ns: int = 0) -> Suspicion:
    """Who keeps answers from `sender`, since `since_ns`; it had been idle for `idle_ns` before."""
    silent = other(sender)
    if case.vantage == silent:
        suspicion = Suspicion({f"{silent}-host": 1.0})
        for side in (f"{sender}-app", f"{sender}-host", f"{sender}-network", "path", f"{silent}-network"):
            suspicion.rule_out(
                side, f"the {sender}'s segments are visible in this capture, taken on the {silent}"
            )
        return suspicion
    told = told_by_router(case, sender)
    if told is not None and case.flow.icmp_ns >= since_ns:
        suspicion = Suspicion(told.weights)
        for side in (f"{sender}-app", f"{sender}-host", f"{silent}-app"):
            suspicion.rule_out(side, told.why)
        return suspicion
    sides = {f"{silent}-host": 1.3, f"{silent}-network": 1.2, "path": 1.0}
    if case.vantage != "middle":
        sides[f"{sender}-network"] = 1.0
    suspicion = Suspicion(sides)
    if case.vantage == sender:
        suspicion.rule_out(f"{sender}-host", f"its segments leave it: the capture was taken on the {sender}")
    if case.vantage == "middle":
        for side in (f"{sender}-app", f"{sender}-host", f"{sender}-network"):
            suspicion.rule_out(side, "its segments pass this capture, and no answer does")
    suspicion.rule_out(f"{silent}-app", "its kernel would acknowledge without the application")
    _weigh_others(case, suspicion, silent, since_ns)
    if idle_ns >= IDLE_NS:
        suspicion.scale(
            f"{silent}-network", 1.5, "the connection had been idle, and devices forget idle connections"
        )
        suspicion.scale("path", 1.5, "the connection had been idle, and devices forget idle connections")
    return suspicion


def _weigh_others(case: Case, suspicion: Suspicion, silent: str, since_ns: int) -> None:
    """Answers to other connections after the silence began (catalogue section J)."""
    peers = case.scene.peers
    if silent == "server" and peers.server(case.index).last_answer_ns > since_ns:
        why = "the server answered another connection after this"
        for side, factor in (("server-host", 0.3), ("path", 0.5), ("client-network", 0.5)):
            suspicion.scale(side, factor, why)
    elif silent == "server" and peers.client(case.index).last_answer_ns > since_ns:
        suspicion.scale("client-network", 0.3, "the client got an answer from another server after this")
    elif (echo := echo_of(case, silent)) and echo.last_ns > since_ns:
        why = (
            f"the {silent}'s host answers ping after this (frame {echo.frame}): it is up, and there is a way"
        )
        for side, factor in ((f"{silent}-host", 0.5), ("path", 0.5)):
            suspicion.scale(side, factor, why)
    elif silent == "client" and peers.client(case.index).last_answer_ns > since_ns:
        suspicion.scale("client-host", 0.5, "the client opened another connection after this")


def where_to_look(case: Case, sender: str, suspicion: Suspicion) -> tuple[str, ...]:
    """The next measurement: does it arrive at the silent end?"""
    silent = other(sender)
    return best_first(
        suspicion.suspects(),
        capture_at(case, silent, "do the segments arrive?"),
        firewall(case, silent) if case.vantage == silent else None,
        sockets(case, silent, "does it still have the connection?"),
        None if case.vantage == silent else trace(case, sender),
    )


def swallowed(case: Case, sender: str, late_ns: int, idle_ns: int) -> Suspicion | None:
    """Whom to suspect of having forgotten a connection that was idle for `idle_ns`; None where nobody has.

    A device has when the same client opens a new connection to the same port after `late_ns`, and what the
    `sender` says on the old one stays without an answer: a host that had lost it would answer with RST.
    """
    silent = other(sender)
    if idle_ns < FORGETS_NS or case.vantage in (silent, "both") or case.flow.icmp_count:
        return None
    if case.scene.peers.pair(case.index).last_answer_ns <= late_ns:
        return None
    suspicion = suspicion_of_silence(case, sender, late_ns, idle_ns)
    why = "a host that is up and has lost a connection answers with RST"
    suspicion.scale(f"{silent}-host", 0.3, why)
    return suspicion


def idle_limits(quiet: str) -> Step:
    """How long the devices between keep a connection without traffic."""
    return middlebox(
        "sysctl net.netfilter.nf_conntrack_tcp_timeout_established",
        f"on each firewall, address translator and balancer between: below {quiet}?",
    )


def keepalives_sooner(case: Case, side: str, quiet: str) -> Step:
    """How long one end waits before its first keepalive."""
    command = "sysctl net.ipv4.tcp_keepalive_time"
    return Step(command, f"on {case.end(side).ip}: keepalives help if they come sooner than {quiet}")
