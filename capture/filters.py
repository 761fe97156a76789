"""BPF filter expressions over batches of frames: libpcap compiles them, `_bpf` runs them.

Both are loaded when there is a filter.
"""

from __future__ import annotations

import re

import numpy as np
from synsight.capture.links import DLT_NUMBERS, link_name

_SNAPLEN = 262144
_SYNTAX = "syntax error"
_WORD = re.compile(r"[\w.:/\\-]+|<<|>>|<=|>=|!=|==|&&|\|\||\S")
_ENDINGS = (
    *("", " tcp", " 1", " 1-2", " 1.0.0.1", " 0:0:0:0:0:0", " port 1", " host 1.0.0.1", " and tcp"),
    *("[0]", " = 1"),
)
"""What an expression may go on with; the beginning of a valid one becomes valid with one of these."""


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
        from synsight.capture import _bpf

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
    import pcapy

    try:
        compiled = pcapy.compile(DLT_NUMBERS.get(link_type, link_type), _SNAPLEN, expression, 1, 0)
    except (pcapy.PcapError, ValueError, UnicodeError) as problem:
        words = str(problem)
        if _SYNTAX in words:
            words = f"{_SYNTAX}{_place(expression, link_type)}"
        raise FilterError(
            f"filter {expression!r} is not valid for link type {link_name(link_type)}: {words}"
        ) from None
    instructions = [[int(value) & 0xFFFFFFFF for value in row] for row in compiled.get_bpf()]
    return np.array(instructions, np.uint32).reshape(-1, 4)


def _place(expression: str, link_type: int) -> str:
    """Where an expression stops making sense: the first word with which nothing valid begins.

    libpcap does not say; it is asked whether each beginning could still become valid.
    """
    for word in _WORD.finditer(expression):
        beginning = expression[: word.end()]
        closed = [f"{beginning}{ending}{_closing(beginning)}" for ending in _ENDINGS]
        if not any(_parses(each, link_type) or _parses(f"{each} = 1", link_type) for each in closed):
            return f" at {word.group()!r}, character {word.start() + 1}"
    return ": it ends too early"


def _closing(beginning: str) -> str:
    """What closes the brackets that are open."""
    opened: list[str] = []
    for character in beginning:
        if character in "([":
            opened.append(")" if character == "(" else "]")
        elif opened and character == opened[-1]:
            opened.pop()
    return "".join(reversed(opened))


def _parses(expression: str, link_type: int) -> bool:
    """Whether libpcap finds no fault with the syntax; names that do not resolve are another matter."""
    import pcapy

    try:
        pcapy.compile(DLT_NUMBERS.get(link_type, link_type), _SNAPLEN, expression, 1, 0)
    except pcapy.PcapError as problem:
        return _SYNTAX not in str(problem)
    return True
