"""Shell lines that stay whole when they are copied from a narrow terminal.

A terminal breaks a long line in the middle of a word. Broken here, between words and with a backslash, it is
still one command; the question that its answer decides stands above it as a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from synsight.reports.wording import visible

_QUESTION = re.compile(r"^(?P<command>.*\S)\s{2,}# (?P<question>.*)$")
_WORD = re.compile(r"(?:'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|[^\s'\"\\]|['\"\\])+")
_INDENT = "  "


def parts(text: str) -> tuple[str, str]:
    """A shell line and the comment behind it; empty when there is none."""
    found = _QUESTION.match(visible(text))
    return (found["command"], found["question"]) if found else (visible(text), "")


def broken(command: str, width: int) -> Iterator[str]:
    """The command in lines of at most `width` columns where its words let it, `\\` at the end of all but one.

    >>> list(broken("ss -tn 'sport = :80'; nstat -az", 24))
    ["ss -tn 'sport = :80'; \\\\", '  nstat -az']
    """
    line = ""
    for word in _WORD.findall(command):
        longer = f"{line} {word}" if line.strip() else line + word
        if line.strip() and len(longer) > width - 2:
            yield f"{line} \\"
            line = _INDENT + word
        else:
            line = longer
    yield line
