"""What the ballots look at: the two ends of all connections, as columns and by their TTLs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..table import FlowTable
from .grouping import among
from .neighbours import Neighbours

Keys = np.ndarray
"""Rows (address, address, port), as FlowTable gives them."""

INITIAL_TTLS = np.array([1, 32, 64, 128, 255])
"""What hosts start from (1: BGP between neighbours). A packet that still has one of these met no router."""

PRESENT_SHARE = 0.9
"""Share of the connections that must agree on where one end is."""

ENDS = ("the client", "the server")
"""What sentences call the two ends, where no host is known by name."""


class Vote(NamedTuple):
    """`weight` in log-odds for `side`, negative against it; 0 for a remark."""

    side: str
    weight: float
    why: str


@dataclass(frozen=True)
class Sight:
    """What the ballots look at. `names` says what the two ends are called in sentences."""

    table: FlowTable
    neighbours: Neighbours = field(default_factory=Neighbours)
    names: tuple[str, str] = ENDS

    def name(self, side: str) -> str:
        """How sentences call `client` or `server`."""
        return self.names[0] if side == "client" else self.names[1]

    def count(self, side: str, column: str) -> int:
        """A HALF column of one end, summed over all connections."""
        return int(getattr(self.table, side)(column).sum())

    def keys(self, side: str) -> Keys:
        """Address and port of one end of each connection."""
        return self.table.client_key if side == "client" else self.table.server_key

    @cached_property
    def ttls(self) -> dict[str, tuple[str, int]]:
        """Per end: (`fresh` | `lowered` | `mixed`, commonest TTL). Resets count only when lowered."""
        found = {}
        for side in ("client", "server"):
            column = getattr(self.table, side)
            seen = _seen(column("ttl_first"))
            resets = _seen(column("rst_ttl"))
            resets = resets[~among(resets, INITIAL_TTLS)]
            if len(seen) or len(resets):
                ttl = seen if len(seen) else resets
                found[side] = (_freshness(ttl), int(np.bincount(ttl).argmax()))
        errors = self._errors()
        if "server" not in found and len(errors):
            found["server"] = ("lowered", int(np.bincount(errors).argmax()))
        return found

    def _errors(self) -> np.ndarray:
        """TTLs of ICMP errors about the client's segments that met routers: their sender is not here."""
        flows = self.table.flows
        about_client = (flows["icmp_count"] > 0) & (flows["icmp_side"] == flows["client_side"])
        ttl = _seen(flows["icmp_ttl"][about_client])
        return ttl[~among(ttl, INITIAL_TTLS)]

    def fresh(self, side: str) -> bool:
        """Whether no router has touched the packets of one end."""
        return self.ttls.get(side, ("", 0))[0] == "fresh"

    def lowered(self, side: str) -> bool:
        """Whether routers have touched the packets of one end."""
        return self.ttls.get(side, ("", 0))[0] == "lowered"


def _seen(ttl: np.ndarray) -> np.ndarray:
    return ttl[ttl > 0]


def _freshness(ttl: np.ndarray) -> str:
    share = float(among(ttl, INITIAL_TTLS).mean())
    return "fresh" if share > PRESENT_SHARE else "lowered" if share < 1 - PRESENT_SHARE else "mixed"


def other(side: str) -> str:
    """The opposite end."""
    return "server" if side == "client" else "client"
