"""Markdown: what a person sees on a pull request."""

from __future__ import annotations

import io

import cmarkgfm
from synsight.reports import write
from synsight.reports.markdown import MOST_CHARACTERS, block, code

from . import samples


def markdown(name: str, **options: object) -> str:
    stream = io.StringIO()
    write(samples.ALL[name](), "markdown", stream, **options)
    return stream.getvalue()


def test_the_first_line_is_the_answer() -> None:
    assert markdown("dropped-syn").startswith("## ")
    html = cmarkgfm.github_flavored_markdown_to_html(markdown("dropped-syn"))
    assert html.startswith("<h2>")
    assert "<th>Who dropped it</th>" in html


def test_what_does_not_fit_a_comment_is_counted() -> None:
    text = markdown("many")
    assert len(text) < MOST_CHARACTERS
    assert "5,102 more connections with findings not shown" in text
    short = markdown("many", most_characters=3_000)
    assert len(short) < 4_000
    assert "more connections with findings not shown" in short


def test_a_ladder_folds_away() -> None:
    html = cmarkgfm.github_flavored_markdown_to_html(markdown("stuck-close-wait"))
    assert html.count("<pre") >= 1


def test_code_with_any_run_of_backticks_stays_code() -> None:
    for text in ("a", "`", "``a`", "a``", " ", "a|b"):
        html = cmarkgfm.github_flavored_markdown_to_html(code(text))
        assert html.count("<code>") == 1
        assert html.count("</code></p>") == 1
    table = cmarkgfm.github_flavored_markdown_to_html(f"| a |\n|---|\n| {code('x|y`z')} |")
    assert "<td><code>x|y`z</code></td>" in table
    assert cmarkgfm.github_flavored_markdown_to_html(block("```\n</pre><b>")).count("<b>") == 0
