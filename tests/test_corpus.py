"""synsight against Zeek and tshark on captures that nobody here made."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import synsight

from . import corpus
from .corpus import Conn

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        corpus.folder() is None, reason="the corpus is not here: set SYNSIGHT_CORPUS to its folder"
    ),
]

ZEEK_ATTEMPT_NS = 5_000_000_000
"""Zeek's tcp_attempt_delay."""

LISTED: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "corpus_differences.toml").read_text()
)


@cache
def zeek_rows() -> list[tuple[dict[str, Any], list[Conn]]]:
    """Zeek's plain rows, each with the connections it may be."""
    found = []
    for row in corpus.rows("zeek_connections"):
        if not row["plain"]:
            continue
        conns = corpus.tracked(row["trace"], not row["ignore_checksums"], ZEEK_ATTEMPT_NS)
        found.append((row, [conn for conn in conns if _is_zeek_row(conn, row)]))
    return found


def _is_zeek_row(conn: Conn, row: dict[str, Any]) -> bool:
    """Same ends and, where Zeek gives them, the same number of packets each way."""
    if row["orig_h"] is None:
        return True
    originator, responder = (row["orig_h"], row["orig_p"]), (row["resp_h"], row["resp_p"])
    if {originator, responder} != set(conn.ends):
        return False
    if row["orig_pkts"] is None:
        return True
    packets = conn.packets if conn.ends[0] == originator else conn.packets[::-1]
    return packets == (row["orig_pkts"], row["resp_pkts"])


def _differing(field: str) -> tuple[set[str], int]:
    """Keys of the plain rows whose `field` no candidate has, and how many rows give the field."""
    given = [(row, conns) for row, conns in zeek_rows() if row[field]]
    wrong = {
        f"{row['trace']} {row[field]}"
        for row, conns in given
        if all(getattr(conn, field) != row[field] for conn in conns)
    }
    return wrong, len(given)


def test_conn_state_agrees_with_zeek() -> None:
    wrong, whole = _differing("conn_state")
    assert wrong == set(LISTED.get("zeek_conn_state", {}))
    assert whole >= 100
    assert len(wrong) <= 0.03 * whole


def test_history_agrees_with_zeek() -> None:
    wrong, whole = _differing("history")
    assert wrong == set(LISTED["zeek_history"])
    assert whole >= 120
    assert len(wrong) <= 0.10 * whole


def stream_pairs() -> Iterator[tuple[dict[str, Any], list[Conn]]]:
    """Each tshark stream with the connections that begin inside it."""
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in corpus.rows("tshark_streams"):
        by_file[row["file"]].append(row)
    for name, streams in by_file.items():
        by_ends: dict[frozenset[tuple[str, int]], list[Conn]] = defaultdict(list)
        for conn in corpus.tracked(name):
            by_ends[frozenset(conn.ends)].append(conn)
        for row in streams:
            ends = frozenset({(row["client"], row["cport"]), (row["server"], row["sport"])})
            yield (
                row,
                [
                    conn
                    for conn in by_ends[ends]
                    if row["first_frame"] <= conn.first_frame <= row["last_frame"]
                ],
            )


def test_streams_are_tsharks_one_to_one() -> None:
    wrong = {f"{row['file']} {row['stream']}" for row, conns in stream_pairs() if len(conns) != 1}
    assert wrong == set(LISTED["tshark_streams"])


def test_no_connection_is_invented() -> None:
    """Connections that tshark lacks: segments that it reports at another fragment, and listed ones."""
    matched = {(row["file"], conn.ends, conn.first_frame) for row, conns in stream_pairs() for conn in conns}
    fragmented = {key.rsplit(" ", 1)[0] for key, why in LISTED["tshark_streams"].items() if "fragment" in why}
    names = {row["file"] for row in corpus.rows("captures")}
    extra = {
        name
        for name in names
        for conn in corpus.tracked(name)
        if (name, conn.ends, conn.first_frame) not in matched
    }
    assert extra <= fragmented | set(LISTED["tshark_extra"])


def _repeats_agree(row: dict[str, Any], conns: list[Conn], way: str, sender: tuple[str, int]) -> bool:
    """tshark calls the capture's copies retransmissions, and splits gaps filled late in another way."""
    mine, copies, late = (
        sum(getattr(conn, field)[0 if conn.ends[0] == sender else 1] for conn in conns)
        for field in ("repeats", "duplicates", "out_of_order")
    )
    theirs = row[way].get("retransmission", 0)
    return mine <= theirs <= mine + copies or theirs + row[way].get("out_of_order", 0) == mine + late


def test_retransmissions_agree_with_tshark() -> None:
    wrong, whole = set(), 0
    for row, conns in stream_pairs():
        if not conns:
            continue
        for way, sender in (("c2s", (row["client"], row["cport"])), ("s2c", (row["server"], row["sport"]))):
            whole += 1
            if not _repeats_agree(row, conns, way, sender):
                wrong.add(f"{row['file']} {row['stream']} {way}")
    assert wrong == set(LISTED["tshark_repeats"])
    assert len(wrong) <= 0.05 * whole


def test_icmp_errors_join_the_connection_they_quote() -> None:
    place = corpus.folder()
    assert place is not None
    for name in {row["file"] for row in corpus.rows("icmp_errors")}:
        result = synsight.analyze(place / "captures" / name, all_flows=True)
        quoted = {row["dp"] for row in corpus.rows("icmp_errors") if row["file"] == name}
        told = {
            str(flow.server.port)
            for flow in result.flows
            for finding in flow.findings
            if "icmp" in finding.code
        }
        seen = {str(flow.server.port) for flow in result.flows} | {
            str(flow.client.port) for flow in result.flows
        }
        assert quoted & seen, name
        assert told <= quoted, name


def captures() -> list[dict[str, Any]]:
    """One row per capture; empty where the corpus is missing."""
    return corpus.rows("captures") if corpus.folder() else []


@pytest.mark.parametrize("part", range(8))
def test_every_capture_is_analysed(part: int) -> None:
    """No exception, and packets = segments + skipped by reason, as many as tshark reads."""
    place = corpus.folder()
    assert place is not None
    for row in captures()[part::8]:
        if row["fmt"] not in ("pcap", "pcapng"):
            continue
        result = synsight.analyze(place / "captures" / row["file"])
        for facts in result.captures:
            skipped = sum(facts.skipped.values())
            assert facts.packets_count == facts.tcp_segments_count + skipped, row["file"]
            assert facts.error or facts.packets_count == row["packets"], row["file"]
