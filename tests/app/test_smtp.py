"""Proves SMTP against a small server made of Python's asyncio: a message with its recording arrives whole and is played by
soundfile and sox alike, with STARTTLS and AUTH; who is refused alone is told; a server without STARTTLS where it is
required, one that is down, hangs or answers nonsense; headers that a caller tries to break.

Does not prove any mail program; when mails are tried again is in `tests/story/test_voicemail_story.py`.
"""

import asyncio
import email
import email.policy
import io
import shutil
import smtplib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
import soundfile
from pytest import MonkeyPatch

from softswitch.app.smtp import PIECE, MailFailed, Smtp, SmtpMailer, SmtpOverTls, send
from softswitch.call.message_letter import Letter, letter
from softswitch.config.secret import Secret
from softswitch.config.voice import Mail, mail_server
from softswitch.ids import CallId, RecordingId
from softswitch.store.rows import RecordingRow
from softswitch.testing.voice import silence
from tools.peers.certificates import Authority
from tools.peers.mail_server import MailServer

ROW = RecordingRow(
    recording=RecordingId("01JM"),
    call=CallId("c1"),
    path="m.wav",
    began=1_800_000_000.0,
    queue=None,
    agent=None,
    ani="+34600000001",
    dnis="600",
    box="sales",
    encoding="PCMA",
    channels=1,
    seconds=3.0,
)


def served(test: Callable[[MailServer, Mail], Awaitable[None]]) -> None:
    async def main() -> None:
        server = MailServer()
        settings = Mail(server=await server.start(), starttls="never", timeout_s=5.0)
        try:
            await test(server, settings)
        finally:
            await server.stop()

    asyncio.run(main())


def a_letter(tmp_path: Path, row: RecordingRow = ROW, max_bytes: float = 1e9) -> Letter:
    sound = tmp_path / "m.wav"
    silence(sound, 3.0)
    return letter(
        row,
        sound,
        sender="softswitch@example.org",
        addresses=("ana@example.org", "ben@example.org"),
        timezone="Europe/Madrid",
        node="sw1",
        max_bytes=max_bytes,
    )


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_message_arrives_with_a_recording_that_plays(tmp_path: Path) -> None:
    async def test(server: MailServer, settings: Mail) -> None:
        assert await SmtpMailer()(a_letter(tmp_path), settings, None) == {}
        [(sender, to, content)] = server.mails
        assert "<softswitch@example.org>" in sender and to == ["ana@example.org", "ben@example.org"]
        mail = parsed(content)
        assert mail["Subject"] == "Message for sales from +34600000001 (0:03)"
        assert (
            mail["Date"] == "Fri, 15 Jan 2027 09:00:00 +0100"
            and mail["Message-ID"] == "<01JM.sw1@example.org>"
        )
        [attachment] = mail.iter_attachments()
        wav = attachment.get_payload(decode=True)
        assert isinstance(wav, bytes) and attachment.get_filename() == "message-sales-20270115-090000.wav"
        info = soundfile.info(io.BytesIO(wav))
        assert (info.duration, info.subtype, info.samplerate) == (3.0, "PCM_16", 8000)
        sox = shutil.which("sox")
        assert sox is not None
        (tmp_path / "attached.wav").write_bytes(wav)
        said = await asyncio.create_subprocess_exec(
            sox, str(tmp_path / "attached.wav"), "-n", "stat", stderr=asyncio.subprocess.PIPE
        )
        assert b"3.000000" in (await said.communicate())[1]

    served(test)


def test_tls_and_login(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("localhost", dns=("localhost",))
    context = ssl.create_default_context(cafile=str(authority.file))
    monkeypatch.setattr(ssl, "create_default_context", lambda: context)

    async def test(server: MailServer, settings: Mail) -> None:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(certificate)
        server.extensions = ["AUTH PLAIN"]
        secured = replace(
            settings,
            starttls="required",
            user="box",
            server=settings.server.replace("127.0.0.1", "localhost"),
        )
        assert await SmtpMailer()(a_letter(tmp_path), secured, Secret(user="box", password="right")) == {}
        assert server.encrypted == [True] and server.logins == ["\0box\0right"]

    served(test)


def test_who_is_refused_alone(tmp_path: Path) -> None:
    async def test(server: MailServer, settings: Mail) -> None:
        server.refused = {"ben@example.org": "450 mailbox busy"}
        assert await SmtpMailer()(a_letter(tmp_path), settings, None) == {
            "ben@example.org": "450 mailbox busy"
        }
        assert server.mails[0][1] == ["ana@example.org"]
        server.refused["ana@example.org"] = "550 no such user"
        with pytest.raises(MailFailed, match=r"550 no such user|450 mailbox busy"):
            await SmtpMailer()(a_letter(tmp_path), settings, None)

    served(test)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"starttls": "required"}, "offers no STARTTLS"),
        ({"server": "smtp://127.0.0.1:1"}, "refused"),
    ],
)
def test_a_server_that_cannot_be_used(tmp_path: Path, change: dict[str, str], problem: str) -> None:
    async def test(server: MailServer, settings: Mail) -> None:
        with pytest.raises(MailFailed, match=problem):
            await SmtpMailer()(a_letter(tmp_path), replace(settings, **change), None)  # type: ignore[arg-type]
        assert server.mails == []

    served(test)


@pytest.mark.parametrize(
    ("greeting", "problem"), [("", "timed out"), ("554 go away", "go away"), ("what?", "-1")]
)
def test_a_server_that_hangs_or_babbles(tmp_path: Path, greeting: str, problem: str) -> None:
    async def test(server: MailServer, settings: Mail) -> None:
        server.greeting = greeting
        with pytest.raises(MailFailed, match=problem):
            await SmtpMailer()(a_letter(tmp_path), replace(settings, timeout_s=1.0), None)

    served(test)


class _Counting:
    """In place of a socket."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(bytes(data))


@pytest.mark.parametrize("kind", [Smtp, SmtpOverTls])
def test_the_time_limit_holds_for_pieces_of_a_long_mail(kind: type[smtplib.SMTP]) -> None:
    server, there = kind(), _Counting()
    server.sock = there  # type: ignore[assignment]
    content = bytes(range(256)) * 2000
    server.send(content)
    server.send("QUIT\r\n")
    assert b"".join(there.pieces) == content + b"QUIT\r\n"
    assert max(map(len, there.pieces)) == PIECE and len(there.pieces) == 9


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    with pytest.raises(ValueError, match="no mail server"):
        mail_server(f"smtp://127.0.0.1:{port}")
    with pytest.raises(MailFailed):
        send(a_letter(tmp_path), Mail(server=f"smtp://127.0.0.1:{port}", timeout_s=5.0), None)


def test_what_a_caller_says_of_himself_breaks_no_header(tmp_path: Path) -> None:
    row = replace(ROW, ani="x\r\nBcc: all@example.org\0" + "9" * 200, dnis="a\nb", box="sales")
    mail = parsed(a_letter(tmp_path, row).content)
    assert mail["Bcc"] is None and mail["To"] == "ana@example.org, ben@example.org"
    assert len(mail["Subject"]) < 120
    [attachment] = mail.iter_attachments()
    assert attachment.get_content_type() == "audio/wav"


def test_a_large_recording_is_announced_only(tmp_path: Path) -> None:
    mail = parsed(a_letter(tmp_path, max_bytes=1000).content)
    assert not list(mail.iter_attachments()) and "too large" in mail.get_content()
