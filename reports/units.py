"""Numbers as people read them: the only place of this program that rounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALES = (("ns", 1), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000))
_LIKELIHOODS = ((0.9, "almost certainly"), (0.5, "probably"), (0.2, "possibly"), (0.0, "unlikely"))
_CONFIDENCES = ((0.9, "high"), (0.6, "medium"), (0.0, "low"))


def duration(ns: int | float) -> str:
    """A span in nanoseconds, to three digits: `850 µs`, `3.1 s`, `2 min 5 s`, `3 h 20 min`."""
    if ns < 0:
        return "-" + duration(-ns)
    for unit, size in _SCALES:
        value = _three_digits(ns / size)
        if float(value) < 1000 and (unit != "s" or float(value) < 100):
            return f"{value} {unit}"
    return _long_duration(round(ns / 1_000_000_000))


def _three_digits(value: float) -> str:
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def _long_duration(seconds: int) -> str:
    for size, unit, below, minor in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // below
            return f"{seconds // size:,} {unit} {rest} {minor}" if rest else f"{seconds // size:,} {unit}"
    return f"{seconds} s"


def offset(ns: int) -> str:
    """Nanoseconds since a connection's first frame as seconds with microseconds: `3.021004`."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    us = (ns + 500) // 1_000
    return f"{sign}{us // 1_000_000}.{us % 1_000_000:06d}"


def instant(at_ns: int) -> str:
    """A moment, in UTC, to the millisecond: `2026-11-21 03:04:05.123`."""
    return _moment(at_ns).isoformat(sep=" ", timespec="milliseconds")


def instant_exact(at_ns: int) -> str:
    """A moment, in UTC, to the nanosecond, as ISO 8601: `2026-11-21T03:04:05.123456789Z`."""
    return f"{_moment(at_ns - at_ns % 1_000_000_000).isoformat()}.{at_ns % 1_000_000_000:09d}Z"


def clock(at_ns: int) -> str:
    """A moment's time of day, in UTC, to the second: `03:04:05`."""
    return f"{_moment(at_ns):%H:%M:%S}"


def _moment(at_ns: int) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_ns // 1_000)).replace(tzinfo=None)


def count(number: int, noun: str = "", plural: str = "", at_least: bool = False) -> str:
    """A number with thousands separated, and its noun: `1,204 packets`, `1 packet`, `at least 9 clients`."""
    text = f"at least {number:,}" if at_least else f"{number:,}"
    return f"{text} {noun if number == 1 else plural or noun + 's'}" if noun else text


def size(number_bytes: int) -> str:
    """Bytes, in decimal multiples: `980 B`, `1.2 MB`."""
    if number_bytes < 1_000:
        return f"{number_bytes} B"
    value = float(number_bytes)
    for unit in ("kB", "MB", "GB"):
        value /= 1_000
        if value < 999.5:
            return f"{_three_digits(value)} {unit}"
    return f"{value / 1_000:,.1f} TB"


def percent(ratio: float) -> str:
    """A ratio 0..1 as `62 %`; never rounds a doubt away: below 1 it is at most 99 %, above 0 at least 1 %."""
    whole = round(ratio * 100)
    if ratio < 1:
        whole = min(whole, 99)
    if ratio > 0:
        whole = max(whole, 1)
    return f"{whole} %"


def likelihood(weight: float) -> str:
    """A suspect's weight in words."""
    return next(word for least, word in _LIKELIHOODS if weight >= least)


def confidence(ratio: float) -> str:
    """A confidence 0..1 in words and number: `high, 93 %`."""
    word = next(word for least, word in _CONFIDENCES if ratio >= least)
    return f"{word}, {percent(ratio)}"


def cells(weight: float, of: int) -> int:
    """How many cells of a bar `of` cells long a weight fills; at least one when it is not zero."""
    return max(round(weight * of), 1 if weight > 0 else 0)
