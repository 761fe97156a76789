"""Where tables, keys and values stand in a TOML text, which `tomllib` does not tell.

The text must be valid (`tomllib.loads` took it): this looks for places, it judges nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEADER = re.compile(r"\[+\s*([^\]]*?)\s*\]+")
_STRINGS = ('"""', "'''", '"', "'")


@dataclass(slots=True)
class KeyPlace:
    """One `key = value`."""

    line: int  # from 1
    start: int  # of the value, as an offset into the text
    end: int  # one past the value


@dataclass(slots=True)
class TablePlace:
    """One `[table]` or `[[table]]`, or the part before the first one, whose name is empty."""

    name: str
    line: int
    start: int  # offset of the comments right above it, or of the header
    keys: dict[str, KeyPlace] = field(default_factory=dict)
    end: int = 0  # offset one past its last line


def tables(text: str) -> list[TablePlace]:
    """Every table in order; the first is the part without a header."""
    found = [TablePlace("", 1, 0)]
    position = line = 0
    above = 0  # where the comments right above this line begin
    while position < len(text):
        end = _line_end(text, position)
        content = text[position:end].strip()
        line = text.count("\n", 0, position) + 1
        if not content:
            above = end
        elif content.startswith("["):
            match = _HEADER.match(content)
            name = match[1].strip("\"'") if match else ""
            found.append(TablePlace(name, line, above, end=end))
            above = end
        elif not content.startswith("#"):
            name, place = _key(text, position, line)
            found[-1].keys[name] = place
            end = _line_end(text, place.end)
            found[-1].end = end
            above = end
        position = end
    return found


def _line_end(text: str, position: int) -> int:
    """Offset one past the line that holds a position."""
    at = text.find("\n", position)
    return len(text) if at < 0 else at + 1


def _key(text: str, position: int, line: int) -> tuple[str, KeyPlace]:
    at = position
    while text[at] != "=":
        at = _past_string(text, at) if text[at] in "\"'" else at + 1
    name = text[position:at].strip().split(".")[0].strip().strip("\"'")
    at += 1
    while text[at] in " \t":
        at += 1
    return name, KeyPlace(line, at, _value_end(text, at))


def _value_end(text: str, start: int) -> int:
    """Offset one past a value: to the end of its line, or of its brackets."""
    at, depth, last = start, 0, start
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at = last = _past_string(text, at)
            continue
        if char == "#":
            if not depth:
                break
            at = _line_end(text, at)
            continue
        if char == "\n" and depth == 0:
            break
        depth += (char in "[{") - (char in "]}")
        at += 1
        if not char.isspace():
            last = at
    return last


def _past_string(text: str, at: int) -> int:
    """Offset one past the string that begins here."""
    quote = next(each for each in _STRINGS if text.startswith(each, at))
    end = at + len(quote)
    while not text.startswith(quote, end):
        end += 2 if text[end] == "\\" and quote[0] == '"' else 1
    end += len(quote)
    while len(quote) == 3 and text.startswith(quote[0], end):  # quotes just before the closing ones
        end += 1
    return end
