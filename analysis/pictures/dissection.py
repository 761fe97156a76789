"""What tshark said, put where it belongs: to the connection, its evidence and its ladder."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ..result import Dissected, Evidence, Flow

if TYPE_CHECKING:
    from ...capture.dissect import Spoken, Words

SEQUENCE = "Sequence"
"""Wireshark's group of remarks about missing, repeated and late bytes (PI_SEQUENCE)."""


def quoted(flow: Flow, spoken: Spoken, frames: set[int], gapped: bool) -> Flow:
    """The connection with what was said of its `frames`.

    `gapped`: tshark was not shown all of its segments, so what it says of missing ones is left out.
    """
    words = [each for each in spoken.words if each.frame in frames]
    if gapped:
        words = [each for each in words if each.group != SEQUENCE]
    if not words:
        return flow
    texts: dict[int, list[str]] = defaultdict(list)
    for each in words:
        texts[each.frame].append(_text(each))
    return replace(
        flow,
        dissection=tuple(
            Dissected(each.frame, each.at_ns, each.protocol, each.kind, each.severity, each.text)
            for each in words
        ),
        ladder=tuple(
            replace(row, dissector_text="; ".join(texts[row.frame])) if row.frame in texts else row
            for row in flow.ladder
        ),
        findings=tuple(
            replace(finding, evidence=tuple(_with_words(each, texts) for each in finding.evidence))
            for finding in flow.findings
        ),
    )


def _with_words(evidence: Evidence, texts: dict[int, list[str]]) -> Evidence:
    if evidence.frame not in texts:
        return evidence
    return replace(evidence, dissector_text="; ".join(texts[evidence.frame]))


def _text(words: Words) -> str:
    """`tls: Fatal (2), Certificate Expired (45)`."""
    return f"{words.protocol}: {words.text}"
