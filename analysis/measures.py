"""What to measure next: commands with the addresses filled in, the one that decides most first.

A measurement tells some sides from all others: a capture on the server tells the server's own sides from
everything before it. Its worth is how evenly it splits what is left of the suspicion, the entropy of its
answer in bits; 0 when all suspects are on one side of it; less when the answer is only about other packets
or another moment than the failure's. Measurements of equal worth keep the order in which the rule names them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log2
from typing import NamedTuple

from .case import Case, other
from .result import Suspect

WATCHED, COUNTED, RECALLED, PROBED = 1.0, 0.9, 0.8, 0.7
"""How much an answer is worth: the same packets watched; counters and rules of a kernel, shared with others;
logs and routes; packets sent for the question, which may fare better than those that failed."""

GROUPS = {
    "client": frozenset({"client-app", "client-host"}),
    "server": frozenset({"server-app", "server-host"}),
}
"""What a capture at one end tells from the rest."""


class Step(NamedTuple):
    """One measurement."""

    command: str
    question: str  # where it is run, and what its answer says
    tells: frozenset[str] = frozenset()  # sides that the answer tells from all others
    trust: float = WATCHED

    @property
    def text(self) -> str:
        """As a shell line."""
        return f"{self.command}    # {self.question}"

    def worth(self, suspects: Iterable[Suspect]) -> float:
        """Entropy of its answer in bits, times its trust: 1 when it surely halves the suspicion.

        >>> half = (Suspect("path", 0.5), Suspect("server-host", 0.5))
        >>> Step("ss", "", frozenset({"server-host"})).worth(half)
        1.0
        >>> Step("ss", "", frozenset({"client-app"})).worth(half)
        0.0
        """
        share = sum(suspect.weight for suspect in suspects if suspect.side in self.tells)
        if not 0 < share < 1:
            return 0.0
        return round(self.trust * (-share * log2(share) - (1 - share) * log2(1 - share)), 2)


def best_first(suspects: tuple[Suspect, ...], *steps: Step | None) -> tuple[str, ...]:
    """The steps as shell lines, what splits the suspects best first; None stands for a pointless one."""
    kept = [step for step in steps if step is not None]
    return tuple(step.text for step in sorted(kept, key=lambda step: -step.worth(suspects)))


def capture_at(case: Case, side: str, question: str) -> Step | None:
    """A capture on one end's host of this connection; None where this one was taken there."""
    if case.vantage in (side, "both"):
        return None
    far = case.end(other(side)).ip
    command = f"tcpdump -ni any 'host {far} and tcp port {case.server_end.port}'"
    return Step(command, f"on {case.end(side).ip}: {question}", GROUPS[side])


def firewall(case: Case, side: str, question: str = "which rule counts them?") -> Step:
    """The packet filter of one end's host."""
    tables = "ip6tables" if ":" in case.end(side).ip else "iptables"
    command = f"nft list ruleset; {tables} -nvL INPUT"
    return Step(command, f"on {case.end(side).ip}: {question}", frozenset({f"{side}-host"}), COUNTED)


def counters(case: Case, side: str, *names: str, question: str = "which one grows?") -> Step:
    """Kernel counters of one end's host."""
    command = f"nstat -az {' '.join(names)}"
    return Step(command, f"on {case.end(side).ip}: {question}", GROUPS[side], COUNTED)


def connection_table(case: Case) -> Step:
    """How full the server's table of tracked connections is."""
    return Step(
        "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max; conntrack -S",
        f"on {case.server_end.ip}, and on the firewall before it: at its limit, do drop and early_drop grow?",
        frozenset({"server-host"}),
        COUNTED,
    )


def accept_queue(case: Case) -> Step:
    """The listening socket's queue: a program that does not accept leaves it full."""
    return Step(
        f"ss -ltn 'sport = :{case.server_end.port}'",
        f"on {case.server_end.ip}: does it listen, on which address; Recv-Q above Send-Q is a full queue",
        frozenset({"server-app"}),
        COUNTED,
    )


def trace(case: Case, sender: str, question: str = "where do answers end?") -> Step:
    """A traceroute with SYNs to the other end: how far the sender's packets get."""
    near, far = case.end(sender).ip, case.end(other(sender)).ip
    port = case.server_end.port if sender == "client" else case.client_end.port
    sides = frozenset({f"{sender}-network", "path", f"{sender}-host"})
    return Step(f"mtr -n -T -P {port} -c 10 -r {far}", f"from {near}: {question}", sides, PROBED)


def route(case: Case, side: str, question: str) -> Step:
    """Which way one end's packets to the other leave."""
    far = case.end(other(side)).ip
    tells = frozenset({f"{side}-host", f"{side}-network"})
    return Step(f"ip route get {far}", f"on {case.end(side).ip}: {question}", tells, RECALLED)


def log(case: Case, side: str, at_ns: int, question: str = "what does the application's log say?") -> Step:
    """The log of one end's programs around a moment."""
    at_s = at_ns / 1e9
    command = f"journalctl --since @{at_s - 5:.0f} --until @{at_s + 5:.0f}"
    return Step(command, f"on {case.end(side).ip}: {question}", frozenset({f"{side}-app"}), RECALLED)


def sockets(case: Case, side: str, question: str) -> Step:
    """The connection as one end's kernel has it: state, queues, timers, process."""
    end, far = case.end(side), case.end(other(side))
    command = f"ss -tnpoi 'sport = :{end.port} and dst {_bracketed(far.ip)}'"
    return Step(command, f"on {end.ip}: {question}", GROUPS[side])


def stacks(case: Case, side: str, question: str) -> Step:
    """Where the program that holds one end's socket stands."""
    end = case.end(side)
    command = f"gdb -batch -ex 'thread apply all bt' -p $(lsof -t -i TCP:{end.port} | head -n 1)"
    return Step(command, f"on {end.ip}: {question}", frozenset({f"{side}-app"}), COUNTED)


def middlebox(command: str, question: str) -> Step:
    """A look at the devices between the ends."""
    sides = frozenset({"client-network", "path", "server-network", "middlebox"})
    return Step(command, question, sides, RECALLED)


def _bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip
