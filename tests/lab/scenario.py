"""What a scenario is, and the registry of all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lab import Lab

SIDES = (
    "client-app",
    "client-host",
    "client-network",
    "path",
    "server-network",
    "server-host",
    "server-app",
    "middlebox",
    "nobody",
)
"""Who can drop a connection, in the words of a verdict."""

VANTAGES = ("client", "middle", "server")

SNAPLEN_BYTES = 160
"""Enough for Ethernet, IPv6, a full TCP header and a little payload, or for the segment that an ICMP error
quotes.
"""


@dataclass(frozen=True)
class Sight:
    """What the capture at one vantage point shows."""

    codes: tuple[str, ...]
    """Findings that a perfect analyst draws from this capture alone; empty where nothing can be seen."""
    knowable: bool
    """Whether this capture alone decides who dropped the connection."""
    claims: tuple[str, ...]
    """What tshark must find in it; see `oracle.check`."""


def sees(codes: str = "", *claims: str, knowable: bool = False) -> Sight:
    """A `Sight` with the codes separated by blanks."""
    return Sight(tuple(codes.split()), knowable, claims)


def knows(codes: str, *claims: str) -> Sight:
    """A `Sight` that decides the side."""
    return sees(codes, *claims, knowable=True)


NOTHING = sees("", "0 tcp")
"""No segment ever came by."""


@dataclass(frozen=True)
class Place:
    """Where one capture is taken."""

    machine: str
    """``client``, ``server``, ``firewall_c``, ``firewall_s`` or ``between``, the wire."""
    link: str = "eth0"
    """The interface, or ``any``."""
    keeps: str = "tcp or icmp or icmp6 or arp"
    """pcap-filter(7): what is kept; the rest is lost as by a capture that cannot keep up."""
    begins_late: bool = False
    """Not before the scenario calls `Lab.captures_begin`."""


PLACES = {"client": Place("client"), "middle": Place("between", "tap0"), "server": Place("server")}
"""Where captures are taken unless a scenario says otherwise."""


@dataclass(frozen=True)
class Scenario:
    """One experiment."""

    name: str
    """Its folder under fixtures/lab: the function's name with hyphens, ``-ipv6`` at the end for the twin."""
    play: Callable[[Lab], None]
    """Sets the fault and makes the programs act. Its docstring is the title and what was done."""
    family: int
    """4 or 6."""
    dropper: str
    """One of `SIDES`."""
    where: str
    """The fault in a few words."""
    sights: dict[str, Sight]
    """By vantage point."""
    states: tuple[str, str]
    """The RFC 9293 states, client's and server's, in which the last connection must be when the captures end.
    """
    healthy: bool
    """Whether both programs did all they wanted, be it after repairs."""
    snaplen_bytes: int
    """How much of each frame is kept."""
    also: tuple[str, ...] = ()
    """Sides that truly had a part in it besides the dropper: to name them is no false accusation."""
    places: Mapping[str, Place] = field(default_factory=lambda: PLACES)
    """By vantage point."""
    damages_checksums: bool = False
    """Whether wrong checksums are what the scenario is about."""

    @property
    def title(self) -> str:
        """One sentence."""
        return self._paragraphs()[0]

    @property
    def did(self) -> str:
        """What was done, in plain words."""
        return self._paragraphs()[1]

    def _paragraphs(self) -> list[str]:
        return [" ".join(part.split()) for part in inspect.cleandoc(self.play.__doc__ or "").split("\n\n", 1)]


SCENARIOS: dict[str, Scenario] = {}
"""All scenarios by name, in the order in which they are written."""


def scenario(
    *,
    dropper: str = "nobody",
    where: str = "",
    client: Sight,
    middle: Sight,
    server: Sight,
    states: tuple[str, str] = ("TIME-WAIT", "CLOSED"),
    families: Sequence[int] = (4,),
    healthy: bool | None = None,
    snaplen_bytes: int = SNAPLEN_BYTES,
    also: Sequence[str] = (),
    places: Mapping[str, Place] | None = None,
    damages_checksums: bool = False,
) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    """Register a function as a scenario, once for each IP version in `families`.

    `healthy` is true by itself when nobody dropped anything. Raises ValueError for an unknown side.
    """
    for side in (dropper, *also):
        if side not in SIDES:
            raise ValueError(f"{side} is not a side")

    def register(play: Callable[[Lab], None]) -> Callable[[Lab], None]:
        only = Scenario(
            play.__name__.replace("_", "-"),
            play,
            families[0],
            dropper,
            where,
            {"client": client, "middle": middle, "server": server},
            states,
            dropper == "nobody" if healthy is None else healthy,
            snaplen_bytes,
            tuple(also),
            PLACES | dict(places or {}),
            damages_checksums,
        )
        SCENARIOS[only.name] = only
        if len(families) > 1:
            twin = replace(only, name=f"{only.name}-ipv6", family=6)
            SCENARIOS[twin.name] = twin
        return play

    return register
