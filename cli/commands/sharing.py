"""Reports for strangers: what `--redact` and `--redact-key` do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..analysis.result import Analysis

KEY_BYTES = 32


def redacted_if(wanted: bool, secret: str | None, analysis: Analysis) -> Analysis:
    """The analysis, redacted when asked for: under the secret, or under a key that is thrown away."""
    if not wanted and secret is None:
        return analysis
    from ..analysis.redaction import redacted

    return redacted(analysis, os.urandom(KEY_BYTES) if secret is None else secret.encode())
