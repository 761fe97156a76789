"""What the charts and plots draw, and where the marks on their axes stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synsight
from synsight.analysis.result import Flow
from synsight.reports.drawing import axes, charts, plot
from synsight.reports.drawing.canvas import Area, Canvas, Label, Line
from synsight.reports.drawing.theme import OUTCOMES
from synsight.reports.page.connection import display_filter, plot_words

from tests.lab_truth import FIXTURES

from . import samples

SECOND = 1_000_000_000


def words(canvas: Canvas) -> list[str]:
    return [shape.text for shape in canvas.shapes if isinstance(shape, Label)]


def areas(canvas: Canvas, colour: str) -> list[Area]:
    return [shape for shape in canvas.shapes if isinstance(shape, Area) and shape.colour == colour]


def lab(name: str) -> Flow:
    return synsight.analyze(FIXTURES / name, all_flows=True).flows[0]


@pytest.mark.parametrize(
    ("highest", "marks"), [(0, [0, 1]), (1, [0, 1]), (7, [0, 5, 10]), (667, [0, 500, 1000])]
)
def test_counts_have_round_marks_that_reach_the_highest(highest: int, marks: list[int]) -> None:
    assert axes.counts_axis(highest) == marks


@pytest.mark.parametrize("span_s", [0.001, 0.5, 3, 8.2, 59, 600, 86_000, 86_400 * 90])
def test_moments_are_few_round_and_inside(span_s: float) -> None:
    first = 1_795_308_011_921_751_000
    last = first + round(span_s * SECOND)
    found = list(axes.moments(first, last, 5))
    assert 1 <= len(found) <= 6
    assert all(first <= at_ns <= last for at_ns, _ in found)
    assert len({name for _, name in found}) == len(found)


def test_days_are_told_by_their_date_and_seconds_by_the_clock() -> None:
    first = samples.START_NS
    assert dict(axes.moments(first, first + 5 * SECOND, 5))[first] == "03:04:05"
    days = [name for _, name in axes.moments(first, first + 40 * 86_400 * SECOND, 5)]
    assert days[:2] == ["2026-11-23", "2026-12-03"]
    assert [name for _, name in axes.moments(first, first + SECOND, 5)][:2] == ["0", "+200 ms"]


def test_stack_is_as_high_as_the_connections_and_failures_stand_at_the_foot() -> None:
    series = samples.series(samples.endpoint("10.0.0.5:80"), {"completed": (6, 2), "refused": (2, 0)})
    canvas = charts.connections(series)
    refused, (fine, other) = areas(canvas, OUTCOMES["refused"]), areas(canvas, OUTCOMES["completed"])
    assert len(refused) == 1
    foot = max(y for _, y in refused[0].points)
    assert min(y for _, y in refused[0].points) == pytest.approx(max(y for _, y in fine.points))
    height = [foot - min(y for _, y in area.points) for area in (refused[0], fine, other)]
    assert height[1] == pytest.approx(4 * height[0])
    assert height[2] == pytest.approx(height[0])
    assert refused[0].title == "2026-11-21 03:04:00.000: 2 refused"


def test_legs_without_a_handshake_are_not_drawn() -> None:
    times = samples.series(samples.endpoint("10.0.0.5:80"), {"completed": (6, 2)}).handshakes
    assert {"SYN to SYN-ACK", "SYN-ACK to ACK"} <= set(words(charts.handshakes(times)))
    half_open = replace(
        times, synack_to_ack=replace(times.synack_to_ack, count=0, counts=(0, 0), p50_us=None)
    )
    assert "SYN-ACK to ACK" not in words(charts.handshakes(half_open))
    assert charts.between(times.bounds_us, 0) == "less than 10 ms"
    assert charts.between(times.bounds_us, 1) == "10 ms or more"


def test_states_stand_in_the_order_of_a_life_with_their_peak() -> None:
    series = samples.series(samples.endpoint("10.0.0.5:80"), {"completed": (6, 2, 4)})
    told = words(charts.states(series, series.states_over_time[0]))
    assert told.index("SYN-RECEIVED") < told.index("CLOSE-WAIT")
    assert told[told.index("CLOSE-WAIT") + 1] == "≤ 2"


def test_plot_shows_both_ends_and_marks_what_was_sent_again() -> None:
    flow = lab("path-cut-during-upload/client.pcap")
    canvas = plot.drawn(flow)
    assert canvas is not None
    assert plot.directions(flow) == ["client"]
    assert {"client", "server", "bytes of the client"} <= set(words(canvas))
    assert flow.trace is not None
    strokes = [shape for shape in canvas.shapes if isinstance(shape, Line) and shape.colour == "repeat"]
    assert len(strokes) == sum(flow.trace.repeat) > 0
    assert len(areas(canvas, "repeat")) == len(strokes)


def test_believed_states_are_drawn_unlike_proven_ones() -> None:
    flow = lab("path-cut-during-upload/client.pcap")
    canvas = plot.drawn(flow)
    assert canvas is not None
    bands = [area for area in canvas.shapes if isinstance(area, Area) and area.title]
    believed = [area for area in bands if area.title.split(",")[0].endswith("?")]
    assert 0 < len(believed) < len(bands)
    assert all(area.dashes and area.opacity < 1 for area in believed)
    assert not any(area.dashes for area in bands if area not in believed)


def test_nothing_is_drawn_outside_of_a_drawing() -> None:
    for name in ("path-cut-during-upload", "loss-down-recovered", "server-never-closes", "port-closed"):
        canvas = plot.drawn(lab(f"{name}/client.pcap"))
        assert canvas is not None
        for shape in canvas.shapes:
            points = shape.points if isinstance(shape, Line | Area) else ()
            assert all(0 <= x <= canvas.width and 0 <= y <= canvas.height for x, y in points), shape


def test_words_of_a_plot_name_only_what_is_drawn_and_count_what_is_not() -> None:
    quiet, loud = lab("port-closed/client.pcap"), lab("path-cut-during-upload/client.pcap")
    assert "Strokes" not in plot_words(quiet)
    assert "Strokes" in plot_words(loud)
    assert loud.trace is not None
    long = replace(loud, trace=replace(loud.trace, left_out_count=1_203))
    assert "1,203 segments of this long connection not drawn" in plot_words(long)


def test_filter_finds_the_connection_and_no_other_on_its_ports() -> None:
    flow = samples.stuck_close_wait().flows[0]
    ends = "ipv6.addr == 2001:db8:10::7 && ipv6.addr == 2001:db8:20::80"
    assert display_filter(flow) == f"{ends} && tcp.port == 48210 && tcp.port == 8443"
    again = replace(flow, id=f"{flow.id}#40")
    assert display_filter(again).endswith("&& frame.number >= 1 && frame.number <= 41")
