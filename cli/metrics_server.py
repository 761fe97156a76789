"""`--metrics`: the newest look, served to Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis.snapshot import Snapshot, Traffic

LOOPBACK = "127.0.0.1"


class MetricsError(ValueError):
    """Metrics cannot be served: one line that says why and what to do."""


def parsed(place: str) -> tuple[str, int]:
    """(address, port) of `ADDR:PORT`, `[ADDR]:PORT` or `PORT`, which means loopback. Raises MetricsError.

    >>> parsed("9464"), parsed("[::]:9464"), parsed("0.0.0.0:0")
    (('127.0.0.1', 9464), ('::', 9464), ('0.0.0.0', 0))
    """
    address, _, port = place.rpartition(":")
    address = address.removeprefix("[").removesuffix("]") or LOOPBACK
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise MetricsError(f"--metrics {place}: expected ADDR:PORT, or a port for loopback only")
    return address, int(port)


class MetricsServer:
    """Listens from the moment it is made. Raises MetricsError."""

    def __init__(self, place: str) -> None:
        address, port = parsed(place)
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError:
            raise MetricsError("--metrics needs prometheus_client: pip install 'synsight[metrics]'") from None
        from .reports.metrics import WatchCollector

        self._collector = WatchCollector()
        registry = CollectorRegistry()
        registry.register(self._collector)
        try:
            self._server, self._thread = start_http_server(port, address, registry)
        except OSError as problem:
            words = (problem.strerror or str(problem)).lower()
            raise MetricsError(f"--metrics {place}: cannot listen: {words}") from None
        self.port = int(self._server.server_port)

    def update(self, snapshot: Snapshot, traffic: Traffic) -> None:
        """Serve this look from now on."""
        self._collector.update(snapshot, traffic)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
