"""Every segment of a capture as a row of Parquet, written while the capture is read.

    with SegmentTable("segments.parquet") as table:
        analyze("x.pcap", each_batch=table.write)

`flow_first_frame` is the connection's `first_frame` in the table of flows, which names it uniquely.
"""

from __future__ import annotations

import contextlib
import os
from types import TracebackType
from typing import Any

import numpy as np

from .analysis.records import REPEATS, Mark
from .capture.segment import Flag, Kind, address_text
from .reports import ReportError, refusal
from .reports.parquet_table import imported

REPEAT_KINDS = (
    (Mark.SYN_REPEAT, "syn"),
    (Mark.SYNACK_REPEAT, "synack"),
    (Mark.RTO, "rto"),
    (Mark.FAST, "fast"),
    (Mark.TLP, "tail-loss-probe"),
    (Mark.SPURIOUS, "spurious"),
    (Mark.FIN_REPEAT, "fin"),
)
"""A retransmission's kind, in the words of `Retransmissions.by_kind`."""

_TRUTHS = (
    ("retransmission", REPEATS),
    ("out_of_order", Mark.OUT_OF_ORDER),
    ("duplicate_ack", Mark.DUP_ACK),
    ("zero_window", Mark.ZERO_WINDOW),
    ("keepalive", Mark.KEEPALIVE),
    ("gap_before", Mark.GAP),
)
_NUMBERS = (
    ("src_port", "sport"), ("dst_port", "dport"), ("seq", "seq"), ("ack", "ack"), ("window", "window"),
    ("payload_bytes", "payload_bytes"), ("ttl", "ttl"),
)  # fmt: skip


class SegmentTable:
    """A Parquet file in the making. Raises ReportError when it cannot be written, or pyarrow is not there."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._arrow: Any = imported()
        from pyarrow import parquet

        arrow = self._arrow
        numbers = [(name, arrow.int64()) for name, _ in _NUMBERS]
        self._schema = arrow.schema(
            [
                ("frame", arrow.int64()),
                ("time_utc", arrow.timestamp("ns")),
                ("kind", arrow.string()),
                ("flow_first_frame", arrow.int64()),
                ("src_ip", arrow.string()),
                ("dst_ip", arrow.string()),
                *numbers,
                ("flags", arrow.string()),
                ("retransmission_kind", arrow.string()),
                *[(name, arrow.bool_()) for name, _ in _TRUTHS],
            ]
        )
        try:
            self._writer = parquet.ParquetWriter(os.fspath(path), self._schema, compression="zstd")
        except OSError as problem:
            raise ReportError(refusal(path, problem)) from problem

    def __enter__(self) -> SegmentTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._writer.close()
        except OSError as problem:
            raise ReportError(refusal(self._path, problem)) from problem
        finally:
            if kind is not None and os.path.isfile(self._path):
                with contextlib.suppress(OSError):
                    os.unlink(self._path)

    def write(self, segments: np.ndarray, notes: np.ndarray, flows: np.ndarray) -> None:
        """The rows of one batch: SEGMENT, their NOTE rows, and the FLOW rows that these point at."""
        chosen = (segments["kind"] == Kind.TCP) | (segments["kind"] == Kind.ICMP_ERROR)
        if not chosen.any():
            return
        segments, notes = segments[chosen], notes[chosen]
        arrow, marks = self._arrow, notes["marks"]
        lost = notes["flow"] < 0
        first_frames = flows["first_frame"][np.where(lost, 0, notes["flow"])].astype(np.int64)
        columns = {
            "frame": segments["frame"].astype(np.int64),
            "time_utc": arrow.array(segments["time_ns"].astype("<M8[ns]")),
            "kind": _named(arrow, segments["kind"], lambda each: "tcp" if each == Kind.TCP else "icmp-error"),
            "flow_first_frame": arrow.array(first_frames, mask=lost),
            "src_ip": _addresses(arrow, segments["src_hi"], segments["src_lo"]),
            "dst_ip": _addresses(arrow, segments["dst_hi"], segments["dst_lo"]),
            "flags": _named(arrow, segments["flags"], _flags),
            "retransmission_kind": _named(arrow, marks & np.uint32(REPEATS), _kind),
        }
        columns |= {name: segments[field].astype(np.int64) for name, field in _NUMBERS}
        columns |= {name: (marks & np.uint32(mark)) != 0 for name, mark in _TRUTHS}
        try:
            self._writer.write_batch(
                arrow.record_batch([columns[field.name] for field in self._schema], schema=self._schema)
            )
        except OSError as problem:
            raise ReportError(refusal(self._path, problem)) from problem


def _named(arrow: Any, values: np.ndarray, name: Any) -> Any:
    """Few distinct numbers as their names."""
    distinct, places = np.unique(values, return_inverse=True)
    return arrow.array([name(int(each)) for each in distinct], arrow.string()).take(arrow.array(places))


def _addresses(arrow: Any, high: np.ndarray, low: np.ndarray) -> Any:
    pairs = np.empty(len(high), dtype=[("high", "<u8"), ("low", "<u8")])
    pairs["high"], pairs["low"] = high, low
    distinct, places = np.unique(pairs, return_inverse=True)
    texts = [address_text(each["high"], each["low"]) for each in distinct]
    return arrow.array(texts, arrow.string()).take(arrow.array(places))


def _flags(bits: int) -> str:
    return " ".join(flag.name or "" for flag in Flag if bits & flag)


def _kind(marks: int) -> str | None:
    return next((name for mark, name in REPEAT_KINDS if marks & mark), None)
