"""Problems of the captures are told once, and with the captures they are true of."""

from __future__ import annotations

import io
from dataclasses import replace

from synsight.analysis.result import CaptureFacts, Quality
from synsight.reports import write
from synsight.reports.remarks import remarks

from . import samples

CUT = Quality("snaplen-cut", "packets were cut when they were captured", "application data is not described")


def captures(count: int, qualities: int) -> tuple[CaptureFacts, ...]:
    return tuple(
        samples.capture(f"{number}.pcap", 10, "client", quality=(CUT,) if number < qualities else ())
        for number in range(count)
    )


def test_what_every_capture_shares_is_told_once_without_names() -> None:
    told = remarks(captures(60, 60))
    assert [(each.problem, each.where) for each in told] == [
        ("Packets were cut when they were captured.", "")
    ]


def test_what_some_captures_have_names_three_and_counts_the_rest() -> None:
    assert remarks(captures(60, 2))[0].where == "(0.pcap, 1.pcap)"
    assert remarks(captures(60, 5))[0].where == "(0.pcap, 1.pcap, 2.pcap and 2 more captures)"


def test_reading_error_comes_first_and_is_not_repeated_as_a_quality() -> None:
    error = "a.pcap: cut off at byte 512"
    quality = (CUT, Quality("capture-truncated", error, "what comes after is not analysed"))
    told = remarks((samples.capture("a.pcap", 3, "client", quality=quality, error=error),))
    assert [each.severe for each in told] == [True, False]
    assert told[0].problem == f"Reading stopped early: {error}."


def test_sixty_captures_do_not_bury_the_answer() -> None:
    base = replace(samples.dropped_syn(), captures=captures(60, 60))
    text, page = io.StringIO(), io.StringIO()
    write(base, "text", text)
    write(base, "html", page)
    assert text.getvalue().count(".pcap:") == 4
    assert "56 more captures; in all 11 packets, 6 TCP segments." in text.getvalue()
    assert text.getvalue().count("Packets were cut") == page.getvalue().count("Packets were cut") == 1
    assert "<summary>60 captures, 11 packets</summary>" in page.getvalue()
