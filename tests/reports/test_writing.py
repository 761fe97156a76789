"""The registry, and the one function that opens, writes and cleans up."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
from synsight import reports
from synsight.reports import FORMATS, ReportError, format_names, format_of, write, write_file

from . import samples


@pytest.mark.parametrize("form", FORMATS, ids=format_names())
def test_every_format_writes_a_file_twice_the_same(form: reports.Format, tmp_path: Path) -> None:
    first, second = tmp_path / f"a{form.suffix}", tmp_path / f"b{form.suffix}"
    write_file(samples.stuck_close_wait(), first)
    write_file(samples.stuck_close_wait(), second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes()


@pytest.mark.parametrize("form", FORMATS, ids=format_names())
def test_every_format_writes_to_a_text_stream_over_bytes(form: reports.Format) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
    write(samples.firewall_rst(), form.name, stream)
    stream.flush()
    direct = io.BytesIO()
    write(samples.firewall_rst(), form.name, direct)
    assert raw.getvalue() == direct.getvalue()


@pytest.mark.parametrize("name", ["html", "svg", "json"])
def test_what_declares_utf_8_is_utf_8_on_every_stream(name: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="iso-8859-1", newline="\r\n")
    stream.write("before\n")
    write(samples.dropped_syn(), name, stream)
    stream.write("after\n")
    stream.flush()
    direct = io.BytesIO()
    write(samples.dropped_syn(), name, direct)
    assert raw.getvalue() == b"before\r\n" + direct.getvalue() + b"after\r\n"
    direct.getvalue().decode("utf-8")


def test_suffix_chooses_the_format() -> None:
    assert [format_of(f"x{form.suffix}") for form in FORMATS] == list(format_names())
    assert format_of("REPORT.HTML") == "html"


def test_unknown_suffix_and_format_say_what_is_known() -> None:
    with pytest.raises(ReportError, match=r"report\.docx.*\.html"):
        format_of("report.docx")
    with pytest.raises(ReportError, match="known are text, json"):
        write(samples.healthy(), "docx", io.BytesIO())


def test_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    target = tmp_path / "absent" / "report.json"
    with pytest.raises(ReportError) as caught:
        write_file(samples.healthy(), target)
    assert str(caught.value) == f"{target}: cannot write the report: No such file or directory"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize("fmt", format_names())
def test_full_disk_is_one_clear_line(fmt: str) -> None:
    with pytest.raises(ReportError, match="No space left on device"):
        write_file(samples.dropped_syn(), "/dev/full", fmt)
    assert os.path.exists("/dev/full")


def test_half_written_file_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(analysis: object, stream: io.TextIOBase) -> None:
        stream.write("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synsight.reports.json_report.write", fails)
    with pytest.raises(ReportError, match=r"report\.json: cannot write.*No space left"):
        write_file(samples.healthy(), tmp_path / "report.json")
    assert not list(tmp_path.iterdir())


def test_timeline_of_nothing_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no timeline to draw"):
        write_file(samples.healthy(), tmp_path / "t.svg")
    with pytest.raises(ReportError, match="no timeline to draw for 'nobody'"):
        write_file(samples.dropped_syn(), tmp_path / "t.svg", flow_id="nobody")
    assert not list(tmp_path.iterdir())


def test_importing_the_package_is_cheap() -> None:
    check = (
        "import sys, synsight.reports; "
        "print([m for m in ('matplotlib', 'numpy', 'rich', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_terminal_and_json_do_not_load_matplotlib() -> None:
    check = (
        "import sys, synsight.reports.terminal.text, synsight.reports.json_report;"
        "import synsight.reports.page.html;"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_example_of_contributing_writes_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = textwrap.dedent(page.split("   ```python\n")[1].split("   ```\n")[0])
    module = types.ModuleType("synsight.reports.tsv")
    exec(compile(example, "CONTRIBUTING.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    line = page.split("`reports/__init__.py`: `")[1].split(",`")[0]
    monkeypatch.setattr(reports, "FORMATS", (*FORMATS, eval(line, {"Format": reports.Format})))
    stream = io.BytesIO()
    write(samples.firewall_rst(), "tsv", stream)
    flow = samples.firewall_rst().flows[0]
    assert stream.getvalue().decode().split("\t")[:3] == [str(flow.client), str(flow.server), flow.outcome]
