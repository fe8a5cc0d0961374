"""Who alerts are told to, on loopback: a webhook shaped like Slack's, and a mail server with STARTTLS."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Literal["take", "fail", "hang", "redirect"]


class Webhook:
    """Takes what it is posted, says 500, never answers, or sends to another path, as `behaviour` says.

    Attributes:
        behaviour: for the requests to come.
        taken: the bodies that were answered with 200, by path.
        asked: how many requests came in.
        hangs: set while a request hangs.
    """

    def __init__(self) -> None:
        self.behaviour: Behaviour = "take"
        self.taken: list[tuple[str, Any]] = []
        self.asked = 0
        self.hangs = threading.Event()
        self._over = threading.Event()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                webhook.asked += 1
                if webhook.behaviour == "hang":
                    webhook.hangs.set()
                    webhook._over.wait(30)
                    self.close_connection = True
                    return
                if webhook.behaviour == "redirect" and self.path != "/elsewhere":
                    self.send_response(307)
                    self.send_header("location", f"http://127.0.0.1:{webhook.port}/elsewhere")
                    self.end_headers()
                    return
                good = webhook.behaviour in {"take", "redirect"}
                if good:
                    webhook.taken.append((self.path, json.loads(body)))
                self.send_response(200 if good else 500)
                self.end_headers()
                self.wfile.write(b"ok" if good else b"out of order")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Mailbox:
    """What a mail server has taken."""

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.logins: list[bytes] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.letters.append(message_from_bytes(bytes(envelope.content or b"")))
        return "250 OK"

    def login(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        self.logins.append(data.password)
        return AuthResult(success=data.password == b"pa55word")


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of localhost, and a server's context with it; whoever trusts the file trusts the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, keys = folder / "localhost.pem", folder / "localhost.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    keys.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, keys)
    return pem, context


@asynccontextmanager
async def mail_server(context: ssl.SSLContext) -> AsyncIterator[tuple[Mailbox, int]]:
    """A mailbox, and the port of the server that fills it: only over TLS, only with a password."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            mailbox,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=mailbox.login,
            loop=loop,
        ),
        "127.0.0.1",
        0,
    )
    try:
        yield mailbox, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
