"""The scenarios, a module for each way a connection goes; importing this package registers them all."""

from . import closing, established, handshake, healthy, path, refused, unanswered  # noqa: F401
