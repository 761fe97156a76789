"""Hostile text made harmless; words for every name of the result tree."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from synsight.analysis.result import SEVERITIES, SIDES
from synsight.reports import wording


@given(st.text(st.characters()))
def test_visible_text_has_only_characters_that_show_and_encodes(text: str) -> None:
    shown = wording.visible(text)
    shown.encode("utf-8")
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in shown)


def test_plain_text_stays_as_it_is() -> None:
    for text in ("GET /index.html", "münchen.example", "日本語"):
        assert wording.visible(text) == text


def test_byte_of_a_file_name_is_spelled_as_that_byte() -> None:
    assert wording.visible(b"caf\xe9.pcap".decode("utf-8", "surrogateescape")) == r"caf\xe9.pcap"


def test_every_side_and_severity_has_words() -> None:
    assert tuple(wording.SIDES) == SIDES
    assert set(wording.SEVERITY_MARKS) == set(SEVERITIES)


def test_believed_state_ends_in_a_question_mark() -> None:
    assert wording.state("LISTEN", False) == "LISTEN?"
    assert wording.state("LISTEN", True) == "LISTEN"
    assert wording.state("UNKNOWN", False) == "UNKNOWN"
