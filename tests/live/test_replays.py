"""One engine: what is watched is judged as what is read from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import synsight
from synsight.analysis.live.retention import Limits

from ..corpus import folder
from .replays import codes, watched, without_version

LAB = Path(__file__).parent.parent.parent / "fixtures" / "lab"
FIXTURES = sorted(LAB.glob("*/*.pcap"))

FEW = Limits(spared_count=0, linger_ns=1_000_000_000)
"""As for a long capture: whatever has ended leaves at once."""


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_lab_capture_that_is_watched_gives_the_analysis_of_the_file(path: Path) -> None:
    watched_result, events = watched(path)
    assert without_version(watched_result) == without_version(synsight.analyze(path))
    standing = {event.incident.id: event for event in events}
    told = {
        (event.incident.code, event.incident.server)
        for event in standing.values()
        if event.reason not in ("withdrawn", "merged")
    }
    assert told == {(incident.code, incident.server) for incident in watched_result.incidents}


REMEMBERS = [path for path in FIXTURES if path.parent.name != "old-timestamps-dropped"]
"""paws-syn-drop compares the timestamps of connections, also of those that have left the table by then."""


@pytest.mark.parametrize("path", REMEMBERS[::7], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_connections_that_leave_the_table_stay_in_the_totals(path: Path) -> None:
    vantage = path.stem
    watched_result, _ = watched(path, vantage, FEW)
    whole = synsight.analyze(path, vantage=vantage)
    assert codes(watched_result) == codes(whole)
    assert watched_result.totals == whole.totals


def corpus_captures() -> list[Path]:
    place = folder()
    return [] if place is None else sorted(place.glob("captures/*/*"))[::24]


@pytest.mark.corpus
@pytest.mark.skipif(folder() is None, reason="no corpus beside the checkout (SYNSIGHT_CORPUS)")
@pytest.mark.parametrize("path", corpus_captures(), ids=lambda path: path.name)
def test_a_capture_from_elsewhere_that_is_watched_gives_the_analysis_of_the_file(path: Path) -> None:
    try:
        whole = synsight.analyze(path)
    except synsight.capture.source.CaptureError:
        pytest.skip("nothing can be read in it")
    assert without_version(watched(path)[0]) == without_version(whole)
