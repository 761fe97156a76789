"""What connect(), send() and recv() returned, as far as packets show it (catalogue F3, F4); else nothing.

A kernel reports a failure when its timer has run out, and no packet says so. A SYN timer that ran its whole
known course has failed; one that stopped earlier may have been stopped by the program. Two courses are known:

* doubling from the start, 0, 1, 3, 7, 15, 31, 63 s, given up at 127 s: Linux before 6.5
* even at first, 0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s, given up at 131 s: Linux since 6.5
  (tcp_syn_linear_timeouts = 4); BSD and macOS repeat alike and give up at 75 s
* legacy Windows (initial TTL 128): 0, 3, 9 s, given up at 21 s
"""

from __future__ import annotations

from typing import NamedTuple

from .case import SECOND, Case, HalfRow, initial_ttl, seconds
from .evidence.resets import Reset

SLACK_NS = SECOND // 2
"""Timers fire late by a few ticks each; half a second covers all of one course."""

ORPHAN_REPEATS = 9
"""Linux repeats for a program that has closed at most 8 times (tcp_orphan_retries 0 means 8); whoever repeats
more often still has one, and it is told."""

REFUSED_NS = 3 * SECOND
"""A connect() that fails ends the SYNs at once, or (socket locked meanwhile) after one more of them."""


class Course(NamedTuple):
    """How one generation of kernels repeats its SYN."""

    name: str
    at_s: tuple[int, ...]  # since the first SYN
    gives_up_s: int


COURSES = (
    Course("Linux before 6.5", (0, 1, 3, 7, 15, 31, 63), 127),
    Course("Linux 6.5 or later", (0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67), 131),
)
WINDOWS = Course("Windows", (0, 3, 9), 21)


class Attempt(NamedTuple):
    """How far a connection attempt has come."""

    errno: str | None  # what connect() returned, when the timer shows that it has
    told: str  # what the timer shows, in words; may be empty


def attempt(case: Case) -> Attempt:
    """What the SYN timer of the client says about its connect()."""
    client = case.client
    count = client.syn_repeat_count + 1
    span_ns, waited_ns = client.syn_last_ns - client.syn_ns, case.since_ns(client.syn_last_ns)
    courses = _courses(client, count, span_ns)
    if not courses:
        return Attempt(None, "")
    finished = [course for course in courses if count == len(course.at_s)]
    waits_s = [(*course.at_s, course.gives_up_s)[count] - course.at_s[count - 1] for course in courses]
    name = f" (the schedule of {courses[0].name})" if len(courses) == 1 and count > 2 else ""
    if finished and waited_ns + SLACK_NS >= waits_s[0] * SECOND:
        return Attempt("ETIMEDOUT", f"connect() failed after {finished[0].gives_up_s} s{name}")
    if waited_ns + SLACK_NS < min(waits_s) * SECOND:
        ends = " or ".join(f"{course.gives_up_s} s" for course in courses)
        return Attempt(None, f"connect() still waits, by default for {ends}{name}")
    if waited_ns > max(waits_s) * SECOND + SLACK_NS:
        due = f"the next SYN was due after {max(waits_s)} s and did not come"
        return Attempt(None, f"{due}: given up by the program, or tcp_syn_retries is {count - 1}")
    return Attempt(None, "")


def _courses(client: HalfRow, count: int, span_ns: int) -> list[Course]:
    """The courses on which the SYNs seen so far lie."""
    if initial_ttl(client.syn_ttl) == 128:
        known: tuple[Course, ...] = (WINDOWS,)
    else:
        known = COURSES
    on_course = []
    for course in known:
        if count > len(course.at_s) or abs(span_ns - course.at_s[count - 1] * SECOND) > SLACK_NS:
            continue
        second_ns = client.syn_second_ns - client.syn_ns
        if count == 1 or abs(second_ns - course.at_s[1] * SECOND) <= SLACK_NS:
            on_course.append(course)
    return on_course


def refused(case: Case, at_ns: int, errno: str | None) -> str | None:
    """`errno` of a refusal seen at `at_ns`, unless the client goes on: then it never learned of it."""
    return None if case.client.syn_last_ns - at_ns > REFUSED_NS else errno


def timed_out(case: Case, half: HalfRow, repeats_count: int) -> str | None:
    """What the end that repeats in vain gets: ETIMEDOUT, once only its kernel can have stopped.

    While it still repeats nothing has failed yet; before Linux's limit for closed sockets the program itself
    may have given up, which no packet shows while data is unacknowledged.
    """
    if half.fin_count or repeats_count <= ORPHAN_REPEATS or half.rst_count:
        return None
    waited_ns, spent_ns = case.since_ns(half.last_ns), half.last_ns - half.advanced_ns
    return "ETIMEDOUT" if waited_ns > min(2 * spent_ns, 125 * SECOND) else None


def of_reset(reset: Reset) -> str | None:
    """What the next call on the reset end returns (Linux tcp_reset).

    EPIPE once it has the peer's FIN, else ECONNRESET; nothing when that end's own program had closed.
    """
    if reset.peer.fin_count and reset.peer.fin_ns <= reset.half.rst_ns:
        return None
    return "EPIPE" if reset.after_fin else "ECONNRESET"


def patience(span_ns: int) -> str:
    """How long data was repeated, against what a kernel allows before send() and recv() fail."""
    return f"for {seconds(span_ns)} so far (Linux: ETIMEDOUT after 924 s or more, tcp_retries2)"
