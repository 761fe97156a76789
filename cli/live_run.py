"""A capture in progress: packets from interfaces, recorded and judged at once, until somebody ends it.

    with LiveSession("eth0", bpf="port 443") as session:
        ...
    print(session.analysis.headline)

`LiveRun` is the loop itself; `LiveSession` runs one in a thread of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType

from . import __version__
from .analysis.live.watch import Watch
from .analysis.result import Analysis
from .analysis.snapshot import Snapshot, Traffic
from .capture.live.live_capture import LiveCapture
from .capture.live.recording import Recording
from .capture.source import Batch
from .inputs import told

LOOK_S = 0.25
"""Looks follow each other after this long..."""

LOOK_SHARE = 0.2
"""...or later, so that looking takes at most this share of a processor, however many others want it."""

DELIVERED_NS = 250_000_000
"""When nothing has come for a moment, everything older than this has (ring timeout, merging, one tick)."""

RATE_S = 2.0
"""Packets per second are those of so long."""

Show = Callable[[Snapshot, Traffic], None]


@dataclass(frozen=True)
class LiveOptions:
    """What to capture, where to keep it, and when to stop."""

    interfaces: tuple[str, ...]
    bpf: str | None = None
    vantage: str | None = None
    record: Path | None = None  # None: a nameless spool of the newest packets
    rotate_mb: float | None = None
    rotate_s: float | None = None
    keep: int | None = None
    duration_s: float | None = None
    count: int | None = None  # packets
    snaplen: int = 262144
    buffer_mb: int = 64
    direction: str | None = None
    promiscuous: bool = True
    all_flows: bool = False  # tell healthy connections, too


class LiveRun:
    """Opens everything when it is made (raises `CaptureError`)."""

    def __init__(self, options: LiveOptions, opened: Callable[[], None] | None = None) -> None:
        """`opened` is called between opening the interfaces and making the first file."""
        self._options = options
        self._capture = LiveCapture(
            options.interfaces,
            options.bpf,
            snaplen=options.snaplen,
            promiscuous=options.promiscuous,
            buffer_mb=options.buffer_mb,
            direction=options.direction,
            count=options.count,
        )
        try:
            if opened is not None:
                opened()
            self._recording = self._recorder()
        except BaseException:
            self._capture.close()
            raise
        self._watch = Watch(options.vantage, all_flows=options.all_flows)
        self._started_ns = time.time_ns()
        self._horizon_ns = self._started_ns
        self._pace: deque[tuple[float, int]] = deque()
        self._report_to: Callable[[Analysis], None] | None = None

    def _recorder(self) -> Recording:
        options, interfaces = self._options, self._capture.interfaces
        if options.record is None:
            return Recording.spool(interfaces)
        return Recording(
            options.record,
            interfaces,
            snaplen=options.snaplen,
            rotate_mb=options.rotate_mb,
            rotate_s=options.rotate_s,
            keep=options.keep,
            drops=self._capture.counts,
        )

    @property
    def recording_error(self) -> str | None:
        """Why nothing is recorded any more; None while it is."""
        return self._recording.error

    def stop(self) -> None:
        """End `run` after what has arrived by now; for signal handlers and other threads."""
        self._capture.stop()

    def report(self, to: Callable[[Analysis], None]) -> None:
        """Hand the analysis so far to `to`, from inside `run`; for signal handlers and other threads."""
        self._report_to = to

    def run(self, show: Show) -> Analysis:
        """Capture until stopped, showing every look; returns the whole analysis."""
        next_look = time.monotonic() + LOOK_S
        ends_at = time.monotonic() + (self._options.duration_s or float("inf"))
        try:
            for batch in self._capture.batches():
                self._take(batch)
                now = time.monotonic()
                if now >= next_look:
                    before = time.thread_time()
                    show(self._watch.look(self._horizon_ns), self._traffic(now))
                    took = time.thread_time() - before
                    next_look = now + max(LOOK_S, took / LOOK_SHARE)
                if self._report_to is not None:
                    to, self._report_to = self._report_to, None
                    to(self._analysis())
                if now >= ends_at or self._has_enough():
                    break
            self._horizon_ns = max(self._horizon_ns, time.time_ns() - DELIVERED_NS)
            show(self._watch.look(self._horizon_ns, ended=True), self._traffic(time.monotonic()))
            self._recording.close()
            return self._analysis()
        finally:
            self.close()

    def close(self) -> None:
        """Give up interfaces and recording; `run` does it in the end."""
        self._recording.close()
        self._capture.close()

    def _take(self, batch: Batch) -> None:
        """Record and judge one batch, and know up to when everything has been delivered."""
        if len(batch.frames):
            self._recording.write(batch)
            self._watch.feed(batch.segments)
            delivered_ns = int(batch.frames["time_ns"][-1])
        else:
            delivered_ns = time.time_ns() - DELIVERED_NS
        self._horizon_ns = max(self._horizon_ns, delivered_ns)

    def _has_enough(self) -> bool:
        count = self._options.count
        return count is not None and self._capture.facts.packets_count >= count

    def _traffic(self, now: float) -> Traffic:
        """What the capture says of itself."""
        packets, drops = self._capture.facts.packets_count, self._capture.drops()
        self._pace.append((now, packets))
        while len(self._pace) > 2 and now - self._pace[1][0] >= RATE_S:
            self._pace.popleft()
        since, before = self._pace[0]
        span = now - since
        return Traffic(
            self._capture.facts.path,
            self._started_ns,
            time.time_ns() - self._started_ns,
            packets,
            (packets - before) / span if span > 0 else 0.0,
            drops.kernel_dropped,
            drops.interface_dropped,
            self._recording.error or (str(self._options.record) if self._options.record else ""),
        )

    def _analysis(self) -> Analysis:
        """Everything so far, with timelines from the recording."""
        facts = self._capture.facts
        spans = self._watch.judge(self._started_ns, self._horizon_ns)
        if spans:
            for batch in self._recording.reread(spans):
                self._watch.illustrate(batch.segments, batch.data)
        return self._watch.conclude((told(facts),), __version__)


class LiveSession:
    """A `LiveRun` in the background, for tests and scripts.

    `start` returns when packets are being captured, in the network namespace of the calling thread; `stop`
    ends it and returns the `Analysis`. Raises `CaptureError` when an interface cannot be opened.
    """

    def __init__(
        self,
        interface: str | Sequence[str],
        bpf: str | None = None,
        *,
        vantage: str | None = None,
        record: str | Path | None = None,
        show: Show | None = None,
        all_flows: bool = False,
    ) -> None:
        names = (interface,) if isinstance(interface, str) else tuple(interface)
        path = Path(record) if record is not None else None
        self._options = LiveOptions(names, bpf, vantage, path, all_flows=all_flows)
        self._show = show
        self._run: LiveRun | None = None
        self._thread: Thread | None = None
        self._failure: BaseException | None = None
        self._analysis: Analysis | None = None
        self.snapshot: Snapshot | None = None
        """The newest look; None before the first."""

    @property
    def analysis(self) -> Analysis:
        """The result; only after `stop`."""
        assert self._analysis is not None, "stop() comes first"
        return self._analysis

    def start(self) -> LiveSession:
        """Begin to capture."""
        self._run = LiveRun(self._options)
        self._thread = Thread(target=self._work, args=(self._run,), name="synsight-session", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> Analysis:
        """End it, wait for what is on its way, and judge."""
        assert self._run is not None, "start() comes first"
        assert self._thread is not None
        self._run.stop()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self.analysis

    def __enter__(self) -> LiveSession:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _work(self, run: LiveRun) -> None:
        try:
            self._analysis = run.run(self._seen)
        except BaseException as problem:  # handed to whoever calls stop()
            self._failure = problem

    def _seen(self, snapshot: Snapshot, traffic: Traffic) -> None:
        self.snapshot = snapshot
        if self._show is not None:
            self._show(snapshot, traffic)
