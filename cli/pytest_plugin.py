"""pytest: what was on the wire while a test ran, and files of expectations as tests.

    def test_login(synsight_capture):
        app.login()
        assert not synsight_capture.findings
        assert synsight_capture.flow(port=5432).handshake.complete

The fixture captures the loopback interface, or what the marker says:
`@pytest.mark.synsight(interface="eth0", filter="port 5432")`. The capture ends, and is judged, when something
is first asked of it, and tells every connection, those in good order too. When the test fails, the verdict is
shown with the path of an HTML report. `x.expect.toml` files that pytest meets are collected, one test per
expectation.

Every pytest run on a machine where synsight is installed imports this module: it imports nothing of synsight
before it is used.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .analysis.checked import Check
    from .analysis.result import Analysis
    from .checking import Held
    from .live_run import LiveSession

SUFFIX = ".expect.toml"
LOOPBACK = "lo"
SHOWN = 3
"""Connections told in full when a test fails; the HTML report has more."""

_LONGEST = 150
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--synsight-reports`, and what may stand in pytest.ini."""
    group = parser.getgroup("synsight", "packet captures")
    group.addoption(
        "--synsight-reports",
        metavar="DIR",
        help="Where HTML reports of failed tests go (default: temporary).",
    )
    parser.addini("synsight_interface", "interface that synsight_capture captures", default=LOOPBACK)
    parser.addini("synsight_unprivileged", "fail or skip when capturing is not allowed", default="fail")
    parser.addini("synsight_expectations", "collect *.expect.toml", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line(
        "markers",
        "synsight(interface='lo', filter=None, vantage=None): what the synsight_capture fixture captures",
    )


class Captured:
    """A capture in progress, and its `Analysis` once it has ended.

    It ends when `stop` is called or when an attribute of the analysis is first asked for: `findings`, `flow`,
    `flows`, `incidents`, `headline`, ... What happens on the wire afterwards is not in it.
    """

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._analysis: Analysis | None = None

    def stop(self) -> Analysis:
        """End the capture, if it has not ended, and judge it."""
        if self._analysis is None:
            self._analysis = self._session.stop()
        return self._analysis

    @property
    def analysis(self) -> Analysis:
        """What the capture says; ends it."""
        return self.stop()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.stop(), name)

    def __repr__(self) -> str:
        return f"<capture: {self._analysis.headline}>" if self._analysis else "<capture in progress>"


CAPTURED = pytest.StashKey[Captured]()


@pytest.fixture
def synsight_capture(request: pytest.FixtureRequest) -> Iterator[Captured]:
    """Captures while the test runs; gives the analysis to assert on."""
    from .capture.live.privileges import no_permission
    from .capture.source import CaptureError
    from .live_run import LiveSession

    marker = request.node.get_closest_marker("synsight")
    try:
        wanted = _Wanted(
            request.config, *(marker.args if marker else ()), **(marker.kwargs if marker else {})
        )
    except TypeError as problem:
        pytest.fail(f"@pytest.mark.synsight takes interface, filter and vantage: {problem}", pytrace=False)
    try:
        session = LiveSession(wanted.interface, wanted.filter, vantage=wanted.vantage, all_flows=True).start()
    except CaptureError as problem:
        not_allowed = str(problem) == no_permission(wanted.interface)
        if not_allowed and request.config.getini("synsight_unprivileged") == "skip":
            pytest.skip(str(problem))
        pytest.fail(str(problem), pytrace=False)
    captured = Captured(session)
    request.node.stash[CAPTURED] = captured
    yield captured
    captured.stop()


class _Wanted:
    """What the marker asks for."""

    def __init__(
        self,
        config: pytest.Config,
        interface: str | None = None,
        filter: str | None = None,
        vantage: str | None = None,
    ) -> None:
        self.interface = interface or str(config.getini("synsight_interface"))
        self.filter = filter
        self.vantage = vantage


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A failed test shows the verdict and where its HTML report is."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    try:
        told = _verdict(item, report)
    except Exception as problem:  # nothing here may break somebody's run: the test's own failure counts
        told = f"no verdict: {type(problem).__name__}: {problem}"
    if told:
        report.sections.append(("synsight", told))


def _verdict(item: pytest.Item, report: pytest.TestReport) -> str:
    """What the capture says, and where its report is; empty for a test that has none."""
    from .reports import write, write_file

    if isinstance(item, ExpectationItem):  # whose failure shows the ladder already
        analysis, text = item.held.analysis, ""
        if analysis is None:
            return ""
    elif (captured := item.stash.get(CAPTURED, None)) is not None:
        analysis = captured.stop()
        stream = io.StringIO()
        write(analysis, "text", stream, connections=SHOWN)
        text = stream.getvalue().rstrip() + "\n\n"
    else:
        return ""
    folder = Path(item.config.getoption("--synsight-reports") or _temporary(item)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_file_name(item.nodeid)}.html"
    write_file(analysis, path)
    _link(item.config, report, path)
    return f"{text}report: {path}"


def _file_name(nodeid: str) -> str:
    """A test's name as a name for a file: short enough for one, and its own."""
    name = _UNSAFE.sub("-", nodeid).strip("-")
    if len(name) <= _LONGEST:
        return name
    return f"{name[-_LONGEST:]}-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"


def _temporary(item: pytest.Item) -> Path:
    factory: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp() / "synsight"


def _link(config: pytest.Config, report: pytest.TestReport, path: Path) -> None:
    """For pytest-html, when it is there."""
    if config.pluginmanager.hasplugin("html"):
        from pytest_html import extras

        report.extras = [*getattr(report, "extras", []), extras.url(path.as_uri(), name="synsight")]  # type: ignore[attr-defined]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ExpectationFile | None:
    """A file of expectations."""
    if not file_path.name.endswith(SUFFIX) or not parent.config.getini("synsight_expectations"):
        return None
    made: ExpectationFile = ExpectationFile.from_parent(parent, path=file_path)
    return made


class ExpectationFile(pytest.File):
    """`x.expect.toml`: its capture is analysed once, when the first of its tests runs."""

    _held: Held | None = None

    def collect(self) -> Iterator[ExpectationItem]:
        """One test per expectation; a mistake in the file is told with its line."""
        from .analysis.expectations.reading import ExpectationError, read

        try:
            items = read(self.path.read_text(encoding="utf-8")).items
        except ExpectationError as problem:
            raise self.CollectError(f"{self.path}:{problem.line}: {problem}") from None
        titles = [item.title for item in items]
        for number, item in enumerate(items):
            again = f" (line {item.line})" if titles.count(item.title) > 1 else ""
            yield ExpectationItem.from_parent(self, name=item.title + again, number=number, line=item.line)

    @property
    def held(self) -> Held:
        """What came of it."""
        from .checking import check

        if self._held is None:
            self._held = check(self.path)
        return self._held


class NotAsExpected(Exception):
    """An expectation that is not met, in full."""


class ExpectationItem(pytest.Item):
    """One expectation."""

    def __init__(self, *, number: int, line: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.number = number
        self.line = line

    @property
    def held(self) -> Held:
        """What came of the file."""
        parent = self.parent
        assert isinstance(parent, ExpectationFile)
        return parent.held

    def runtest(self) -> None:
        """Raises NotAsExpected."""
        file = self.held.file
        if file.error:
            raise NotAsExpected(f"{file.path}:{file.error_line}: {file.error}")
        check = file.checks[self.number]
        if not check.passed:
            raise NotAsExpected(_told(file.path, check))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is not met, without a traceback."""
        if isinstance(excinfo.value, NotAsExpected):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.path, self.line - 1, self.name


def _told(path: str, check: Check) -> str:
    from .reports.check_wording import drawn
    from .reports.plain import ladder_text
    from .reports.wording import visible

    lines = [visible(f"{path}:{each.line}: {each.text}") for each in check.problems]
    lines += [f"\n{ladder_text(flow)}" for flow in drawn(check)]
    return "\n".join(lines)
