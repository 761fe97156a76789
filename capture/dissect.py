"""What tshark's dissectors say of a few frames: expert information, decoded errors, certificates.

Its words are its own: text of other programs about text of other hosts, to be escaped like any payload.
Only frames about which tshark has something to say become Python objects; pyshark makes those at some 170 a
second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from synsight.capture import tshark
from synsight.capture.excerpt import Excerpt
from synsight.capture.formats import TSHARK_ADVICE

LIMIT_S = 120.0
"""A dissector that loops over a hostile packet is stopped after this long; what it said is kept."""

TEXT_CHARACTERS = 500
NOTE = 4_194_304
"""Expert information below Note (Wireshark: PI_NOTE) tells that a connection opened, which is no news."""


@dataclass(frozen=True, slots=True)
class Words:
    """One thing that a dissector says of a frame."""

    frame: int  # its number in the capture
    at_ns: int
    protocol: str  # the dissector's own name, `tls`
    kind: str  # expert | error | certificate
    severity: str  # of expert information, tshark's word: Note, Warning, Error; empty for others
    group: str  # of expert information: Sequence, Malformed, ...; empty for others
    text: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """All that was said, and why it may not be all."""

    words: tuple[Words, ...]
    program: str  # with its version; empty when it could not be asked
    problem: str | None  # one line that says what to do; None when everything was dissected


@dataclass(frozen=True, slots=True)
class ErrorField:
    """A field that tells of an application's error, and the fields whose text tells which."""

    protocol: str
    field: str
    least: int | None  # an error from this value on; None: whenever the field is there
    told: tuple[str, ...]
    harmless: frozenset[int] = frozenset()


ERROR_FIELDS = (
    ErrorField("tls", "tls.alert_message", None, ("tls.alert_message.level", "tls.alert_message.desc")),
    ErrorField("http", "http.response.code", 400, ("http.response.code", "http.response.phrase")),
    ErrorField("http2", "http2.headers.status", 400, ("http2.headers.status",)),
    ErrorField("http2", "http2.rst_stream.error", 1, ("http2.rst_stream.error",)),
    ErrorField("http2", "http2.goaway.error", 1, ("http2.goaway.error",)),
    ErrorField(
        "mysql",
        "mysql.error_code",
        None,
        ("mysql.error_code", "mysql.sqlstate", "mysql.error.message"),
    ),
    ErrorField(
        "pgsql", "pgsql.severity", None, ("pgsql.severity", "pgsql.code", "pgsql.message", "pgsql.detail")
    ),
    ErrorField("tds", "tds.error.number", None, ("tds.error.number", "tds.error.msgtext")),
    ErrorField("tns", "tns.refuse_data", None, ("tns.refuse_reason_system", "tns.refuse_data")),
    ErrorField("resp", "resp.error", None, ("resp.error",)),
    ErrorField("cql", "cql.error_code", None, ("cql.error_code",)),
    ErrorField("kafka", "kafka.error", 1, ("kafka.error",)),
    ErrorField(
        "amqp",
        "amqp.method.arguments.reply_code",
        300,
        ("amqp.method.arguments.reply_code", "amqp.method.arguments.reply_text"),
    ),
    ErrorField("mqtt", "mqtt.conack.val", 1, ("mqtt.conack.val",)),
    ErrorField("smtp", "smtp.response.code", 400, ("smtp.response.code", "smtp.rsp.parameter")),
    ErrorField("ftp", "ftp.response.code", 400, ("ftp.response.code", "ftp.response.arg")),
    # compareFalse, compareTrue, referral and saslBindInProgress are answers (RFC 4511 section 4.1.9).
    ErrorField(
        "ldap", "ldap.resultCode", 1, ("ldap.resultCode", "ldap.errorMessage"), frozenset((5, 6, 10, 14))
    ),
    ErrorField("kerberos", "kerberos.error_code", None, ("kerberos.error_code", "kerberos.e_text")),
    ErrorField("smb2", "smb2.nt_status", 0xC0000000, ("smb2.nt_status",)),
    ErrorField("ssh", "ssh.disconnect_reason", None, ("ssh.disconnect_reason", "ssh.disconnect_description")),
    ErrorField("dns", "dns.flags.rcode", 1, ("dns.flags.rcode",)),
    ErrorField("bgp", "bgp.notify.major_error", None, ("bgp.notify.major_error",)),
    ErrorField("sip", "sip.Status-Code", 400, ("sip.Status-Code",)),
)

CERTIFICATE = "tls.handshake.certificate"


def display_filter() -> str:
    """Frames that have something to say, in tshark's filter language."""
    tests = [f"_ws.expert.severity >= {NOTE}", CERTIFICATE]
    tests += [each.field if each.least is None else f"{each.field} >= {each.least}" for each in ERROR_FIELDS]
    return " || ".join(tests)


def unavailable() -> str | None:
    """Why nothing can be dissected, and what to do; None when it can."""
    if tshark.path() is None:
        return f"tshark is not installed: {TSHARK_ADVICE}"
    if find_spec("pyshark") is None:
        return "pyshark is not installed: pip install 'synsight[dissect]'"
    return None


def dissect(excerpt: Excerpt, limit_s: float = LIMIT_S) -> Spoken:
    """What the dissectors say of an excerpt's frames, in their order."""
    if (problem := unavailable()) is not None:
        return Spoken((), "", problem)
    if not excerpt.frames:
        return Spoken((), "", None)
    words: list[Words] = []
    try:
        program = tshark.version()
    except OSError as failure:
        return Spoken((), "", str(failure))
    try:
        # A loop of its own in a thread of its own: the caller's thread may be running one (a notebook).
        with ThreadPoolExecutor(1, "synsight-dissect") as thread:
            reading = _Reading()
            try:
                thread.submit(asyncio.run, reading.run(excerpt, words, limit_s)).result()
            except KeyboardInterrupt:
                reading.cancel()
                problem = "interrupted; what it said until then is shown"
    except TimeoutError:
        problem = f"stopped after {limit_s:.0f} s; what it said until then is shown"
    except Exception as failure:  # pyshark and lxml raise what they like at output they do not expect
        problem = tshark.cleaned(str(failure) or type(failure).__name__)[:TEXT_CHARACTERS]
    return Spoken(tuple(words), program, problem)


class _Reading:
    """A reading that another thread can end."""

    def __init__(self) -> None:
        self._cancel: Callable[[], object] = lambda: None

    async def run(self, excerpt: Excerpt, words: list[Words], limit_s: float) -> None:
        """Read, unless it was cancelled before it began."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        await _read(excerpt, words, limit_s)

    def cancel(self) -> None:
        """End the reading soon."""
        self._cancel()


async def _read(excerpt: Excerpt, words: list[Words], limit_s: float) -> None:
    """Append what is said; the process has ended when this returns, however it does."""
    import pyshark
    from pyshark.capture.capture import TSharkCrashException

    capture = pyshark.FileCapture(
        excerpt.path,
        keep_packets=False,
        tshark_path=tshark.path(),
        display_filter=display_filter(),
        eventloop=asyncio.get_running_loop(),
    )

    def hear(packet: Any) -> None:
        place = int(packet.number) - 1
        words.extend(_said(packet, excerpt.frames[place], excerpt.times_ns[place]))

    failed = False
    try:
        await asyncio.wait_for(capture.packets_from_tshark(hear, close_tshark=False), limit_s)
        for process in set(capture._running_processes):
            # Closing kills a process whose end was not noticed yet, and its exit status with it.
            failed |= await asyncio.wait_for(process.wait(), 5) != 0
    except TSharkCrashException:  # it had ended before pyshark looked
        failed = True
    finally:
        with suppress(TSharkCrashException):  # for a status that is told below
            await capture.close_async()
        capture._running_processes.clear()  # all have ended: nothing is left for its destructor
    if failed:
        reason = (capture._last_error_line or "it gave no reason").removeprefix("tshark: ")
        raise OSError(f"tshark failed: {reason}")


def _said(packet: Any, frame: int, at_ns: int) -> Iterator[Words]:
    """Everything about one packet, each thing once."""
    seen: set[tuple[str, str]] = set()
    for layer in packet.layers:
        for kind, severity, group, text in (*_expert(layer), *_errors(layer), *_certificate(layer)):
            told = " ".join(text.split())
            told = told if len(told) <= TEXT_CHARACTERS else f"{told[: TEXT_CHARACTERS - 1]}…"
            if told and (kind, told) not in seen:
                seen.add((kind, told))
                yield Words(frame, at_ns, layer.layer_name, kind, severity, group, told)


def _texts(layer: Any, name: str) -> list[str]:
    """The texts of every occurrence of a field, as tshark shows them, without the field's name."""
    found = layer.get_field(name)
    return [] if found is None else [each.showname_value or each.show or "" for each in found.all_fields]


def _numbers(layer: Any, name: str) -> list[int]:
    found = layer.get_field(name)
    numbers = []
    for each in [] if found is None else found.all_fields:
        try:
            numbers.append(int(each.show, 0))
        except (TypeError, ValueError):
            continue
    return numbers


def _expert(layer: Any) -> Iterator[tuple[str, str, str, str]]:
    rows = zip(
        _numbers(layer, "_ws.expert.severity"),
        _texts(layer, "_ws.expert.severity"),
        _texts(layer, "_ws.expert.group"),
        _texts(layer, "_ws.expert.message"),
        strict=False,
    )
    for level, severity, group, message in rows:
        if level >= NOTE:
            yield "expert", severity, group, message


def _errors(layer: Any) -> Iterator[tuple[str, str, str, str]]:
    for each in ERROR_FIELDS:
        if each.protocol != layer.layer_name or not _texts(layer, each.field):
            continue
        numbers = _numbers(layer, each.field)
        if each.least is not None and not any(n >= each.least and n not in each.harmless for n in numbers):
            continue
        told = [text for name in each.told for text in _texts(layer, name)[:1] if text]
        yield "error", "", "", ", ".join(told)


def _certificate(layer: Any) -> Iterator[tuple[str, str, str, str]]:
    """The first certificate of a chain: it is the sender's own (RFC 5246 section 7.4.2)."""
    if layer.layer_name != "tls":
        return
    names = {
        what: text.partition("(")[2].removesuffix(")").replace("id-at-", "")
        for what, field in (("subject", "x509af.rdnSequence"), ("issuer", "x509if.rdnSequence"))
        for text in _texts(layer, field)[:1]
    }
    if not names:
        return
    times = (_texts(layer, "x509af.utcTime") or _texts(layer, "x509af.generalizedTime"))[:2]
    hosts = _texts(layer, "x509ce.dNSName")
    serial = _texts(layer, "x509af.serialNumber")[:1]
    parts = [f"subject {names['subject']}"] if "subject" in names else []
    parts += [f"valid {' to '.join(times)}"] if len(times) == 2 else []
    parts += [f"for {', '.join(hosts[:8])}{' and more' if hosts[8:] else ''}"] if hosts else []
    parts += [f"issuer {names['issuer']}"] if "issuer" in names else []
    parts += [f"serial {number}" for number in serial]
    yield "certificate", "", "", "; ".join(parts)
