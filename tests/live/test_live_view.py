"""The live view: everything that matters fits into 80 x 24, and nothing hostile reaches the terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from synsight.reports.terminal.live_view import LiveView, lines

from ..reports.samples import HOSTILE
from .scenes import FAILURE, REFUSED, SNAPSHOT, TRAFFIC


def text(*arguments: object, width: int = 80, height: int = 24) -> str:
    snapshot, traffic = arguments or (SNAPSHOT, TRAFFIC)
    return "\n".join(line.plain for line in lines(snapshot, traffic, width, height))  # type: ignore[arg-type]


def test_it_tells_what_comes_in_what_stands_and_what_fails() -> None:
    shown = text()
    assert "12,048  1,204/s  none dropped" in shown
    assert "ESTABLISHED 7" in shown
    assert "ESTABLISHED 6" in shown
    assert "port-closed" in shown
    assert "417 connections from 12 clients" in shown
    assert "server application 85 %" in shown
    assert "RST, seq 0, acknowledges the SYN" in shown
    assert "10.0.0.1:40000 → 10.0.0.5:3306" in shown


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (80, 15), (120, 30)])
def test_it_fills_the_terminal_and_never_more(width: int, height: int) -> None:
    many = replace(
        SNAPSHOT,
        incidents=tuple(replace(REFUSED, id=number, summary="x" * 300) for number in range(60)),
        failures=(FAILURE,) * 50,
    )
    shown = lines(many, TRAFFIC, width, height)
    assert len(shown) == height
    assert max(line.cell_len for line in shown) <= width
    assert "more not shown" in "\n".join(line.plain for line in shown)


def test_with_nothing_to_tell_it_says_so() -> None:
    assert text(replace(SNAPSHOT, incidents=(), failures=()), TRAFFIC).count("none") == 3


def test_drops_are_told() -> None:
    assert "dropped: 7 by the kernel, 2 by the interface" in text(
        SNAPSHOT, replace(TRAFFIC, kernel_dropped_count=7, interface_dropped_count=2)
    )


def test_verdicts_taken_back_are_told() -> None:
    assert "2 verdicts taken back" in text()


def test_hostile_text_is_spelled() -> None:
    hostile = replace(
        SNAPSHOT,
        incidents=(replace(REFUSED, summary=HOSTILE, newest=replace(REFUSED.newest, text=HOSTILE)),),  # type: ignore[type-var]
        failures=(replace(FAILURE, summary=HOSTILE),),
    )
    shown = text(hostile, replace(TRAFFIC, source=HOSTILE, recorded=HOSTILE), width=400)
    assert "\\x1b[31m" in shown
    assert not [char for char in shown if char != "\n" and (ord(char) < 0x20 or char in "\x7f\x9b\u202e")]


def test_without_unicode_and_colour_only_cursor_movements_are_written() -> None:
    raw = io.BytesIO()
    with LiveView(io.TextIOWrapper(raw, encoding="ascii", write_through=True), colour=False) as view:
        view.show(SNAPSHOT, TRAFFIC)
    assert b"port-closed" in raw.getvalue()
    assert b"\x1b[31m" not in raw.getvalue()
