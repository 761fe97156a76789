"""A capture full of attacks, through every format: nothing is markup, a formula or a terminal code."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import cmarkgfm
import pytest
import synsight
from cmarkgfm.cmark import Options
from junitparser import JUnitXml
from synsight import reports
from synsight.checking import check, gathered
from synsight.reports import write

from tests.hostile_capture import hostile_capture

from . import samples
from .accept import FORMATS

ALLOWED = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "pre", "strong",
           "details", "summary"}  # fmt: skip
"""Elements of our own that Markdown renders to."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture(scope="module", params=["capture", "every string"])
def analysis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "every string":
        return samples.hostile()
    path = tmp_path_factory.mktemp("hostile") / "<img src=x onerror=alert(4)>|=1+1 @all [x](y).pcap"
    path.write_bytes(hostile_capture())
    return synsight.analyze(path, all_flows=True)


def report(analysis: Any, form: str) -> str:
    stream = io.BytesIO()
    write(analysis, form, stream)
    return stream.getvalue().decode("utf-8")


def test_the_capture_shows_its_attacks(tmp_path: Path) -> None:
    """Or the others here would prove nothing."""
    path = tmp_path / "x.pcap"
    path.write_bytes(hostile_capture())
    shown = report(synsight.analyze(path, all_flows=True), "markdown")
    assert "script" in shown
    assert "evil.example" in shown


@pytest.mark.parametrize("form", [name for name, _ in FORMATS])
def test_no_terminal_code_gets_through(analysis: Any, form: str) -> None:
    text = report(analysis, form).replace("\r\n", "\n")
    assert not CONTROL.search(text)


def test_markdown_renders_to_no_markup_of_theirs(analysis: Any) -> None:
    html = cmarkgfm.github_flavored_markdown_to_html(
        report(analysis, "markdown"), options=Options.CMARK_OPT_UNSAFE
    )
    outside = re.sub(r"<(code|pre)[^>]*>.*?</\1>", "", html, flags=re.S)
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= ALLOWED
    assert not re.search(r"<[^>]*\son\w+=", html)
    assert not re.search(r"@\w", outside)
    assert html.count("<details>") == html.count("</details>")


def test_csv_has_no_formula(analysis: Any) -> None:
    rows = list(csv.reader(io.StringIO(report(analysis, "csv"), newline="")))
    assert len({len(row) for row in rows}) == 1
    for row in rows[1:]:
        for cell in row:
            assert cell[:1] not in "=+-@\t\r" or not cell


def test_csv_marks_a_formula() -> None:
    from synsight.reports.csv_table import _harmless

    for text in ("=1+1", "+1", "-1", "@SUM(A1)", " =1", '"=1', "＝1"):
        assert _harmless(text) == f"'{text}"
    assert _harmless("10.0.0.1") == "10.0.0.1"


def test_junit_is_xml_for_a_parser_of_others(analysis: Any) -> None:
    suites = JUnitXml.fromstring(report(analysis, "junit").encode())
    assert sum(len(suite) for suite in suites) == len(analysis.flows) + len(analysis.captures)


def test_sarif_messages_have_no_links_and_no_placeholders(analysis: Any) -> None:
    log = json.loads(report(analysis, "sarif"))
    for result in log["runs"][0]["results"]:
        text = result["message"]["text"]
        assert not re.search(r"(?<!\\)\[", text)
        assert not re.search(r"(?<!\{)\{(?!\{)\d", text)
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]+", place)


@pytest.mark.parametrize("form", [form.name for form in reports.FORMATS if form.checks])
def test_checks_of_it_are_as_harmless(form: str, tmp_path: Path) -> None:
    capture = tmp_path / "<b>`|@all.pcap"
    capture.write_bytes(hostile_capture())
    path = capture.with_name("<b>`|@all.expect.toml")
    path.write_text('[[no_finding]]\nseverity = ">= info"\n\n[[flow]]\nid = "<script>|[x](y)"\nport = 80\n')
    run = gathered([check(path)])
    assert run.failed_count == 2
    text = report(run, form)
    assert not CONTROL.search(text)
    if form == "markdown":
        html = cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)
        assert set(re.findall(r"<([a-z0-9]+)", html)) <= ALLOWED
    if form == "junit":
        assert JUnitXml.fromstring(text.encode()).failures == 2
