"""Rows numbered by what they have in common, and by whom: the group-by that several questions share.

Addresses are 128 bits and listeners 144, too long for one sort key; each is numbered once, and everything
else is grouped by these small numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

MIX = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without pattern (2^64 / golden ratio), so that networks and hosts do not cancel out."""


@dataclass(frozen=True)
class Groups:
    """Rows of equal keys. Groups are numbered from 0 in ascending order of their keys."""

    ids: np.ndarray  # the group of each row
    order: np.ndarray  # rows, group after group
    starts: np.ndarray  # where in `order` each group begins

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def first_rows(self) -> np.ndarray:
        """One row of each group."""
        return self.order[self.starts]

    def members(self, number: int) -> np.ndarray:
        """The rows of one group, ascending."""
        end = self.starts[number + 1] if number + 1 < len(self) else len(self.order)
        return np.sort(self.order[self.starts[number] : end])

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum of each group: of numbers, or how many rows a mask marks."""
        if values.dtype == bool:
            return np.bincount(self.ids[values], minlength=len(self))
        return np.add.reduceat(values[self.order], self.starts)

    def distinct(self, others: np.ndarray) -> np.ndarray:
        """How many different values of `others` (numbers from 0) each group has."""
        if len(others) == 0:
            return np.zeros(0, np.int64)
        width = int(others.max()) + 1
        pairs = np.sort(self.ids * width + others)
        firsts = np.concatenate(([True], pairs[1:] != pairs[:-1]))
        return np.bincount(pairs[firsts] // width, minlength=len(self))


def group(keys: np.ndarray) -> Groups:
    """The groups of equal numbers in `keys`, in one sort.

    >>> found = group(np.array([7, 3, 7]))
    >>> found.ids.tolist(), len(found)
    ([1, 0, 1], 2)
    """
    order = np.argsort(keys)
    ordered = keys[order]
    changes = np.ones(len(order), bool)
    changes[1:] = ordered[1:] != ordered[:-1]
    ids = np.empty(len(order), np.int64)
    ids[order] = np.cumsum(changes) - 1
    return Groups(ids, order, np.flatnonzero(changes))


def group_addresses(high: np.ndarray, low: np.ndarray) -> Groups:
    """The groups of equal addresses, given as their halves.

    Sorted by a mix of both halves; the rare addresses of which two have the same mix cost three sorts.
    """
    mixed = group(low ^ high * MIX)
    first = mixed.first_rows[mixed.ids]
    if np.array_equal(low[first], low) and np.array_equal(high[first], high):
        return mixed
    lows = group(low)
    return group(group(high).ids * len(lows) + lows.ids)


@dataclass(frozen=True)
class Ends:
    """Both ends of every connection by number. `client` and `server` number addresses from one range."""

    client: np.ndarray
    server: np.ndarray
    server_port: np.ndarray

    @cached_property
    def clients(self) -> Groups:
        """Connections by client address."""
        return group(self.client)

    @cached_property
    def servers(self) -> Groups:
        """Connections by server address."""
        return group(self.server)

    @cached_property
    def listeners(self) -> Groups:
        """Connections by server address and port."""
        return group(self.server << 16 | self.server_port)

    @cached_property
    def pairs(self) -> Groups:
        """Connections by client address and listener."""
        return group(self.client * max(1, len(self.listeners)) + self.listeners.ids)


def ends_of(client_key: np.ndarray, server_key: np.ndarray) -> Ends:
    """The ends of connections whose keys are rows (hi, lo, port)."""
    high = np.concatenate((client_key["hi"], server_key["hi"]))
    low = np.concatenate((client_key["lo"], server_key["lo"]))
    ids, count = group_addresses(high, low).ids, len(client_key)
    return Ends(ids[:count], ids[count:], server_key["port"].astype(np.int64))


def different(values: np.ndarray) -> np.ndarray:
    """Every different value once, ascending.

    What `np.unique` gives; that looks for masked arrays first, and loads all of `numpy.ma` to do so.

    >>> different(np.array([7, 3, 7])).tolist()
    [3, 7]
    """
    ordered = np.sort(values, axis=None)
    if not len(ordered):
        return ordered
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the values are in `known`, which is ascending.

    >>> among(np.array([5, 7, 9]), np.array([3, 7])).tolist()
    [False, True, False]
    """
    if not len(known):
        return np.zeros(len(values), bool)
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    return np.asarray(known[places] == values)
