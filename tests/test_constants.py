"""The compiled loop repeats the numbers of the enums, and the build lists its parts: neither may drift."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from synsight.analysis import records
from synsight.analysis.states import packed
from synsight.capture.segment import SEGMENT

ROOT = Path(__file__).parent.parent
LOOP = ROOT / "analysis" / "loop"
LAYERS = ROOT / "capture" / "layers"
BLOCK = re.compile(r"^cdef enum:(?:  # (.*))?\n((?:    .+\n)+)", re.MULTILINE)
MIRROR = re.compile(r"(\w+\.\w+)\.(\w+)(?:, with (\w+) before each name)?")
MEMBER = re.compile(r"    (\w+) = ([-\w<> ]+?)(?:  #.*)?")


def members(lines: str) -> dict[str, int]:
    """Names and values of one block; values are literals such as `1 << 3`."""
    found = {}
    for line in lines.splitlines():
        match = MEMBER.fullmatch(line)
        assert match, line
        found[match[1]] = int(eval(match[2], {"__builtins__": {}}))
    return found


def blocks(part: Path = LOOP / "constants.pxd") -> list[tuple[str, dict[str, int]]]:
    """Heading and members of every enum of a part."""
    return [(match[1] or "", members(match[2])) for match in BLOCK.finditer(part.read_text())]


def mirrors(part: Path) -> list[tuple[re.Match[str], dict[str, int]]]:
    """The enums that repeat one of Python's."""
    return [(match, found) for heading, found in blocks(part) if (match := MIRROR.fullmatch(heading))]


TRACKER, DECODER = mirrors(LOOP / "constants.pxd"), mirrors(LAYERS / "walk.pxd")
MIRRORS = TRACKER + DECODER


@pytest.mark.parametrize(("heading", "found"), MIRRORS, ids=[match[2] for match, _ in MIRRORS])
def test_a_block_repeats_its_enum(heading: re.Match[str], found: dict[str, int]) -> None:
    module, name, prefix = heading.groups(default="")
    enum = getattr(import_module(f"synsight.{module}"), name)
    assert found == {prefix + member.name: int(member) for member in enum}


def test_every_enum_of_the_rows_is_repeated() -> None:
    assert {match[2] for match, _ in DECODER} == {"SkipReason", "IpFlag"}
    assert {match[2] for match, _ in TRACKER} == {
        "Anomaly", "Checksum", "Direction", "Event", "Fact", "Flag", "IpFlag", "Kind", "Known", "Mark",
        "Offer", "Option", "Pending", "State",
    }  # fmt: skip


def test_the_state_table_has_the_shape_that_the_loop_expects() -> None:
    found = {name: value for _, block in blocks() for name, value in block.items()}
    assert packed().shape == (found["STATE_COUNT"], found["EVENT_COUNT"])


def test_no_name_stands_for_two_numbers() -> None:
    names = [name for _, block in blocks() for name in block]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("module", "parts"),
    [
        ("synsight.analysis._tracker", [*LOOP.glob("*.pxd"), ROOT / "capture" / "segment_row.pxd"]),
        ("synsight.capture._decode", [*LAYERS.glob("*.pxd"), *(ROOT / "capture").glob("*_row.pxd")]),
    ],
)
def test_the_build_knows_every_part_of_the_loop(module: str, parts: list[Path]) -> None:
    """Listed parts are in the source archive, and a change in one compiles the loop again."""
    modules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    listed = next(each for each in modules if each["name"] == module)["depends"]
    assert listed == sorted(str(path.relative_to(ROOT)) for path in parts)


@pytest.mark.parametrize(
    ("rows", "first", "copied"),
    [
        ("FLOW", "end_ns", ("time_ns", "frame")),
        ("HALF", "last_ns", ("time_ns", "frame")),
        ("HALF", "data_last_ns", ("time_ns", "frame")),
        ("HALF", "print_seq", ("seq", "ack", "payload_bytes", "tsval")),
        ("FLOW", "a_port", ("sport", "dport")),
    ],
)
def test_fields_that_are_copied_or_compared_at_once_lie_alike(
    rows: str, first: str, copied: tuple[str, ...]
) -> None:
    mine = getattr(records, rows)
    names = list(mine.names)
    there = names[names.index(first) :][: len(copied)]
    assert [place(mine, name) for name in there] == [
        (start + mine.fields[first][1] - SEGMENT.fields[copied[0]][1], size)
        for start, size in (place(SEGMENT, name) for name in copied)
    ]


def place(rows: np.dtype, name: str) -> tuple[int, int]:
    """Where a field begins, and its bytes."""
    assert rows.fields is not None
    kind, start = rows.fields[name][:2]
    return start, kind.itemsize


PLAIN_PATH = {
    "plain.pxd": ("is_plain", "plain_segment"),
    "first_sightings.pxd": ("count_segment", "remember", "note_origin", "note_data", "note_turn"),
    "acknowledgments.pxd": ("sample_round_trip",),
}
"""What runs for every plain segment."""

SELDOM = {
    "out_count", "in_count", "bad_sum_count", "partial_sum_count",  # some captures only
    "oversize_count", "padded_count", "window_full_count", "ttl_first",
    "data_ns", "data_frame",  # once per end
    "turn_at_ns", "turn_frame",  # when a wait is longer than every one before
}  # fmt: skip


def test_what_plain_segments_touch_lies_in_the_lines_that_are_asked_for() -> None:
    """A field beyond them costs a third of the loop's time, and nothing else tells."""
    asked = {name: value for _, found in blocks(LOOP / "prefetch.pxd") for name, value in found.items()}
    line, lines = asked["LINE"], {"HALF": asked["HOT_LINES"], "FLOW": 1}
    touched = {"HALF": set(), "FLOW": set()}
    for part, functions in PLAIN_PATH.items():
        bodies = re.split(r"^(?=cdef )", (LOOP / part).read_text(), flags=re.MULTILINE)
        for function in functions:
            (body,) = (body for body in bodies if re.match(rf"cdef [\w ]*\b{function}\(", body))
            touched["HALF"] |= set(re.findall(r"\b[hp]\.(\w+)", body)) - SELDOM
            touched["FLOW"] |= set(re.findall(r"\bflow\.(\w+)", body))
    assert len(touched["HALF"]) > 30
    for rows, names in touched.items():
        dtype = getattr(records, rows)
        beyond = {name for name in names if sum(place(dtype, name)) > lines[rows] * line}
        assert not beyond, f"{rows}: {beyond}"
