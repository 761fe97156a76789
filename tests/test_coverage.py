"""The page of what is covered: each row names what exists, and no finding, pile or note is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from synsight.analysis import findings, piles

from docs import coverage_page
from docs.coverage_page import CoverageError, Row, Section


def section_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Section:
    """The one section of a folder that holds one file with that text."""
    (folder / "one.toml").write_text(f'letter = "X"\ntitle = "Trial"\n{text}')
    monkeypatch.setattr(coverage_page, "FOLDER", folder)
    return coverage_page.sections()[0]


def test_every_finding_pile_and_note_has_a_row() -> None:
    listed: set[str] = set()
    for section in coverage_page.sections():
        listed |= {*section.same, *(row.code for row in section.rows)}
    known = {*findings.BY_CODE, *piles.BY_CODE, *coverage_page.notes()}
    assert sorted(known - listed) == []


def test_a_row_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'same = ["port-closed"]\n[rtt-high]\nhidden = true\nhow = "It is so."\n'
    section = section_of(text, tmp_path, monkeypatch)
    assert section.same == ("port-closed",)
    assert section.rows == (Row("rtt-high", "hidden", "", "It is so."),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('same = ["no-such-thing"]', "there is no finding, pile or note of that name"),
        ('[a-b]\nfinding = "no-such-thing"\nhow = "So."', "there is no finding no-such-thing"),
        ('[a-b]\npile = "port-closed"\nhow = "So."', "there is no pile port-closed"),
        ('[a-b]\nnote = "port-closed"\nhow = "So."', "there is no note port-closed"),
        (
            '[a-b]\ncode = "analysis.verdict:nothing"\nhow = "So."',
            "there is no analysis.verdict:nothing",
        ),
        ('[a-b]\nreason = "port-closed"\nhow = "So."', "the words of port-closed do not name a-b"),
        ("[a-b]\nhidden = true\nhow = 'Half a sentence'", "needs a sentence"),
        ("[a-b]\nhow = 'So.'", "exactly one of"),
        ("[a-b]\nhidden = true\nopen = true\nhow = 'So.'", "exactly one of"),
        ('same = ["port-closed"]\n[port-closed]\nhidden = true\nhow = "So."', "told twice: port-closed"),
    ],
)
def test_what_does_not_exist_is_refused(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CoverageError, match=said):
        section_of(text, tmp_path, monkeypatch)
