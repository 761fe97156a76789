"""Accept the reports as they are now: `python -m tests.reports.accept` rewrites `fixtures/golden/`."""

from __future__ import annotations

import io
from pathlib import Path

from synsight import reports
from synsight.reports import write

from . import samples

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
NAMES = tuple(name for name in samples.ALL if name != "many")
PICTURES = ("html", "svg")
"""Text as well, but drawn by matplotlib, whose next version may draw otherwise."""

FORMATS = tuple(
    (form.name, form.suffix) for form in reports.FORMATS if not form.binary and form.name not in PICTURES
)


def report(name: str, fmt: str) -> str:
    """A sample's report as it goes into a pipe, 80 columns wide."""
    stream = io.BytesIO()
    write(samples.ALL[name](), fmt, stream)
    return stream.getvalue().decode("utf-8")


def main() -> None:
    """Write every golden file."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        for fmt, suffix in FORMATS:
            (GOLDEN / f"{name}{suffix}").write_text(report(name, fmt), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
