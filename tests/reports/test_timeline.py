"""The ladder drawing: what it shows, that it is the same every time, and that it is safe to put in a page."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from synsight.analysis.result import Analysis
from synsight.reports import write
from synsight.reports.drawing.svg import StyleSheet
from synsight.reports.drawing.theme import COLOURS
from synsight.reports.drawing.timeline import inline_svg
from synsight.reports.drawing.timeline_layout import lay_out

from . import samples

SVG = "{http://www.w3.org/2000/svg}"


def svg(analysis: Analysis) -> str:
    stream = io.StringIO()
    write(analysis, "svg", stream)
    return stream.getvalue()


def words(markup: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(markup.encode()).iter(f"{SVG}text")]


def test_text_is_selectable_text() -> None:
    shown = words(svg(samples.stuck_close_wait()))
    for expected in (
        "SYN-ACK",
        "POST /api/v2/orders HTTP/1.1",
        "retransmission (tail loss probe)",
        "no FIN within 5 min 12 s",
        "client application",
        "CLOSE-WAIT?",
        "CLOSE-WAIT",
        "5 min 12 s",
        "31 more segments not shown",
        "40",
        "60.300000",
    ):
        assert expected in shown


def test_every_colour_can_follow_the_readers_mode() -> None:
    markup = svg(samples.stuck_close_wait())
    body = markup.split("</style>")[1]
    assert "#" not in body
    assert "style=" not in body
    rules = re.sub(r":root\{.*?\}", "", markup.split("</style>")[0])
    assert set(re.findall(r"#[0-9a-f]{3,6}", rules)) <= {light for light, _ in COLOURS.values()}
    assert not re.sub(r"var\(--[a-z-]+,#[0-9a-f]{6}\)", "", rules).count("#")


def test_light_colours_are_unique_so_that_each_can_be_looked_up() -> None:
    light = [pair[0] for pair in COLOURS.values()]
    assert len(set(light)) == len(light)


def test_drawing_holds_nothing_but_geometry_and_text() -> None:
    sheet = StyleSheet()
    root = ElementTree.fromstring(inline_svg(samples.hostile().flows[0], sheet))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "g", "path", "text"}
    names = {name for element in root.iter() for name in element.attrib}
    drawn = {"d", "x", "y", "viewBox", "width", "height", "class"}
    assert names <= drawn | {"data-row", "role", "aria-label"}
    assert "<script" not in sheet.css()
    assert "pwned" not in sheet.css()


def test_text_cannot_reach_the_style_sheet() -> None:
    base = samples.firewall_rst()
    attack = '" style="}body{display:none}" $x^2$ -->'
    rows = tuple(replace(row, label=attack, note=attack) for row in base.flows[0].ladder)
    markup = svg(replace(base, flows=(replace(base.flows[0], ladder=rows),)))
    assert "display" not in markup.split("</style>")[0]
    assert attack in words(markup)


@pytest.mark.parametrize("fmt", ["svg", "png", "pdf"])
def test_same_flow_gives_the_same_bytes_without_dates(fmt: str) -> None:
    made = []
    for _ in range(2):
        stream = io.BytesIO()
        write(samples.dropped_syn(), fmt, stream)
        made.append(stream.getvalue())
    assert made[0] == made[1]
    assert b"Date" not in made[0]
    assert b"atplotlib" not in made[0]


def test_tall_flow_is_capped_and_what_is_left_out_is_counted() -> None:
    flow = samples.stuck_close_wait().flows[0]
    tall = replace(flow, ladder=flow.ladder[2:5] * 100, ladder_left_out_count=7)
    layout = lay_out(tall, top=0)
    assert len(layout.arrows) == 60
    assert layout.left_out == "247 more segments not shown"
    assert layout.height < 4_000


def test_arrow_stops_at_the_side_that_dropped_it_and_bands_meet() -> None:
    layout = lay_out(samples.dropped_syn().flows[0], top=0)
    first, second, absent = layout.arrows[0], layout.arrows[1], layout.arrows[-1]
    assert first.from_x < first.to_x < first.last_x < absent.from_x
    assert (absent.to_x, absent.last_x) == (first.last_x, first.to_x)
    names = ["path between 15 %", "server network 55 %", "server host 30 %"]
    assert [cross.name for cross in first.crosses] == names
    assert first.names_lines > second.names_lines == 0
    closing = lay_out(samples.stuck_close_wait().flows[0], top=0)
    client = [band for band in closing.bands if band.end == "client"]
    assert [band.label for band in client] == ["SYN-SENT", "ESTABLISHED", "CLOSE-WAIT?", "CLOSE-WAIT"]
    assert all(before.bottom == after.top for before, after in pairwise(client))


def test_long_silence_is_a_break_that_tells_its_length() -> None:
    layout = lay_out(samples.dropped_syn().flows[0], top=0)
    assert [pause.label for pause in layout.pauses] == [
        "1.03 s",
        "1.02 s",
        "1.02 s",
        "2.05 s",
        "4.1 s",
        "32.8 s",
    ]


def test_time_that_goes_backwards_still_draws() -> None:
    base = samples.firewall_rst()
    rows = tuple(reversed(base.flows[0].ladder))
    assert "-0.000420" not in svg(replace(base, flows=(replace(base.flows[0], ladder=rows),)))


def test_row_without_states_leaves_the_bands_as_they_are() -> None:
    flow = samples.stuck_close_wait().flows[0]
    icmp = replace(flow.ladder[3], label="ICMP port unreachable", client_state="", server_state="")
    with_icmp = replace(flow, ladder=(*flow.ladder[:4], icmp, *flow.ladder[4:]))
    before, after = lay_out(flow, top=0), lay_out(with_icmp, top=0)
    assert [band.label for band in before.bands] == [band.label for band in after.bands]


def test_label_keeps_clear_of_the_crosses() -> None:
    shown = ElementTree.fromstring(svg(samples.firewall_rst()).encode())
    syn = next(each for each in shown.iter(f"{SVG}text") if each.text == "SYN")
    assert 200 < float(syn.get("x", "0")) < 275


def test_what_somebody_else_sent_begins_where_that_stands() -> None:
    base = samples.firewall_rst().flows[0]
    rst = replace(base.ladder[1], origin="client-network")
    layout = lay_out(replace(base, ladder=(base.ladder[0], rst)), top=0)
    honest, forged = layout.arrows
    assert honest.origin == ""
    assert forged.to_x < forged.from_x < 300
    assert forged.notes[0].startswith("sent from the client network; ttl 63")
    assert "diamond: sent by somebody else" in " ".join(layout.legend)


def test_rows_follow_one_another_without_a_gap_or_an_overlap() -> None:
    layout = lay_out(samples.stuck_close_wait().flows[0], top=0)
    assert all(before.bottom <= after.top for before, after in pairwise(layout.arrows))
    assert all(arrow.top < arrow.y < arrow.bottom for arrow in layout.arrows)


def test_legend_names_only_marks_that_are_there() -> None:
    legend = " ".join(lay_out(samples.firewall_rst().flows[0], top=0).legend)
    assert "dashed" not in legend
    assert "diamond" not in legend
    assert "cross" in legend
