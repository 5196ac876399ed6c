"""A small SMTP server for tests, made of asyncio: it takes mails, refuses whom it is told to, and can be in a thread."""

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_MAIL = 1 << 25


class MailServer:
    """RFC 5321, as much of it as a client needs that sends."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.logins: list[str] = []
        self.extensions: list[str] = []
        self.refused: dict[str, str] = {}
        self.tls: ssl.SSLContext | None = None
        self.encrypted: list[bool] = []
        self.greeting = "220 test"
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=LONGEST_MAIL)
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.greeting:
            await asyncio.sleep(30)
        sender, to, secure = "", [], False
        writer.write(self.greeting.encode() + b"\r\n")
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    words = ["test", *self.extensions, *(["STARTTLS"] if self.tls and not secure else [])]
                    for number, word in enumerate(words, 1):
                        writer.write(f"250{' ' if number == len(words) else '-'}{word}\r\n".encode())
                case "STARTTLS":
                    writer.write(b"220 go\r\n")
                    assert self.tls is not None
                    await writer.start_tls(self.tls)
                    secure = True
                case "AUTH":
                    self.logins.append(base64.b64decode(rest.split()[1]).decode())
                    writer.write(b"235 ok\r\n")
                case "MAIL":
                    sender, to = rest, []
                    writer.write(b"250 ok\r\n")
                case "RCPT":
                    address = rest.partition("<")[2].partition(">")[0]
                    words = self.refused.get(address, "")
                    if not words:
                        to.append(address)
                    writer.write(f"{words or '250 ok'}\r\n".encode())
                case "DATA":
                    writer.write(b"354 go\r\n")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append((sender, to, content[:-3].replace(b"\r\n..", b"\r\n.")))
                    self.encrypted.append(secure)
                    writer.write(b"250 taken\r\n")
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    return
                case _:
                    writer.write(b"250 ok\r\n")


@contextmanager
def mail_server() -> Iterator[tuple[MailServer, str]]:
    """One in a thread of its own, and where it is."""
    loop, server = asyncio.new_event_loop(), MailServer()
    thread = threading.Thread(target=loop.run_forever, name="mail server", daemon=True)
    thread.start()
    try:
        yield server, asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
