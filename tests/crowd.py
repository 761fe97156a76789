"""Many connections out of one ladder: the same conversation again and again, from other ports and hosts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from synsight.capture.segment import Kind, address_halves

from tests.ladder import CLIENT, SERVER, parse_ladder

End = tuple[str, int]
HASH_STEP = np.uint64(0x9E3779B97F4A7C15)


def another_port(number: int) -> End:
    """The ladder's client, from a port of its own each time."""
    return CLIENT[0], 1024 + number % 64_000


def another_host(number: int) -> End:
    """Another client each time."""
    return f"10.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", CLIENT[1]


def always(number: int) -> End:
    """The ladder's server."""
    return SERVER


def crowd(
    ladder: str,
    count: int,
    gap_s: float = 0.01,
    client: Callable[[int], End] = another_port,
    server: Callable[[int], End] = always,
    start_s: float = 0.0,
    first: int = 0,
) -> np.ndarray:
    """SEGMENT rows of `count` connections that go like `ladder`, one every `gap_s` seconds, unsorted.

    `client` and `server` give each connection's ends by its number, counted from `first`.
    """
    rows = parse_ladder(ladder).rows
    number = np.repeat(np.arange(first, first + count), len(rows))
    out = np.tile(rows, count)
    out["time_ns"] += ((number - first) * gap_s * 1e9 + start_s * 1e9).astype(np.int64)
    out["flow_hash"] = (number.astype(np.uint64) + np.uint64(1)) * HASH_STEP
    from_client = np.tile((rows["sport"] == CLIENT[1]) & (rows["kind"] == Kind.TCP), count)
    for ends, sent in ((client, from_client), (server, ~from_client)):
        there = [ends(each) for each in range(first, first + count)]
        halves = np.array([address_halves(ip) for ip, _ in there], np.uint64)[number - first]
        port = np.array([port for _, port in there], np.uint16)[number - first]
        for mine, name in ((sent, "src"), (~sent, "dst")):
            out[f"{name}_hi"][mine], out[f"{name}_lo"][mine] = halves[mine, 0], halves[mine, 1]
            out["sport" if name == "src" else "dport"][mine] = port[mine]
    return out


def in_order(*parts: np.ndarray) -> np.ndarray:
    """All rows in order of time, with frame numbers."""
    rows = np.concatenate(parts)
    rows = np.take(rows, np.argsort(rows["time_ns"], kind="stable"))
    rows["frame"] = np.arange(1, len(rows) + 1)
    return rows
