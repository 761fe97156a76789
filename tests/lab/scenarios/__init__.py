"""The scenarios, a module for each way a connection goes; importing this package registers them all."""

from . import (  # noqa: F401
    closing,
    crowds,
    established,
    fallback,
    handshake,
    healthy,
    options,
    path,
    queues,
    refused,
    reuse,
    unanswered,
)
