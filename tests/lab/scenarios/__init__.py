"""The scenarios, a module for each way a connection goes; importing this package registers them all."""

from . import (  # noqa: F401
    artefacts,
    attempts,
    closing,
    crowds,
    delivery,
    established,
    everyday,
    fallback,
    giving_up,
    handshake,
    healthy,
    middleboxes,
    options,
    path,
    queues,
    refused,
    returning,
    reuse,
    rewriting,
    unanswered,
)
