"""Webhooks against a server of our own: what is signed, what is connected to, and what an answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.messaging import webhooks
from chalicelib.messaging.addresses import AddressRefused
from chalicelib.messaging.delivery import Delivery, Outcome
from chalicelib.messaging.webhooks import Webhooks, new_secret, signatures

NAME = "hooks.example.com"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
BODY = '{"type":"credit.issued","data":{"text":"Grüße"}}'


def expected(secret: str, message: str, seconds: int, body: str) -> str:
    """The signature as Standard Webhooks describes it, computed by hand."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message}.{seconds}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class Receiver:
    """A server under `NAME`, on a port of loopback."""

    def __init__(self, certificate: Path, name: str = NAME) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.pause_seconds = 0.0
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                told = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append((self.path, told, self.rfile.read(length)))
                time.sleep(receiver.pause_seconds)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://{NAME}:{self._server.server_address[1]}/hook?a=b"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(certificate(tmp_path, NAME))
    yield made
    made.stop()


@pytest.fixture
def sender(tmp_path: Path, receiver: Receiver) -> Webhooks:
    """One that trusts the receiver, and takes loopback for its public number."""
    return Webhooks(lambda address: ["127.0.0.1"], ssl.create_default_context(cafile=tmp_path / f"{NAME}.pem"))


def send(sender: Webhooks, receiver: Receiver, *keys: str) -> Delivery:
    return sender.send(receiver.url, keys or (SECRET,), "msg-1", 1_800_000_000, BODY)


def test_a_message_is_signed_as_the_standard_says(sender: Webhooks, receiver: Receiver) -> None:
    assert send(sender, receiver) == Delivery(Outcome.TAKEN)
    ((path, headers, body),) = receiver.heard
    assert (path, body) == ("/hook?a=b", BODY.encode())
    assert headers["host"] == receiver.url.split("/")[2]
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg-1", "1800000000")
    assert headers["webhook-signature"] == expected(SECRET, "msg-1", 1_800_000_000, BODY)


def test_while_a_secret_is_replaced_both_sign() -> None:
    new = new_secret()
    assert signatures([new, SECRET], "m", 7, BODY) == f"{expected(new, 'm', 7, BODY)} {expected(SECRET, 'm', 7, BODY)}"


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(base64.b64decode(each.removeprefix("whsec_"))) == 32 for each in made)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, Outcome.TAKEN),
        (301, Outcome.NOT_TAKEN),
        (400, Outcome.NOT_TAKEN),
        (410, Outcome.REFUSED),
        (429, Outcome.NOT_TAKEN),
        (500, Outcome.NOT_TAKEN),
    ],
)
def test_what_an_answer_means(sender: Webhooks, receiver: Receiver, status: int, outcome: Outcome) -> None:
    receiver.status = status
    assert send(sender, receiver).outcome is outcome


def test_a_redirect_is_not_followed(sender: Webhooks, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": receiver.url.replace("/hook", "/inside")}
    assert send(sender, receiver) == Delivery(Outcome.NOT_TAKEN, "status_307")
    assert [path for path, _, _ in receiver.heard] == ["/hook?a=b"]


def test_the_number_that_was_checked_is_connected_to_and_no_other(
    sender: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere a moment after it was checked leads nowhere: nobody asks again where it leads."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, *more: Any) -> Any:
        asked.append(host)
        return real(host, *more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert send(sender, receiver).outcome is Outcome.TAKEN
    assert set(asked) <= {"127.0.0.1"}


def test_the_address_is_checked_again_when_something_is_sent(receiver: Receiver) -> None:
    def moved(address: object) -> list[str]:
        raise AddressRefused("must not lead to a private network")

    assert send(Webhooks(moved), receiver) == Delivery(Outcome.REFUSED, "address_refused")
    refused = Webhooks().send("https://127.0.0.1/", [SECRET], "m", 1, BODY)
    assert refused == Delivery(Outcome.REFUSED, "address_refused")
    assert receiver.heard == []


def test_a_name_that_is_not_known_just_now_is_tried_again(receiver: Receiver) -> None:
    def unknown(address: object) -> list[str]:
        raise OSError("no such name")

    assert send(Webhooks(unknown), receiver) == Delivery(Outcome.NOT_TAKEN, "name_not_resolved")


def test_a_certificate_of_another_name_is_not_sent_to(tmp_path: Path) -> None:
    other = Receiver(certificate(tmp_path, "other.example.com"))
    trusting = ssl.create_default_context(cafile=tmp_path / "other.example.com.pem")
    try:
        assert send(Webhooks(lambda address: ["127.0.0.1"], trusting), other).outcome is Outcome.NOT_TAKEN
        assert other.heard == []
    finally:
        other.stop()


def test_a_receiver_that_nobody_vouches_for_is_not_sent_to(receiver: Receiver) -> None:
    assert send(Webhooks(lambda address: ["127.0.0.1"]), receiver).outcome is Outcome.NOT_TAKEN
    assert receiver.heard == []


def test_nobody_there_is_a_reason_to_come_again(sender: Webhooks, receiver: Receiver) -> None:
    receiver.stop()
    assert send(sender, receiver) == Delivery(Outcome.NOT_TAKEN, "webhook_down")


def test_an_attempt_ends_however_slowly_the_other_side_speaks(
    sender: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "ATTEMPT_SECONDS", 0.3)
    receiver.pause_seconds = 2.0
    began = time.monotonic()
    assert send(sender, receiver) == Delivery(Outcome.NOT_TAKEN, "webhook_no_answer")
    assert time.monotonic() - began < 1.5
