"""Plain text as Markdown."""

from __future__ import annotations

import re
from enum import Enum


def escaped(text: str) -> str:
    """Text that Markdown shows as it is; what stands in backquotes is code already."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([<>*\[\]|\\])", r"\\\1", part) for part in parts
    )


def event_words(name: Enum) -> str:
    """`GETS_ACK_OF_FIN` as `gets ACK of FIN`."""
    words = name.name.replace("_", " ").lower().replace("synack", "syn-ack")
    return re.sub(r"\b(syn|ack|fin|rst|icmp)\b", lambda found: found[0].upper(), words)
