"""Recognisers over WebSockets: the audio of a leg goes out as binary frames, what was understood comes back as JSON.

Implements `call.recognition.Recognition`. The media worker sends samples to a Unix socket of ours without ever waiting;
here they wait in a bounded queue while a recogniser is slow, the oldest are left out. `docs/speech.md` is what the other
side has to know.
"""

import asyncio
import os
import socket
from pathlib import Path
from typing import Final

import aiohttp
import structlog

from softswitch.app.ear import EarStream
from softswitch.call.alarms import Alarms
from softswitch.call.recognition import Ear, Listening, Tell
from softswitch.call.services import Services
from softswitch.ivr.voice_actions import Heard

MAX_NAME_BYTES: Final = 200
CHUNK_BYTES: Final = 8192
_log = structlog.get_logger(__name__)


class Recognisers:
    def __init__(self, services: Services, alarms: Alarms, socket_path: Path) -> None:
        self._services = services
        self._alarms = alarms
        self._path = socket_path
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Lock = asyncio.Lock()
        self._client: aiohttp.ClientSession | None = None
        self._ears: dict[str, EarStream] = {}
        """By the name of their fork."""

    def listen(self, listening: Listening, tell: Tell) -> Ear:
        config = self._services.config
        settings = config.recogniser.get(listening.recogniser)
        if settings is None:
            tell(Heard(text="", problem=f"there is no recogniser {listening.recogniser!r}"))
            return _Deaf()
        running = sum(ear.listening.recogniser == listening.recogniser for ear in self._ears.values())
        if running >= settings.max_streams:
            tell(Heard(text="", problem=f"recogniser {listening.recogniser}: {running} callers already"))
            return _Deaf()
        secret = self._services.secrets.get(("recogniser", listening.recogniser))
        ear = EarStream(
            name=self._services.new_id(),
            listening=listening,
            settings=settings,
            token=(secret.password or "") if secret is not None else "",
            tell=tell,
            room=self,
        )
        self._ears[ear.name] = ear
        ear.start()
        return ear

    # --- what ears need ---------------------------------------------------------------------------------------------------

    @property
    def services(self) -> Services:
        return self._services

    @property
    def address(self) -> str:
        """Of the Unix socket that media workers send audio to."""
        return str(self._path)

    async def client(self) -> aiohttp.ClientSession:
        """With everything open that a first ear needs; raises OSError."""
        async with self._opening:
            if self._server is None:
                self._server = await asyncio.start_unix_server(
                    self._audio, sock=_bound(self._path), limit=CHUNK_BYTES
                )
            if self._client is None:
                self._client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._client

    def over(self, ear: EarStream) -> None:
        self._ears.pop(ear.name, None)

    def failed(self, recogniser: str, problem: str) -> None:
        self._alarms.raise_(f"recogniser {recogniser}", problem)
        _log.warning("recogniser failed", recogniser=recogniser, problem=problem)

    def worked(self, recogniser: str) -> None:
        self._alarms.clear(f"recogniser {recogniser}")

    async def close(self) -> None:
        for ear in tuple(self._ears.values()):
            ear.stop()
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        if self._client is not None:
            await self._client.close()

    async def _audio(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One fork: a line with its name, then samples until it ends."""
        ear: EarStream | None = None
        try:
            name = (await reader.readuntil(b"\n")).decode("ascii", "replace").strip()
            ear = self._ears.get(name[:MAX_NAME_BYTES])
            while ear is not None and not ear.stopped:
                samples = await reader.read(CHUNK_BYTES)
                if not samples:
                    break
                ear.put(samples)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            if ear is not None:
                ear.audio_ended()


class _Deaf:
    """In the place of an ear that could not be had."""

    def ask(self) -> None: ...

    def stop(self) -> None: ...


def _bound(path: Path) -> socket.socket:
    """Only this user may send audio; raises OSError."""
    listening = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            listening.bind(os.fsencode(path))
        finally:
            os.umask(mask)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
