"""A connection's segments as a ladder of characters: client on the left, server on the right."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from synsight.analysis.result import Flow, LadderRow
from synsight.reports import units
from synsight.reports.drawing import stops
from synsight.reports.wording import clipped, dissector, state, visible

_MARGIN = 20  # frame and time, or the client's state, before the client's line
_ROWS = 40


def ladder_lines(flow: Flow, width: int) -> Iterator[Text]:
    """The flow's ladder, at most `_ROWS` segments, `width` columns wide."""
    gap = min(max(width - _MARGIN - 28, 18), 40)
    before = ("", "")
    yield Text(f"{'frame':>7} {'seconds':>11} client{'server':>{gap - 4}}", style="dim")
    for row in flow.ladder[:_ROWS]:
        yield from _row(flow, row, gap, width)
        if not row.client_state and not row.server_state:  # an ICMP error changes no state
            continue
        after = (state(row.client_state, row.client_certain), state(row.server_state, row.server_certain))
        if after != before:
            yield _state_line(before, after, gap)
        before = after
    left_out = flow.ladder_left_out_count + len(flow.ladder[_ROWS:])
    if left_out:
        yield Text(f"{'':>{_MARGIN}}{units.count(left_out, 'more segment')} not shown", style="dim")


def _row(flow: Flow, row: LadderRow, gap: int, width: int) -> Iterator[Text]:
    number = "" if row.frame is None else str(row.frame)
    line = Text(f"{number:>7} {units.offset(row.at_ns - flow.start_ns):>11} │")
    line.append(_arrow(row, gap), style=_style(row))
    line.append("│")
    notes = _wrapped(_notes(flow, row), max(width - _MARGIN - gap - 3, 12))
    for index, note in enumerate(notes or [""]):
        if index:
            line = Text(f"{'':>{_MARGIN}}│{'':{gap}}│")
        yield line.append(f" {note}") if note else line


def _notes(flow: Flow, row: LadderRow) -> str:
    parts = [visible(row.note)] if row.note else []
    if row.stops_at is not None:
        parts.append(f"✕ {stops.words(flow, row)}")
    if row.payload_text:
        parts.append(clipped(row.payload_text, 60))
    if row.dissector_text:
        parts.append(dissector(row.dissector_text, 160))
    return "; ".join(parts)


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        while len(word) > width:
            lines.append(word[:width])
            word = word[width:]
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        elif word:
            lines.append(word)
    return lines


def _arrow(row: LadderRow, gap: int) -> str:
    """The way from line to line, drawn towards the receiver."""
    label = f" {clipped(row.label, gap - 6)} "
    shaft = "╌" if row.frame is None or row.repeat else "─"
    travelled = 1.0 if row.stops_at is None else stops.PLACES.get(row.stops_at, 0.5)
    if row.sender == "server":
        travelled = 1.0 if row.stops_at is None else 1 - travelled
    length = min(max(round(gap * travelled), 3), gap)
    head = "▶" if row.stops_at is None and row.frame is not None else "✕"
    if length > len(label) + 1:
        drawn = label + shaft * (length - 1 - len(label)) + head
    else:
        drawn = shaft * (length - 1) + head + label
    if row.sender == "server":
        drawn = drawn.replace("▶", "◀")
        back = drawn[::-1]
        return back.replace(label[::-1], label).rjust(gap)[-gap:]
    return drawn.ljust(gap)[:gap]


def _style(row: LadderRow) -> str:
    if row.stops_at is not None or row.frame is None:
        return "red"
    return "yellow" if row.repeat else ""


def _state_line(before: tuple[str, str], after: tuple[str, str], gap: int) -> Text:
    client = after[0] if after[0] != before[0] else ""
    server = after[1] if after[1] != before[1] else ""
    return Text(f"{client:>{_MARGIN - 1}} │{'':{gap}}│ {server}", style="dim")
