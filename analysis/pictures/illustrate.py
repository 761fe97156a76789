"""A recorded connection as ladder rows, state changes and a trace."""

from __future__ import annotations

from dataclasses import replace

from ...capture.segment import Flag, IpFlag, Kind, address_text
from ..case import Case, HalfRow, seconds
from ..evidence.icmp import error_name
from ..records import REPEATS, Mark
from ..result import Finding, LadderRow, StateChange, Trace
from ..states import State
from .options import option_words
from .origin import origin_of_icmp, origin_of_reset
from .payloads import describe
from .recorder import NoteRow, Recording, SegmentRow
from .trace import trace_of

REPEAT_BITS, DUPLICATE = int(REPEATS), int(Mark.DUPLICATE)

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
NOTE_BITS = tuple((int(mark), text) for mark, text in NOTES)
FLAG_BITS = tuple((int(flag), flag.name or "") for flag in (Flag.SYN, Flag.FIN, Flag.RST, Flag.PSH, Flag.URG))
SYN, FIN, RST, ACK = (int(flag) for flag in (Flag.SYN, Flag.FIN, Flag.RST, Flag.ACK))
STATE_TEXTS = tuple(state.text for state in State)


def state_changes(case: Case, recording: Recording) -> tuple[StateChange, ...]:
    """Every entry into a state, in capture order, client and server interleaved."""
    changes: list[StateChange] = []
    names = ("client", "server") if case.flow.client_side == 0 else ("server", "client")
    known = [(0, 0), (0, 0)]
    for row, note in zip(recording.rows, recording.remarks, strict=True):
        for side, now in enumerate(((note.proven0, note.believed0), (note.proven1, note.believed1))):
            before, known[side] = known[side], now
            proven, believed = now
            if now != before and (believed != before[1] or (proven == believed and before[0] != before[1])):
                text = STATE_TEXTS[believed]
                changes.append(StateChange(names[side], text, proven == believed, row.time_ns, row.frame))
    return tuple(changes)


def ladder(
    case: Case, recording: Recording, finding: Finding | None, missing: tuple[str, str] | None
) -> tuple[LadderRow, ...]:
    """One row per kept segment; `missing` adds one for what never came: (sender, label)."""
    suspect = finding.suspects[0].side if finding and finding.suspects else None
    fatal = finding is not None and finding.severity == "error"
    rows = []
    for row, note, payload in zip(recording.rows, recording.remarks, recording.payloads, strict=True):
        lost = fatal and _is_lost(case, row, note)
        rung = _rung(case, row, note, payload, suspect if lost else None)
        origin = origin_of_reset(case, row, note.side, finding) if row.kind == Kind.TCP else rung.origin
        rows.append(rung if origin is None else replace(rung, origin=origin))
    if missing and rows:
        rows.append(_absent(case, rows[-1], missing, suspect))
    return tuple(rows)


def trace(case: Case, recording: Recording) -> Trace | None:
    """The connection in sequence space; None when it carried no data."""
    total = len(recording.rows) + recording.left_out_count
    return trace_of(case, recording.sampled_rows, recording.sampled_remarks, total)


def _is_lost(case: Case, row: SegmentRow, note: NoteRow) -> bool:
    """Whether the other end never acknowledged bytes that were repeated, or that nothing answered."""
    length = row.payload_bytes + bool(row.flags & SYN) + bool(row.flags & FIN)
    if row.kind != Kind.TCP or row.flags & RST or note.marks & DUPLICATE or length == 0:
        return False
    half, peer = _ends(case, note)
    end = (row.seq + length) & 0xFFFFFFFF
    acked = bool(half.known & 8) and ((half.una - end) & 0xFFFFFFFF) < 0x80000000
    repeated = half.syn_repeat_count or half.synack_repeat_count or half.edge_count or half.fin_repeat_count
    return not acked and bool(repeated or peer.packets == 0)


def _ends(case: Case, note: NoteRow) -> tuple[HalfRow, HalfRow]:
    """Sender and receiver of a row."""
    if note.side == case.flow.client_side:
        return case.client, case.server
    return case.server, case.client


def _rung(case: Case, row: SegmentRow, note: NoteRow, payload: bytes, stops_at: str | None) -> LadderRow:
    half, peer = _ends(case, note)
    from_client = half is case.client
    ends = (note.proven0, note.believed0), (note.proven1, note.believed1)
    client, server = ends if case.flow.client_side == 0 else ends[::-1]
    states = {
        "client_state": STATE_TEXTS[client[1]],
        "server_state": STATE_TEXTS[server[1]],
        "client_certain": client[0] == client[1],
        "server_certain": server[0] == server[1],
    }
    if row.kind == Kind.ICMP_ERROR:
        name = error_name(row.icmp_type, row.icmp_code, bool(row.ip_flags & IpFlag.V6))
        sender, seq = "server" if from_client else "client", _relative(row.seq, half.iss)
        via = f"from {address_text(row.via_hi, row.via_lo)}"
        return LadderRow(
            row.frame, row.time_ns, sender, f"ICMP {name}", seq, None, 0, None, via, **states,
            origin=origin_of_icmp(case, row), ttl=row.via_ttl,
        )  # fmt: skip
    return LadderRow(
        row.frame,
        row.time_ns,
        "client" if from_client else "server",
        _label(row),
        _relative(row.seq, half.iss) if half.known & 1 else row.seq,
        _relative(row.ack, peer.iss) if row.flags & ACK and peer.known & 1 else None,
        row.payload_bytes,
        _window(row, half.wscale, peer.wscale),
        ", ".join(text for bit, text in NOTE_BITS if note.marks & bit),
        describe(payload, row.payload_class),
        stops_at,
        bool(note.marks & REPEAT_BITS),
        **states,
        ttl=row.ttl,
        options=option_words(row, peer.iss),
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


def _label(row: SegmentRow) -> str:
    names = [name for bit, name in FLAG_BITS if row.flags & bit]
    if row.flags & ACK:
        names.append("ACK")
    label = "-".join(names) or "no flags"
    return f"{label} {row.payload_bytes} B" if row.payload_bytes else label


def _relative(number: int, base: int) -> int:
    """Sequence numbers as an offset from the initial one, modulo 2^32, small negative ones kept negative."""
    offset = (number - base) & 0xFFFFFFFF
    return offset - (1 << 32) if offset > 0xFFFF0000 else offset


def _window(row: SegmentRow, own_scale: int, peer_scale: int) -> int | None:
    if row.flags & SYN:
        return int(row.window)
    if own_scale and peer_scale:
        return int(row.window) << (own_scale - 1)
    return int(row.window) if own_scale != peer_scale else None
