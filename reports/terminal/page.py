"""Lines on a stream: wrapping, indentation, colour, and an ASCII fallback."""

from __future__ import annotations

import itertools
from typing import TextIO

from rich.console import Console
from rich.text import Text

_ASCII = {
    "✖": "x", "▲": "!", "●": "*", "✔": "+", "█": "#", "░": ".", "→": "->", "←": "<-", "─": "-", "│": "|",
    "▶": ">", "◀": "<", "✕": "X", "╌": ".", "═": "=", "…": "...", "–": "-", "—": "-", "µ": "u", "×": "x",
    "≥": ">=", "≤": "<=", "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ",
}  # fmt: skip
_TABLE = str.maketrans(_ASCII)
_PROBE = "".join(_ASCII)


class _Console(Console):
    """Leaves a broken pipe to whoever writes the report: rich would end the program, with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Called while the error is handled."""
        raise


class Page:
    """A stream `width` columns wide; what is written on it must be `visible` already."""

    def __init__(self, stream: TextIO, width: int, colour: bool) -> None:
        self.width = max(width, 40)
        self._ascii = not encodable(stream)
        self._console = _Console(
            file=stream,
            width=self.width,
            color_system="standard" if colour else None,
            force_terminal=colour,
            no_color=not colour,
            legacy_windows=False,
            markup=False,
            highlight=False,
            emoji=False,
            _environ={},
        )

    def blank(self) -> None:
        """An empty line."""
        self._console.file.write("\n")

    def heading(self, title: str) -> None:
        """A section's title between empty lines, underlined."""
        self.blank()
        self.say(Text(title, style="bold"))
        self.say("═" * len(title))
        self.blank()

    def say(self, text: str | Text, indent: int = 0, hang: int = 0, mark: str = "", style: str = "") -> None:
        """A paragraph wrapped to the width. Lines after the first start at column `max(indent, hang)`."""
        line = Text(text) if isinstance(text, str) else text
        if mark:
            line = Text.assemble((mark, style), " ", line)
            hang = indent + 2
        hang = max(indent, hang)
        line = self._fallback(line)
        line.pad_left(indent)
        first = line.wrap(self._console, self.width)[0]
        self._print(first)
        rest = line[len(first.plain) :]
        rest = self._stripped(rest)
        if rest.plain:
            for piece in rest.wrap(self._console, self.width - hang):
                piece.pad_left(hang)
                self._print(piece)

    def verbatim(self, text: Text, indent: int = 0) -> None:
        """One line that is never wrapped or cut, so that it can be copied whole."""
        line = self._fallback(text)
        line.pad_left(indent)
        self._print(line)

    @staticmethod
    def _stripped(line: Text) -> Text:
        blank = len(line.plain) - len(line.plain.lstrip())
        return line[blank:]

    def _print(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)

    def _fallback(self, line: Text) -> Text:
        return in_ascii(line) if self._ascii else line.copy()


def in_ascii(line: Text) -> Text:
    """The same line for a stream that has no Unicode."""
    plain = Text()
    for start, end in _runs(line):
        piece = line[start:end]
        text = piece.plain.translate(_TABLE).encode("ascii", "backslashreplace").decode("ascii")
        plain.append(text, style=piece.spans[0].style if piece.spans else piece.style)
    return plain


def _runs(line: Text) -> list[tuple[int, int]]:
    """The stretches of a text over which its styling does not change."""
    cuts = sorted({0, len(line.plain), *(edge for span in line.spans for edge in (span.start, span.end))})
    return list(itertools.pairwise(cuts))


def encodable(stream: TextIO) -> bool:
    """Whether a stream takes the characters that are used beside ASCII."""
    try:
        _PROBE.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
