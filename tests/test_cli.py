"""The command line as a user meets it: exit codes, streams, one line for every mistake."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from synsight.__main__ import main
from synsight.analysis.questions.handbook import BY_CODE

ROOT = Path(__file__).parent.parent
LAB = ROOT / "fixtures" / "lab"
DROPPED = LAB / "syn-dropped-by-server-host" / "client.pcap"
HEALTHY = LAB / "client-closes-first" / "client.pcap"
SCHEMA = json.loads((ROOT / "reports" / "schema.json").read_text())


def run(
    *arguments: str | Path, stdin: bytes | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[bytes]:
    """`synsight ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-m", "synsight", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, timeout=60, check=False)


def verdict(*arguments: str | Path, stdin: bytes | None = None) -> dict:
    """The JSON of an analysis that ends with 0, held to the schema."""
    done = run("analyze", *arguments, "--format", "json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    jsonschema.validate(result, SCHEMA)
    return result


def one_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """The single line of an error: no traceback."""
    lines = done.stderr.decode().strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


class TestAnalyze:
    def test_a_failure_is_told_and_ends_with_zero(self) -> None:
        done = run("analyze", DROPPED)
        assert done.returncode == 0
        assert done.stderr == b""
        assert "never answered" in done.stdout.decode().splitlines()[0]
        assert b"\x1b" not in done.stdout

    def test_a_healthy_capture_gets_an_all_clear(self) -> None:
        assert "No connection failed" in run("analyze", HEALTHY).stdout.decode().splitlines()[0]

    def test_what_is_no_failure_is_no_all_clear_either(self) -> None:
        said = run("analyze", LAB / "source-port-reused" / "client.pcap").stdout.decode()
        assert said.startswith("No connection failed: 2 connections seen, 1 with something worth knowing.")

    def test_json_is_the_contract(self) -> None:
        result = verdict(DROPPED)
        assert result["format_version"] == 1
        assert result["flows"][0]["findings"][0]["code"] == "syn-unanswered"
        assert result["captures"][0]["packets_count"] == result["captures"][0]["tcp_segments_count"] + sum(
            result["captures"][0]["skipped"].values()
        )

    def test_all_flows_tells_healthy_ones(self) -> None:
        assert verdict(HEALTHY)["flows"] == []
        (flow,) = verdict(HEALTHY, "--all-flows")["flows"]
        assert flow["outcome"] == "completed"
        assert [change["state"] for change in flow["states"] if change["side"] == "client"] == [
            "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
        ] or flow["client_state"] == "TIME-WAIT"  # fmt: skip

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
    def test_standard_input_may_be_compressed(self, pack) -> None:  # type: ignore[no-untyped-def]
        assert verdict("-", stdin=pack(DROPPED.read_bytes()))["totals"] == verdict(DROPPED)["totals"]

    def test_a_filter_keeps_wiresharks_frame_numbers(self) -> None:
        whole = verdict(HEALTHY, "--all-flows")["flows"][0]
        told = verdict(HEALTHY, "--all-flows", "-f", "tcp[tcpflags] & tcp-fin != 0")["flows"][0]
        assert told["first_frame"] > 1 if "first_frame" in told else True
        assert told["end_ns"] <= whole["end_ns"]
        assert told["client_packets_count"] == 1

    def test_several_files_and_directories_are_one_capture(self) -> None:
        directory = LAB / "syn-dropped-by-server-host"
        assert len(verdict(directory)["captures"]) == 3

    def test_reports_are_chosen_by_suffix(self, tmp_path: Path) -> None:
        done = run(
            "analyze", DROPPED, "-o", tmp_path / "r.html", "-o", tmp_path / "r.json", "-o", tmp_path / "r.txt"
        )
        assert done.returncode == 0
        assert "<!doctype html>" in (tmp_path / "r.html").read_text().lower()
        jsonschema.validate(json.loads((tmp_path / "r.json").read_text()), SCHEMA)
        assert done.stdout  # the terminal report still comes

    def test_a_dash_is_standard_output(self) -> None:
        assert b"never answered" in run("analyze", DROPPED, "-o", "-").stdout

    def test_a_reader_that_leaves_early_is_no_error(self) -> None:
        command = f"{sys.executable} -m synsight analyze {DROPPED} | head -1"
        command += "; echo ${PIPESTATUS[0]}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
        assert done.stderr == b""
        assert int(done.stdout.splitlines()[-1]) == 0

    @pytest.mark.parametrize(
        ("what", "code"),
        [
            (DROPPED, 0),
            (f"{DROPPED} --fail-on 'severity >= warning'", 1),
            ("/nonexistent.pcap", 3),
        ],
    )
    def test_the_exit_code_is_the_same_without_a_reader(self, what: Path | str, code: int) -> None:
        program = f"{sys.executable} -m synsight analyze {what}"
        command = f"{program} 2>&1 | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
        assert done.stderr == b""
        assert int(done.stdout) == code

    def test_a_stated_vantage_point_is_believed(self) -> None:
        finding = verdict(DROPPED, "--vantage", "server")["flows"][0]["findings"][0]
        assert finding["suspects"] == [{"side": "server-host", "weight": 1.0}]


class TestMistakes:
    def test_a_missing_file(self) -> None:
        done = run("analyze", "nowhere.pcap")
        assert done.returncode == 3
        assert "nowhere.pcap" in one_line(done)

    def test_no_capture_at_all(self, tmp_path: Path) -> None:
        path = tmp_path / "page.pcap"
        path.write_text("<html><body>404</body></html>")
        done = run("analyze", path)
        assert done.returncode == 3
        assert "page.pcap" in done.stderr.decode()

    def test_what_could_not_be_read_is_no_all_clear(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.pcap"
        path.write_bytes(b"")
        done = run("analyze", path, "-o", tmp_path / "r.html")
        assert done.returncode == 3
        first = done.stdout.decode().splitlines()[0]
        assert first.startswith("Nothing could be read")
        assert "all clear" not in (tmp_path / "r.html").read_text()

    def test_a_cut_file_is_analysed_up_to_the_cut(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.pcap"
        path.write_bytes(DROPPED.read_bytes()[:-7])
        done = run("analyze", path)
        assert done.returncode == 3
        assert "never answered" in done.stdout.decode()
        assert "cut.pcap" in one_line(done)

    def test_an_invalid_filter(self) -> None:
        done = run("analyze", DROPPED, "-f", "port http or")
        assert done.returncode in (2, 3)
        assert "filter" in one_line(done)

    def test_an_unknown_connection(self) -> None:
        done = run("analyze", DROPPED, "--flow", "1.2.3.4:5-6.7.8.9:10")
        assert done.returncode == 2
        assert "1.2.3.4:5" in one_line(done)

    def test_an_unknown_report_suffix(self, tmp_path: Path) -> None:
        done = run("analyze", DROPPED, "-o", tmp_path / "r.docx")
        assert done.returncode == 2
        assert ".docx" in one_line(done)

    def test_an_unknown_finding(self) -> None:
        assert run("explain", "nonsense").returncode == 2

    def test_a_full_disk(self) -> None:
        done = run("analyze", DROPPED, "-o", "/dev/full/r.html")
        assert done.returncode == 2
        assert "/dev/full" in one_line(done)


def _wait_until_it_reads(process: subprocess.Popen[bytes]) -> None:
    """Until its second thread, which reads ahead, is there, and has had time for a few packets."""
    ends_at = time.monotonic() + 60
    while len(os.listdir(f"/proc/{process.pid}/task")) < 2:
        assert process.poll() is None, process.stderr
        assert time.monotonic() < ends_at, "it does not begin to read"
        time.sleep(0.05)
    time.sleep(0.5)


def test_ctrl_c_reports_what_was_read() -> None:
    command = [sys.executable, "-m", "synsight", "analyze", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(DROPPED.read_bytes())
        process.stdin.flush()
        _wait_until_it_reads(process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.stdin.close()
        process.stdin = None
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert b"Traceback" not in err


def test_ctrl_c_while_a_report_is_made_ends_with_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.commands["explain"], "callback", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main(["explain"])
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "synsight: interrupted, the report is not complete\n"


def test_a_terminal_gets_colour_and_a_pipe_does_not() -> None:
    leader, follower = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {
        "TERM": "xterm-256color"
    }
    command = [sys.executable, "-m", "synsight", "analyze", str(DROPPED)]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    process.wait(timeout=30)
    assert b"\x1b[" in shown


@pytest.mark.parametrize("number", [0, 1, 3])
def test_page_draws_as_many_connections_as_asked_for(tmp_path: Path, number: int) -> None:
    page = tmp_path / "page.html"
    capture = LAB / "several-connections-to-two-ports" / "middle.pcap"
    done = run("analyze", capture, "--all-flows", "--timelines", str(number), "-o", page)
    assert done.returncode == 0, done.stderr
    assert page.read_text().count('class="timeline"') == number


def test_number_of_timelines_has_bounds() -> None:
    done = run("analyze", HEALTHY, "--timelines", "1001")
    assert done.returncode == 2
    assert b"--timelines" in done.stderr


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_timeline_of_a_healthy_connection(tmp_path: Path, suffix: str) -> None:
    (flow,) = verdict(HEALTHY, "--all-flows")["flows"]
    path = tmp_path / f"x.{suffix}"
    assert run("timeline", HEALTHY, "--flow", flow["id"], "-o", path).returncode == 0
    assert path.read_bytes()[:4] in (b"<?xm", b"<svg", b"\x89PNG", b"%PDF")


@pytest.mark.parametrize("code", BY_CODE)
def test_every_finding_explains_itself(code: str) -> None:
    text = BY_CODE[code].__doc__ or ""
    headings = [line.strip() for line in text.splitlines() if line and not line.startswith(" ")]
    assert headings[0].endswith(".")
    for heading in ("Signature", "Meaning", "Confused with", "Dropped by", "Next", "Authority"):
        assert heading in headings, f"{code} lacks {heading}"


def test_explain_prints_it() -> None:
    assert "Signature" in run("explain", "syn-unanswered").stdout.decode()


def test_help_imports_nothing_heavy() -> None:
    probe = (
        "import sys, synsight.__main__ as m\n"
        "m.main(['--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'matplotlib', 'rich', 'jinja2', 'pyshark', 'dpkt'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr
