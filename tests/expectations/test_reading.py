"""What is written down is understood, or refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from synsight.analysis.expectations.reading import SELECTING, ExpectationError, read
from synsight.analysis.expectations.toml_places import tables
from synsight.analysis.questions.facts import CAPTURE, FINDING, FLOW

EVERYTHING = """# about this capture
other_findings = "info"

[capture]
path = ["a.pcap", "b.pcap"]
filter = "port 80"
vantage = "client"
partial = true

[totals]
flows = 3
retransmissions = "< 1 %"   # of all segments
quality = [
    "capture-drop",  # ] no end
    "one-way-capture",
]

[[finding]]
code = "syn-unanswered"
severity = ">= warning"
count = "1..3"

[[no_finding]]
server = "[2001:db8::1]:80"
side = ["path", "middlebox"]

[[flow]]
"client" = "10.0.0.0/8"
outcome = "!= reset"
handshake_ms = "<= 1.5"
"""


def test_every_table_is_understood() -> None:
    made = read(EVERYTHING.replace('"1..3"', '"<= 3"'))
    assert [item.kind for item in made.items] == [
        "other_findings", "totals", "totals", "totals", "finding", "no_finding", "flow",
    ]  # fmt: skip
    assert [item.line for item in made.items] == [2, 11, 12, 13, 18, 23, 27]
    assert made.paths == ("a.pcap", "b.pcap")
    assert (made.bpf, made.vantage, made.partial) == ("port 80", "client", True)
    assert made.items[4].title == "[[finding]] syn-unanswered, severity >= warning"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1", 1, "unknown key 'a'"),
        ("\n[finding]\ncode = 'port-closed'", 2, "written [[finding]]"),
        ("[[totals]]\nflows = 1", 1, "written [totals]"),
        ("[[finding]]\n\ncode = 'syn-unansered'", 3, "did you mean 'syn-unanswered'?"),
        ("[[flow]]\nsever_port = 1", 2, "unknown key 'sever_port' in [[flow]]; did you mean 'server_port'?"),
        ("[[flow]]\nip = '10.0.0.1'\nclient = '10.0.0.1/99'", 3, "no address, network or address:port"),
        ("[[flow]]\nport = 70000\noutcome = 'open'", 2, "70000 is no port"),
        ("[[flow]]\nport = true", 2, "a number"),
        ("[[flow]]\nport = 80\noutcome = 'closed'", 3, "known are completed"),
        ("[[flow]]\nport = 80\noutcome = '< open'", 3, "== or !="),
        ("[[flow]]\nport = 80\noutcome = []", 3, "at least one"),
        ("[[flow]]\nport = 80\nhandshake_complete = 'yes'", 3, "neither true nor false"),
        ("[[flow]]\nport = 80\nsyn_count = '< 1 %'", 3, "no percentage"),
        ("[[flow]]\nport = 80\nfindings = 'port-closed'", 3, "a list"),
        ("[[finding]]", 1, "says nothing"),
        ("[[no_finding]]\ncode = 'port-closed'\ncount = 1", 3, "unknown key 'count'"),
        ("[totl]\nflows = 1", 1, "did you mean 'totals'?"),
        ("[totals]\nflows = 'many'", 2, "'many' is no number"),
        ("[totals]\nflows = 2020-01-01", 2, "cannot be compared"),
        ("[capture]\nfile = 'x'", 2, "unknown key 'file' in [capture]"),
        ("[capture]\nvantage = 'roof'", 2, "client, server or middle"),
        ("[capture]\npath = []", 2, "name of a capture"),
        ("other_findings = 'error'", 1, "one of none, info, warning, any"),
        ("[totals]\nflows =", 2, "no valid TOML"),
        ("[totals]\nflows = 1\nflows = 2", 3, "no valid TOML"),
        ("[[finding]\n", 1, "no valid TOML"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        read(text)
    assert words in str(caught.value)
    assert caught.value.line == line


def test_places_survive_strings_and_comments() -> None:
    text = 'a = """x\n[no] # = " \\""""""\nb = \'\'\'[[\n\'\'\' # c\n"k=1" = [ # ]\n "]", ]\n[t] # u\nd=1'
    first, second = tables(text)
    assert {key: text[place.start : place.end] for key, place in first.keys.items()} == {
        "a": '"""x\n[no] # = " \\""""""',
        "b": "'''[[\n'''",
        "k=1": '[ # ]\n "]", ]',
    }
    assert [place.line for place in first.keys.values()] == [1, 3, 5]
    assert (second.name, second.line, second.keys["d"].line) == ("t", 7, 8)


def test_the_page_shows_what_is_valid_and_names_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    assert len(read(example).items) == 7
    for name in (*CAPTURE, *FLOW, *FINDING, *SELECTING):
        assert f"`{name}`" in page, name
