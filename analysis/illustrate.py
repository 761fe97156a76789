"""A recorded connection as ladder rows and state changes."""

from __future__ import annotations

import numpy as np

from ..capture.segment import Flag, IpFlag, Kind
from .case import Case, seconds
from .icmp import error_name
from .payloads import describe
from .records import REPEATS, Mark
from .recorder import Recording
from .result import Finding, LadderRow, StateChange
from .states import State

NOTES = (
    (Mark.DUPLICATE, "captured twice"),
    (Mark.SYN_REPEAT, "retransmission"),
    (Mark.SYNACK_REPEAT, "retransmission"),
    (Mark.FIN_REPEAT, "retransmission"),
    (Mark.RTO, "retransmission (timeout)"),
    (Mark.FAST, "retransmission (fast)"),
    (Mark.TLP, "retransmission (tail loss probe)"),
    (Mark.SPURIOUS, "retransmission (already acknowledged)"),
    (Mark.OUT_OF_ORDER, "out of order"),
    (Mark.KEEPALIVE, "keepalive"),
    (Mark.KEEPALIVE_ACK, "keepalive answer"),
    (Mark.PROBE, "zero-window probe"),
    (Mark.ZERO_WINDOW, "zero window"),
    (Mark.WINDOW_FULL, "fills the window"),
    (Mark.DUP_ACK, "duplicate ACK"),
    (Mark.GAP, "bytes before it were not captured"),
    (Mark.ACKS_UNSEEN, "acknowledges bytes not captured"),
    (Mark.DSACK, "reports a duplicate (D-SACK)"),
    (Mark.STRAY_ACK, "acknowledges another connection's bytes"),
    (Mark.RST_IGNORED, "outside the window: to be ignored"),
)


def state_changes(case: Case, recording: Recording) -> tuple[StateChange, ...]:
    """Every entry into a state, in capture order, client and server interleaved."""
    changes: list[StateChange] = []
    client_side = case.flow.client_side
    current = {0: (0, 0), 1: (0, 0)}
    for row, note in zip(recording.segments, recording.notes, strict=True):
        for side in (0, 1):
            proven, believed = int(note[f"proven{side}"]), int(note[f"believed{side}"])
            if current[side] == (proven, believed):
                continue
            known = current[side]
            current[side] = (proven, believed)
            name = "client" if side == client_side else "server"
            if believed != known[1] or (proven == believed and known[0] != known[1]):
                changes.append(
                    StateChange(name, State(believed).text, proven == believed, int(row["time_ns"]), int(row["frame"]))
                )
    return tuple(changes)


def ladder(
    case: Case, recording: Recording, finding: Finding | None, missing: tuple[str, str] | None
) -> tuple[LadderRow, ...]:
    """One row per kept segment; `missing` adds one for what never came: (sender, label)."""
    suspect = finding.suspects[0].side if finding and finding.suspects else None
    fatal = finding is not None and finding.severity == "error"
    fates = _lost(case, recording) if fatal else set()
    rows = [
        _row(case, recording, place, suspect if place in fates else None)
        for place in range(len(recording.segments))
    ]
    if missing and rows:
        rows.append(_absent(case, rows[-1], missing, suspect))
    return tuple(rows)


def _lost(case: Case, recording: Recording) -> set[int]:
    """Rows whose bytes the other end never acknowledged although they were repeated or nothing came back."""
    lost: set[int] = set()
    for place, (row, note) in enumerate(zip(recording.segments, recording.notes, strict=True)):
        if row["kind"] != Kind.TCP or row["flags"] & Flag.RST or int(note["marks"]) & Mark.DUPLICATE:
            continue
        half = case.client if note["side"] == case.flow.client_side else case.server
        peer = case.server if half is case.client else case.client
        length = int(row["payload_bytes"]) + bool(row["flags"] & Flag.SYN) + bool(row["flags"] & Flag.FIN)
        if length == 0:
            continue
        end = (int(row["seq"]) + length) & 0xFFFFFFFF
        acked = bool(half.known & 8) and ((half.una - end) & 0xFFFFFFFF) < 0x80000000
        repeated = half.syn_repeat_count + half.synack_repeat_count + half.edge_count + half.fin_repeat_count
        if not acked and (repeated or peer.packets == 0):
            lost.add(place)
    return lost


def _row(case: Case, recording: Recording, place: int, stops_at: str | None) -> LadderRow:
    row, note = recording.segments[place], recording.notes[place]
    from_client = int(note["side"]) == case.flow.client_side
    half, peer = (case.client, case.server) if from_client else (case.server, case.client)
    marks = int(note["marks"])
    own, far = ("0", "1") if case.flow.client_side == 0 else ("1", "0")
    words = [text for mark, text in NOTES if marks & mark]
    if row["kind"] == Kind.ICMP_ERROR:
        name = error_name(int(row["icmp_type"]), int(row["icmp_code"]), bool(row["ip_flags"] & IpFlag.V6))
        return LadderRow(
            int(row["frame"]), int(row["time_ns"]), "server" if from_client else "client", f"ICMP {name}",
            _relative(row["seq"], half.iss), None, 0, None,
        )  # fmt: skip
    return LadderRow(
        int(row["frame"]),
        int(row["time_ns"]),
        "client" if from_client else "server",
        _label(row),
        _relative(row["seq"], half.iss) if half.known & 1 else int(row["seq"]),
        _relative(row["ack"], peer.iss) if row["flags"] & Flag.ACK and peer.known & 1 else None,
        int(row["payload_bytes"]),
        _window(row, half.wscale, peer.wscale),
        ", ".join(words),
        describe(recording.payloads[place], int(row["payload_class"])),
        stops_at,
        bool(marks & REPEATS),
        State(int(note[f"believed{own}"])).text,
        State(int(note[f"believed{far}"])).text,
        bool(note[f"believed{own}"] == note[f"proven{own}"]),
        bool(note[f"believed{far}"] == note[f"proven{far}"]),
    )


def _absent(case: Case, last: LadderRow, missing: tuple[str, str], suspect: str | None) -> LadderRow:
    """A row for what the capture waited for in vain."""
    sender, label = missing
    waited = seconds(case.scene.end_ns - last.at_ns)
    return LadderRow(
        None, case.scene.end_ns, sender, label, 0, None, 0, None, f"did not come within {waited}",
        stops_at=suspect, client_state=last.client_state, server_state=last.server_state,
        client_certain=last.client_certain, server_certain=last.server_certain,
    )  # fmt: skip


def _label(row: np.void) -> str:
    flags = int(row["flags"])
    names = [
        name
        for bit, name in ((Flag.SYN, "SYN"), (Flag.FIN, "FIN"), (Flag.RST, "RST"), (Flag.PSH, "PSH"), (Flag.URG, "URG"))
        if flags & bit
    ]
    if flags & Flag.ACK:
        names.append("ACK")
    label = "-".join(names) or "no flags"
    return f"{label} {int(row['payload_bytes'])} B" if row["payload_bytes"] else label


def _relative(number: int, base: int) -> int:
    """Sequence numbers as an offset from the initial one, modulo 2^32, small negative ones kept negative."""
    offset = (int(number) - int(base)) & 0xFFFFFFFF
    return offset - (1 << 32) if offset > 0xFFFF0000 else offset


def _window(row: np.void, own_scale: int, peer_scale: int) -> int | None:
    window = int(row["window"])
    if row["flags"] & Flag.SYN:
        return window
    if own_scale and peer_scale:
        return window << (own_scale - 1)
    return window if own_scale != peer_scale else None
