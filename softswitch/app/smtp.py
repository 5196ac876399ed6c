"""Hands a mail to the server of `[mail]` (RFC 5321, STARTTLS RFC 3207, AUTH RFC 4954), in a thread."""

import asyncio
import smtplib
import ssl
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from softswitch.call.message_letter import Letter
from softswitch.config.secret import Secret
from softswitch.config.voice import Mail, host_and_port
from softswitch.errors import OurError

PIECE = 1 << 16


class MailFailed(OurError):
    """The server has not taken the mail; the message says why."""


class Mailer(Protocol):
    def __call__(self, letter: Letter, settings: Mail, secret: Secret | None) -> Awaitable[dict[str, str]]:
        """Addresses that were refused, with the words of the server. Raises MailFailed when nobody gets it."""


class SmtpMailer:
    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, "mail")

    async def __call__(self, letter: Letter, settings: Mail, secret: Secret | None) -> dict[str, str]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, send, letter, settings, secret)


class _InPieces:
    """The time limit of a socket holds for all that is handed to it at once; a recording over a slow line takes longer."""

    def send(self, s: Any) -> None:
        """As `smtplib` has it: text or bytes."""
        data = s.encode("ascii") if isinstance(s, str) else bytes(s)
        for at in range(0, len(data), PIECE):
            super().send(data[at : at + PIECE])  # type: ignore[misc]


class Smtp(_InPieces, smtplib.SMTP):
    pass


class SmtpOverTls(_InPieces, smtplib.SMTP_SSL):
    pass


def send(letter: Letter, settings: Mail, secret: Secret | None) -> dict[str, str]:
    """As `Mailer`; blocks."""
    try:
        with _connected(settings) as server:
            if settings.user and secret is not None:
                server.login(settings.user, secret.password or "")
            refused = server.sendmail(letter.sender, list(letter.addresses), letter.content)
            return {address: _said(code, words) for address, (code, words) in refused.items()}
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise MailFailed(_said(code, words)) from None
    except smtplib.SMTPResponseException as error:
        raise MailFailed(_said(error.smtp_code, error.smtp_error)) from None
    except (OSError, smtplib.SMTPException, ValueError, OverflowError) as error:
        raise MailFailed(f"{settings.server}: {error or type(error).__name__}") from None


def _connected(settings: Mail) -> smtplib.SMTP:
    host, port, secure = host_and_port(settings.server)
    context = ssl.create_default_context()
    if secure:
        return SmtpOverTls(host, port, timeout=settings.timeout_s, context=context)
    server = Smtp(host, port, timeout=settings.timeout_s)
    try:
        server.ehlo_or_helo_if_needed()
        offered = server.has_extn("starttls")
        if settings.starttls == "required" and not offered:
            raise MailFailed(f"{settings.server} offers no STARTTLS, which mail.starttls requires")
        if settings.starttls != "never" and offered:
            server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _said(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())}"
