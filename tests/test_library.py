"""The Python interface: what the page shows runs, names are stable, importing is cheap."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import pytest
import synsight
from synsight.analysis.questions.selection import End, Selector

ROOT = Path(__file__).parent.parent


def test_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False, optionflags=0)
    assert done.attempted > 15
    assert done.failed == 0


def test_every_name_is_there_and_on_the_page() -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    for name in synsight.__all__:
        assert getattr(synsight, name) is not None
        assert f"`{name}`" in page, name
    assert set(synsight.__all__) <= set(dir(synsight))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = synsight.nonsense


def test_importing_is_cheap() -> None:
    probe = (
        "import sys, synsight; print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'click', 'rich')"
    )
    probe += " or m.startswith('synsight.')])"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "ip", "port", "holds"),
    [
        ("10.0.0.1", "10.0.0.1", 80, True),
        ("10.0.0.1:80", "10.0.0.1", 80, True),
        ("10.0.0.1:81", "10.0.0.1", 80, False),
        ("10.0.0.0/8", "10.9.9.9", 1, True),
        ("10.0.0.0/8", "2001:db8::1", 1, False),
        ("2001:db8::/32", "2001:db8:1::1", 1, True),
        ("[2001:db8::1]:443", "2001:db8::1", 443, True),
        ("2001:db8::1", "2001:db8::1", 443, True),
    ],
)
def test_ends(text: str, ip: str, port: int, holds: bool) -> None:
    assert End.parse(text).holds(synsight.Endpoint(ip, port)) is holds


@pytest.mark.parametrize(
    "text", ["", ":80", "10.0.0.1:", "10.0.0.1:99999", "10.0.0", "host:80", "10.0.0.1/33", "a\x1b"]
)
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no address|no port"):
        End.parse(text)


def test_ip_and_port_are_of_the_same_end() -> None:
    refused = synsight.analyze(ROOT / "fixtures/lab/port-closed/client.pcap")
    assert len(refused.select(ip="10.0.2.2", port=8080)) == 1
    assert refused.select(ip="10.0.1.2", port=8080) == ()
    with pytest.raises(ValueError, match="no port"):
        Selector.of(port=70000)
