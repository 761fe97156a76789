"""`synsight check` as a user meets it: paths, exit codes, results in every format."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from junitparser import JUnitXml

from tests import sarif_schema
from tests.test_cli import LAB, one_line, run

GOOD = '[[finding]]\ncode = "syn-unanswered"\n'
BAD = '[[finding]]\ncode = "syn-unanswered"\nside = "nobody"\n'


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return Path(shutil.copy(LAB / "syn-dropped-by-server-host" / "client.pcap", tmp_path / "x.pcap"))


def expect(capture: Path, text: str) -> Path:
    path = capture.with_name(capture.name.split(".")[0] + ".expect.toml")
    path.write_text(text)
    return path


def test_what_is_as_expected_ends_with_zero(capture: Path) -> None:
    path = expect(capture, GOOD)
    for named in (path, capture, capture.parent):
        done = run("check", named)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode() == f"{path} .\n1 passed in 1 file of expectations\n"


def test_what_is_not_ends_with_one_and_shows_the_ladder(capture: Path) -> None:
    path = expect(capture, BAD)
    done = run("check", capture.parent)
    text = done.stdout.decode()
    assert done.returncode == 1
    assert f"FAILED {path}:1 [[finding]] syn-unanswered, side nobody - no finding is like this" in text
    assert "SYN ──" in text
    assert text.splitlines()[-1] == "1 failed, 0 passed in 1 file of expectations"


def test_a_mistake_ends_with_two_and_names_its_line(capture: Path) -> None:
    path = expect(capture, "\n[[finding]]\ncoed = 1\n")
    done = run("check", path)
    assert done.returncode == 2
    told = f"{path}:3: unknown key 'coed' in [[finding]]; did you mean 'code'?"
    assert told in done.stdout.decode()


def test_a_cut_capture_ends_with_three_unless_it_is_meant_to_be_cut(capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-7])
    expect(capture, GOOD)
    done = run("check", capture)
    assert done.returncode == 3
    assert b"partial = true" in done.stdout
    expect(capture, "[capture]\npartial = true\n" + GOOD)
    assert run("check", capture).returncode == 0


def test_a_capture_that_is_none_ends_with_three(tmp_path: Path) -> None:
    page = tmp_path / "x.pcap"
    page.write_text("<html>")
    expect(page, "[totals]\nflows = 0\n")
    assert run("check", page).returncode == 3


@pytest.mark.parametrize("kind", ["nowhere", "empty folder", "alone", "two captures", "no capture"])
def test_where_there_is_nothing_to_check_it_says_what_to_do(kind: str, capture: Path, tmp_path: Path) -> None:
    if kind == "nowhere":
        assert "check the path" in one_line(run("check", tmp_path / "nowhere"))
    elif kind == "empty folder":
        assert "--update" in one_line(run("check", tmp_path))
    elif kind == "alone":
        assert "no x.expect.toml beside it" in one_line(run("check", capture))
    else:
        path = expect(capture, GOOD)
        if kind == "two captures":
            shutil.copy(capture, tmp_path / "x.pcapng")
        else:
            capture.unlink()
        done = run("check", path)
        assert done.returncode == 2
        assert b"[capture]" in done.stdout


def test_update_writes_and_then_passes(capture: Path) -> None:
    done = run("check", "--update", capture)
    path = capture.with_name("x.expect.toml")
    assert done.returncode == 0
    assert done.stderr.decode() == f"synsight: {path}: written\n"
    first = path.read_bytes()
    assert run("check", capture.parent).returncode == 0
    assert run("check", "--update", path).stderr == b""
    assert path.read_bytes() == first
    path.write_text(path.read_text().replace("flows = 1", "flows = 2  # mine"))
    assert run("check", path).returncode == 1
    assert b"changed line 6: flows = 1" in run("check", "--update", path).stderr
    assert "flows = 1  # mine" in path.read_text()


def test_results_for_other_programs(capture: Path, tmp_path: Path) -> None:
    path = expect(capture, BAD + GOOD)
    outputs = [tmp_path / f"r{suffix}" for suffix in (".xml", ".sarif", ".md", ".txt")]
    arguments = [part for output in outputs for part in ("-o", output)]
    assert run("check", path, *arguments).returncode == 1
    xml = JUnitXml.fromfile(str(outputs[0]))
    assert (xml.tests, xml.failures) == (2, 1)
    log = json.loads(outputs[1].read_text())
    sarif_schema.validate(log)
    (result,) = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"file://{path}"
    assert place["region"]["startLine"] == 1
    assert outputs[2].read_text().startswith("## ✖ 1 failed, 1 passed")
    before = [output.read_bytes() for output in outputs]
    run("check", path, *arguments)
    assert before == [output.read_bytes() for output in outputs]


def test_an_unknown_format_says_which_there_are(capture: Path, tmp_path: Path) -> None:
    expect(capture, GOOD)
    done = run("check", capture, "-o", tmp_path / "r.parquet")
    assert done.returncode == 2
    assert ".sarif" in one_line(done)


def test_a_hostile_path_reaches_no_terminal(capture: Path) -> None:
    name = capture.with_name("\x1b[31m<b>.pcap")
    capture.rename(name)
    expect(name, BAD)
    done = run("check", name.parent)
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.returncode == 1


def test_the_fixtures_of_this_project_hold() -> None:
    done = run("check", "fixtures")
    assert done.returncode == 0, done.stdout.decode()


def test_check_imports_no_matplotlib(capture: Path) -> None:
    import subprocess

    expect(capture, GOOD)
    probe = (
        "import sys, synsight.__main__ as m\n"
        f"m.main(['check', {os.fspath(capture)!r}], standalone_mode=False)\n"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip().endswith("False"), done.stderr
