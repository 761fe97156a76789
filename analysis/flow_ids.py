"""Names of connections: `10.0.0.1:40000-10.0.0.2:80`, with `#frame` for a later one on the same ports."""

from __future__ import annotations

import re

import numpy as np

from ..capture.segment import address_halves
from .case import Case
from .records import Fact
from .table import FlowTable

NAME = re.compile(
    r"^\[?(?P<client>[0-9A-Fa-f.:]+?)\]?:(?P<cport>\d+)-\[?(?P<server>[0-9A-Fa-f.:]+?)\]?:(?P<sport>\d+)(?:#(?P<frame>\d+))?$"
)


def flow_id(case: Case) -> str:
    """The name of a connection, unique within its capture."""
    number = f"#{case.flow.first_frame}" if case.has(Fact.REUSED) else ""
    return f"{case.client_end}-{case.server_end}{number}"


def named(table: FlowTable, name: str) -> np.ndarray:
    """Mask of the connections with that name, client and server in either order; none for other text."""
    match = NAME.match(name)
    nothing = np.zeros(len(table), bool)
    if match is None:
        return nothing
    try:
        ends = [
            (*address_halves(match[a]), int(match[p])) for a, p in (("client", "cport"), ("server", "sport"))
        ]
    except ValueError:
        return nothing
    mask = nothing
    for first, second in (ends, ends[::-1]):
        mask = mask | (_is(table.client_key, first) & _is(table.server_key, second))
    if match["frame"]:
        return mask & (table.flows["first_frame"] == int(match["frame"]))
    return mask & ~table.has(Fact.REUSED)


def _is(key: np.ndarray, end: tuple[int, int, int]) -> np.ndarray:
    high, low, port = end
    return (key["hi"] == np.uint64(high)) & (key["lo"] == np.uint64(low)) & (key["port"] == port)
