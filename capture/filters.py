"""BPF filter expressions over batches of frames: libpcap compiles them, `_bpf` runs them."""

from __future__ import annotations

import numpy as np
import pcapy
from synsight.capture import _bpf
from synsight.capture.links import link_name

_SNAPLEN = 262144
_TO_DLT = {100: 11, 101: 12, 106: 19}
"""LINKTYPE_ numbers whose DLT_ number on Linux is another one; all the others agree."""


class FilterError(ValueError):
    """An expression libpcap does not accept, in libpcap's words."""


class FrameFilter:
    """A filter expression, compiled once per link type that occurs. Raises FilterError for an invalid one."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self._programs: dict[int, np.ndarray] = {}
        problems = []
        for link_type in (1, 101, 113):  # some words exist only on some links
            try:
                self._program(link_type)
                return
            except FilterError as problem:
                problems.append(problem)
        raise problems[0]

    def choose(self, data: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """One byte per frame: 1 where it is accepted. Raises FilterError when a link has no such thing."""
        chosen = np.zeros(len(frames), np.uint8)
        for link_type in np.unique(frames["link_type"]).tolist():
            _bpf.run(self._program(link_type), data, frames, link_type, chosen)
        return chosen

    def _program(self, link_type: int) -> np.ndarray:
        program = self._programs.get(link_type)
        if program is None:
            program = compile_program(self.expression, link_type)
            self._programs[link_type] = program
        return program


def compile_program(expression: str, link_type: int) -> np.ndarray:
    """Instructions of an expression for a link type: rows of (code, jt, jf, k). Raises FilterError."""
    try:
        compiled = pcapy.compile(_TO_DLT.get(link_type, link_type), _SNAPLEN, expression, 1, 0)
    except (pcapy.PcapError, ValueError, UnicodeError) as problem:
        raise FilterError(
            f"filter {expression!r} is not valid for link type {link_name(link_type)}: {problem}"
        ) from None
    instructions = [[int(value) & 0xFFFFFFFF for value in row] for row in compiled.get_bpf()]
    return np.array(instructions, np.uint32).reshape(-1, 4)
