"""Every capture of the corpus is read whole, and its packets and TCP segments are those tshark counts."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from synsight.capture.segment import Kind, address_text
from synsight.capture.source import Capture

from tests.capture.corpus import corpus_captures, corpus_rows
from tests.capture.frames import ends as ends_of

pytestmark = pytest.mark.corpus

EXPLAINED = Path(__file__).parent / "corpus_differences.toml"
NAMES = {"DLT10": "FDDI", "DLT178": "JUNIPER_ETHER", "RAW(12)": "RAW"}
"""Names the corpus gives to link types that tcpdump.org lists under others."""


def test_counts_are_tsharks_but_for_explained_differences():
    differences = {}
    for path, row in corpus_captures():
        with Capture([path]) as capture:
            rows = sum(len(batch.segments) for batch in capture.batches())
            facts = capture.files[0]
        assert facts.packets_count == facts.tcp_segments_count + sum(facts.skipped.values()), path
        assert rows >= facts.tcp_segments_count
        found = {}
        if facts.packets_count != row["packets"]:
            found["packets"] = [facts.packets_count, row["packets"]]
        if facts.tcp_segments_count != row["tcp_packets"]:
            found["tcp"] = [facts.tcp_segments_count, row["tcp_packets"]]
        if facts.link_types != list(dict.fromkeys(NAMES.get(name, name) for name in row["linktypes"])):
            found["link_types"] = facts.link_types
        if facts.error:
            found["error"] = facts.error.split(";")[0].split(" at ")[0]
        if found:
            differences[row["file"]] = found
    explained = tomllib.loads(EXPLAINED.read_text())
    for entry in explained.values():
        assert entry.pop("reason")
    assert differences == explained


def test_icmp_errors_are_those_tshark_sees():
    expected: dict[str, list[tuple[object, ...]]] = {}
    for row in corpus_rows("icmp_errors"):
        via, src = row["src"].split(",")
        ends = (via, src, int(row["sp"]), row["dst"].split(",")[1], int(row["dp"]))
        expected.setdefault(row["file"], []).append((row["frame"], *ends))
    for path, capture_row in corpus_captures():
        found = []
        with Capture([path]) as capture:
            for batch in capture.batches():
                for row in batch.segments[batch.segments["kind"] == Kind.ICMP_ERROR]:
                    via = address_text(row["via_hi"], row["via_lo"])
                    found.append((int(row["frame"]), via, *ends_of(row)))
        assert found == expected.get(capture_row["file"], []), path
