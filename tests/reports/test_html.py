"""The page: complete in itself, escaped everywhere, and allowed to run nothing but its own script."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from synsight.analysis.redaction import redacted
from synsight.reports import write
from synsight.reports.drawing.theme import COLOURS

from . import samples

VOID = {"meta", "br", "hr", "img", "input", "link"}


def page(name: str, **options: object) -> str:
    stream = io.StringIO()
    write(samples.ALL[name](), "html", stream, **options)
    return stream.getvalue()


class Outline(HTMLParser):
    """Elements, attributes, ids and text of a page; fails on a tag that closes what is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", samples.ALL)
def test_page_loads_nothing_and_has_no_inline_style_or_handler(name: str) -> None:
    outline = Outline(page(name))
    assert not {"img", "iframe", "link", "object", "embed", "base", "form"} & set(outline.tags)
    data = [value for tag, name, value in outline.attributes if tag == "script" and name == "type"]
    assert set(data) <= {"application/json"}
    assert outline.tags.count("script") - len(data) == outline.tags.count("style") == 1
    for tag, attribute, value in outline.attributes:
        assert attribute not in {"src", "style", "srcset", "action"}, tag
        assert not attribute.startswith("on")
        if attribute in {"href", "xlink:href"}:
            assert (value or "").startswith("#")
    assert "url(" not in page(name)
    assert "@import" not in page(name)


@pytest.mark.parametrize("name", samples.ALL)
def test_policy_allows_exactly_the_style_and_script_in_the_page(name: str) -> None:
    text = page(name)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    allowed = policy[1].replace("&#39;", "'")
    assert allowed.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert body
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed
    assert "unsafe" not in allowed
    assert "*" not in allowed


def test_ids_are_unique_and_every_link_has_its_target() -> None:
    outline = Outline(page("many"))
    ids = [value for _, name, value in outline.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    links = {value for _, name, value in outline.attributes if name == "href" and value}
    assert {link[1:] for link in links} <= set(ids)


def test_connections_of_two_captures_may_share_an_id() -> None:
    base = samples.dropped_syn()
    twin = replace(samples.firewall_rst().flows[0], id=base.flows[0].id)
    stream = io.StringIO()
    write(replace(base, flows=(*base.flows, twin)), "html", stream)
    ids = [value for _, name, value in Outline(stream.getvalue()).attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert stream.getvalue().count(">RST-ACK</text>") == 1


def test_hostile_strings_are_text() -> None:
    text = page("hostile")
    outline = Outline(text)
    assert "<script>window" not in text
    assert "<img" not in text
    assert "<script>window.pwned=1</script>" in outline.text
    assert "{{7*7}}" in outline.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)
    assert r"\x1b[31m" in outline.text


def test_answer_is_the_first_heading_and_headings_do_not_jump() -> None:
    text = page("dropped-syn")
    levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert samples.dropped_syn().headline.replace("'", "&#39;") in text.split("</h1>")[0]


def test_timelines_are_capped_and_what_is_left_out_is_counted() -> None:
    text = page("many", timelines=3)
    assert text.count('class="timeline"') == 3
    assert "The worst 3 in full, then all 2,000 in a list." in text
    assert "1,900 connections of this list left out here, because the page's script does not run" in text
    assert "3,112 connections with findings beyond what an analysis tells one by one" in text


def test_incidents_beyond_the_cap_are_counted() -> None:
    base = samples.many()
    stream = io.StringIO()
    write(replace(base, incidents=base.incidents * 100), "html", stream)
    assert stream.getvalue().count('data-label="Clients"') == 200
    assert "100 more incidents not shown on this page" in stream.getvalue()


def rows_of(text: str) -> list[list[object]]:
    found = re.search(r'<script type="application/json" id="connection-rows">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


def test_every_connection_is_in_the_list_for_the_script() -> None:
    rows = rows_of(page("many"))
    assert len(rows) == 2_000
    assert rows[0][:3] == ["10.0.0.9:30000", "10.20.0.5:5432", "unanswered"]
    assert rows[1_999][5] == "reject-tcp-reset"


def test_nothing_in_the_data_can_end_its_element() -> None:
    text = page("hostile", timelines=1)
    data = text.split('id="connection-rows">')[1].split("</script>")[0]
    assert not set("<>&") & set(data)
    assert "<script>window.pwned=1</script>" in str(rows_of(text))


def test_one_connection_needs_no_list_and_no_charts() -> None:
    text = page("dropped-syn")
    assert "connection-rows" not in text.split("<script>")[0]
    assert 'class="chart"' not in text


def test_charts_say_in_a_table_what_they_draw() -> None:
    outline = Outline(page("many"))
    for words in (
        "SYN to SYN-ACK",
        "half within 20 ms",
        "Sockets of 10.20.0.5:5432",
        "CLOSE-WAIT",
        "667 unanswered",
    ):
        assert words in outline.text
    assert page("many").count('class="chart"') == 3


def test_connections_that_no_chart_holds_are_counted() -> None:
    base = samples.many()
    assert base.series is not None
    stream = io.StringIO()
    write(replace(base, series=replace(base.series, left_out_count=40)), "html", stream)
    assert "40 earlier connections that this long capture has let go are in no chart." in stream.getvalue()


def test_redacted_page_says_so_and_gives_no_address_filter() -> None:
    stream = io.StringIO()
    write(redacted(samples.dropped_syn(), b"key"), "html", stream)
    assert "Addresses and names of files are replaced" in stream.getvalue()
    assert "ip.addr ==" not in stream.getvalue().split("<script>")[0]
    assert "ip.addr == 10.1.7.22" in page("dropped-syn")


def test_connection_without_findings_left_out_says_so_plainly() -> None:
    assert "left out" not in page("dropped-syn")


def test_healthy_page_is_calm() -> None:
    text = page("healthy")
    assert "all clear" in text
    assert 'class="blame"' not in text
    assert 'id="connections"' not in text


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("background", [0, 1], ids=["light", "dark"])
def test_text_has_wcag_aa_contrast(background: int) -> None:
    for text in ("ink", "muted", "accent", "good", "warning", "lost", "repeat"):
        for under in ("page", "surface"):
            assert _contrast(COLOURS[text][background], COLOURS[under][background]) >= 4.5, (text, under)
    for band in ("opening", "established", "closing", "waiting", "closed"):
        assert _contrast(COLOURS["ink"][background], COLOURS[band][background]) >= 4.5, band
    for line in ("lifeline", "segment", "opening-edge", "established-edge", "closing-edge", "waiting-edge"):
        assert _contrast(COLOURS[line][background], COLOURS["page"][background]) >= 3, line


def test_findings_that_are_no_failure_are_counted_on_the_first_screen() -> None:
    told = samples.healthy()
    stream = io.StringIO()
    write(replace(told, totals=replace(told.totals, flows_with_findings_count=1)), "html", stream)
    assert "; 1 with findings." in Outline(stream.getvalue()).text
    assert "; none with findings." in Outline(page("healthy")).text
