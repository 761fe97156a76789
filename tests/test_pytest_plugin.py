"""The pytest plugin, used as a stranger's project would: real servers on loopback, files of expectations."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.lab.namespaces import Namespace
from tests.test_cli import LAB

pytest_plugins = ("pytester",)

PLUGIN = () if entry_points(group="pytest11", name="synsight") else ("-p", "synsight.pytest_plugin")
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="capturing needs root (CI has it)"
)

HEALTHY = """
    import socket, threading, pytest

    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())

    def test_healthy(synsight_capture):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            server = threading.Thread(target=serve, args=(listener,))
            server.start()
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"hello")
                assert client.recv(100) == b"HELLO"
                assert client.recv(100) == b""
            server.join()
        flow = synsight_capture.flow(port=port)
        assert flow.handshake.complete
        assert flow.server_payload_bytes == 5
        assert not flow.findings
        assert synsight_capture.analysis.captures[0].path == "lo"
"""

NEVER_ACCEPTS = """
    import socket, pytest

    @pytest.mark.synsight(interface="lo", filter="tcp portrange 49000-49001")
    def test_full_queue(synsight_capture):
        with socket.create_server(("127.0.0.1", 49000), backlog=0):
            clients = [socket.socket() for _ in range(4)]
            for client in clients:
                client.settimeout(1.2)
                try:
                    client.connect(("127.0.0.1", 49000))
                except TimeoutError:
                    pass
            for client in clients:
                client.close()
        assert not synsight_capture.findings
"""


@pytest.fixture
def loopback() -> Iterator[Namespace]:
    """A loopback interface of its own: what others on this machine do on theirs is not captured."""
    made = Namespace(f"synpytest-{os.getpid()}")
    try:
        made.ip("link set lo up")
        yield made
    finally:
        made.delete()


def run_in(loopback: Namespace, pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """pytest, in that namespace."""
    return pytester.run(*loopback.inside([sys.executable, "-m", "pytest", *PLUGIN, *arguments]))


@needs_root
def test_a_healthy_server_passes(pytester: pytest.Pytester, loopback: Namespace) -> None:
    pytester.makepyfile(HEALTHY)
    run_in(loopback, pytester).assert_outcomes(passed=1)


@needs_root
def test_a_server_that_never_accepts_fails_and_says_so(
    pytester: pytest.Pytester, loopback: Namespace
) -> None:
    pytester.makepyfile(NEVER_ACCEPTS)
    done = run_in(loopback, pytester, "--synsight-reports=reports", "--html=all.html")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        ["*assert not (Finding(*", "*- synsight -*", "*127.0.0.1:49000 never answered*", "report: *.html"]
    )
    (path,) = (pytester.path / "reports").iterdir()
    assert path.name == "test_a_server_that_never_accepts_fails_and_says_so.py-test_full_queue.html"
    assert "never answered" in path.read_text(encoding="utf-8")
    assert path.as_uri() in (pytester.path / "all.html").read_text(encoding="utf-8").replace("\\/", "/")


@needs_root
def test_an_interface_that_is_not_there_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.synsight("nowhere0")
        def test_it(synsight_capture):
            pass
        """
    )
    done = pytester.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*nowhere0*"])
    pytester.runpytest_subprocess(*PLUGIN, "-o", "synsight_unprivileged=skip").assert_outcomes(errors=1)


def test_where_capturing_is_not_allowed_it_fails_or_skips(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest, synsight, synsight.live_run
        from synsight.capture.live.privileges import no_permission

        @pytest.fixture(autouse=True)
        def nobody(monkeypatch):
            def refuse(session):
                raise synsight.CaptureError(no_permission("lo"))
            monkeypatch.setattr(synsight.live_run.LiveSession, "start", refuse)

        def test_it(synsight_capture):
            pass
        """
    )
    done = pytester.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*lo: no permission to capture*"])
    pytester.runpytest_subprocess(*PLUGIN, "-o", "synsight_unprivileged=skip").assert_outcomes(skipped=1)


def test_a_marker_with_another_key_says_which_there_are(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.synsight(interfaces="lo")
        def test_it(synsight_capture):
            pass
        """
    )
    done = pytester.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*takes interface, filter and vantage*interfaces*"])


def expectations(pytester: pytest.Pytester, text: str) -> Path:
    shutil.copy(LAB / "accept-queue-full" / "client.pcap", pytester.path / "x.pcap")
    path = pytester.path / "x.expect.toml"
    path.write_text(text)
    return path


def test_expectations_are_tests(pytester: pytest.Pytester) -> None:
    expectations(pytester, "[totals]\nflows = 2\n\n[[flow]]\nport = 8080\noutcome = 'open'\n")
    done = pytester.runpytest_subprocess(*PLUGIN, "-v")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        [
            "x.expect.toml::[[]totals] flows 2 PASSED*",
            "x.expect.toml::[[][[]flow]] port 8080 FAILED*",
            "*x.expect.toml:6: outcome is unanswered in 1 of 2 connections*",
            "*SYN ───*",
            "report: *.html",
        ]
    )
    assert "Traceback" not in done.stdout.str()


def test_a_mistake_in_expectations_is_told_with_its_line(pytester: pytest.Pytester) -> None:
    path = expectations(pytester, "\n[[flow]]\nsever_port = 1\n")
    done = pytester.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"{path}:3: unknown key 'sever_port'*did you mean 'server_port'?"])


def test_expectations_can_be_left_alone(pytester: pytest.Pytester) -> None:
    expectations(pytester, "nonsense")
    done = pytester.runpytest_subprocess(*PLUGIN, "-o", "synsight_expectations=false")
    done.assert_outcomes()


def test_a_missing_capture_fails_its_expectations(pytester: pytest.Pytester) -> None:
    expectations(pytester, "[totals]\nflows = 2\n")
    (pytester.path / "x.pcap").unlink()
    done = pytester.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*no capture called x.pcap*"])


def test_importing_the_plugin_is_cheap() -> None:
    probe = (
        "import pytest, sys\n"
        "before = set(sys.modules)\n"
        "import synsight.pytest_plugin\n"
        "print(sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "['synsight', 'synsight.pytest_plugin']"
