"""A TLS session over two connected programs, with a certificate made on the spot."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

from .programs import Program

LIMIT_S = 10


def encrypted(client: Program, server: Program, request: bytes, answer: bytes) -> None:
    """Handshake, `request`, `answer`, and close_notify from both; the connection itself stays open.

    Raises what the server's side raised, if anything.
    """
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = _made(Path(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    failures: list[BaseException] = []
    answering = threading.Thread(target=lambda: _answers(context, server, request, answer, failures))
    answering.start()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client.sock.settimeout(LIMIT_S)
    secure = trusting.wrap_socket(client.sock, server_hostname="server.example")
    secure.sendall(request)
    secure.recv(len(answer))
    client.sock = secure.unwrap()
    answering.join(LIMIT_S)
    if failures:
        raise failures[0]


def _answers(
    context: ssl.SSLContext, server: Program, request: bytes, answer: bytes, failures: list[BaseException]
) -> None:
    try:
        server.sock.settimeout(LIMIT_S)
        secure = context.wrap_socket(server.sock, server_side=True)
        secure.recv(len(request))
        secure.sendall(answer)
        server.sock = secure.unwrap()
    except BaseException as error:  # handed to the calling thread
        failures.append(error)


def _made(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for server.example and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server.example"
    files = ["-days", "2", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return certificate, key
