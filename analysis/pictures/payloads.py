"""What a payload begins with, in a few words: for ladders, never for blame."""

from __future__ import annotations

from ...capture.segment import PayloadClass

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    112: "unrecognized_name",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 8446 section 6."""

HANDSHAKES = {1: "ClientHello", 2: "ServerHello", 11: "Certificate", 16: "ClientKeyExchange", 20: "Finished"}
TEXT_LIMIT = 48


def describe(payload: bytes, kind: int) -> str:
    """`TLS ClientHello, example.org`, `GET / HTTP/1.1`, `SSH-2.0-OpenSSH_9.2`, or the first bytes."""
    if not payload:
        return ""
    if kind == PayloadClass.TLS_HANDSHAKE:
        return _tls_handshake(payload)
    if kind == PayloadClass.TLS_ALERT and len(payload) >= 7:
        return (
            f"TLS alert {ALERTS.get(payload[6], payload[6])}"
            if payload[5] in (1, 2)
            else "TLS alert, encrypted"
        )
    if kind == PayloadClass.TLS_OTHER:
        return "TLS record"
    line = payload.split(b"\n", 1)[0].strip()[:TEXT_LIMIT]
    printable = sum(32 <= byte < 127 for byte in line)
    if line and printable == len(line) >= 3:
        return line.decode("ascii")
    return payload[:12].hex(" ")


def _tls_handshake(payload: bytes) -> str:
    name = HANDSHAKES.get(payload[5], "handshake") if len(payload) > 5 else "handshake"
    host = _server_name(payload) if name == "ClientHello" else ""
    return f"TLS {name}, {host}" if host else f"TLS {name}"


def _server_name(payload: bytes) -> str:
    """The host_name of a ClientHello (RFC 6066 section 3); empty when absent or cut."""
    import dpkt  # here, because it takes longer to import than most captures take to read

    try:
        hello = dpkt.ssl.TLSRecord(payload)
        message = dpkt.ssl.TLSHandshake(hello.data).data
        for number, body in getattr(message, "extensions", ()):
            if number == 0 and len(body) > 5:
                return bytes(body[5:]).decode("ascii", "replace")[:TEXT_LIMIT]
    except (dpkt.Error, IndexError, ValueError, AttributeError, TypeError):
        return ""
    return ""
