"""The scenarios, a module for each phase of a connection's life; importing this package registers them all."""

from . import closing, established, handshake, healthy  # noqa: F401
