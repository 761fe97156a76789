"""Which connections are judged again at a look: those with new segments, and those whose time has come."""

from __future__ import annotations

import numpy as np

NEVER = int(np.iinfo(np.int64).max)


class Agenda:
    """One entry per row of the connection table, in the table's order."""

    def __init__(self) -> None:
        self._due_ns = np.full(1 << 10, NEVER, np.int64)
        self._seen_ns = np.zeros(1 << 10, np.int64)
        self.told = np.zeros(1 << 10, bool)
        """Rows that have a finding."""

    def touch(self, rows: np.ndarray, count: int) -> None:
        """New segments for `rows`; the table has `count` of them."""
        if count > len(self._due_ns):
            room = max(count, 2 * len(self._due_ns)) - len(self._due_ns)
            self._due_ns = np.concatenate((self._due_ns, np.full(room, NEVER, np.int64)))
            self._seen_ns = np.concatenate((self._seen_ns, np.zeros(room, np.int64)))
            self.told = np.concatenate((self.told, np.zeros(room, bool)))
        self._due_ns[rows] = 0

    def due(self, now_ns: int, count: int) -> np.ndarray:
        """Rows whose turn it is, the longest not judged first."""
        rows = np.flatnonzero(self._due_ns[:count] <= now_ns)
        return rows[np.argsort(self._seen_ns[rows], kind="stable")]

    def settle(self, rows: np.ndarray | int, now_ns: int, due_ns: int = NEVER) -> None:
        """`rows` have been judged; again at `due_ns`, or when they have new segments."""
        self._due_ns[rows] = due_ns
        self._seen_ns[rows] = now_ns

    def review_told(self, count: int) -> None:
        """Everything that has a finding is to be judged again: the view has changed."""
        self._due_ns[:count][self.told[:count]] = 0

    def waits(self, count: int) -> np.ndarray:
        """Rows that will be judged again even without new segments (a bool each)."""
        return np.asarray(self._due_ns[:count] != NEVER)

    def keep(self, keep: np.ndarray) -> None:
        """Follow the table: only the marked rows stay, in order."""
        kept, count = int(keep.sum()), len(keep)
        for column, empty in ((self._due_ns, NEVER), (self._seen_ns, 0), (self.told, False)):
            column[:kept] = column[:count][keep]
            column[kept:] = empty
