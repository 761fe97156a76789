"""TCP options of a segment, in words."""

from __future__ import annotations

from ...capture.segment import Option
from .recorder import SegmentRow

NO_SCALE = 255

NAMES = (
    (Option.TFO, "Fast Open"),
    (Option.MPTCP, "Multipath TCP"),
    (Option.MD5, "MD5 signature"),
    (Option.AO, "authentication option"),
    (Option.UNKNOWN, "an unknown option"),
    (Option.MALFORMED, "malformed options"),
)


def option_words(row: SegmentRow, receiver_iss: int) -> str:
    """`MSS 1460, window scale 7, SACK permitted, timestamps 12/0, SACK 1449-2897`; SACKs are relative.

    `receiver_iss` is the initial sequence number of the end whose bytes the SACK blocks name.
    """
    parts = []
    if row.mss:
        parts.append(f"MSS {row.mss}")
    if row.wscale != NO_SCALE and row.options & Option.WSCALE:
        parts.append(f"window scale {row.wscale}")
    if row.options & Option.SACK_PERMITTED:
        parts.append("SACK permitted")
    if row.options & Option.TIMESTAMP:
        parts.append(f"timestamps {row.tsval}/{row.tsecr}")
    blocks = ((row.sack_left, row.sack_right), (row.sack2_left, row.sack2_right))
    for left, right in blocks[: min(row.sack_count, 2)]:
        parts.append(f"SACK {(left - receiver_iss) & 0xFFFFFFFF}-{(right - receiver_iss) & 0xFFFFFFFF}")
    parts += [name for bit, name in NAMES if row.options & bit]
    return ", ".join(parts)
