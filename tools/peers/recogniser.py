"""A recogniser of speech for tests, made of aiohttp: it keeps what it is sent and answers what it was told to."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from tools.peers.g711 import Samples


@dataclass
class TestRecogniser:
    """Answers each caller with `text` once it has heard `after_s` of audio."""

    __test__ = False

    text: str = ""
    after_s: float = 3.0
    starts: list[dict[str, Any]] = field(default_factory=list)
    audio: list[bytearray] = field(default_factory=list)
    """Of each caller."""

    def heard(self, number: int = 0) -> Samples:
        return np.frombuffer(bytes(self.audio[number]), "<i2").astype(np.int16)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        heard = bytearray()
        self.audio.append(heard)
        answered = False
        async for message in answer:
            if message.type is WSMsgType.TEXT:
                said = json.loads(message.data)
                if said["type"] == "start":
                    self.starts.append(said)
            elif message.type is WSMsgType.BINARY:
                heard += message.data
                if not answered and len(heard) >= self.after_s * 2 * self.starts[-1]["rate"]:
                    answered = True
                    words = {"type": "transcript", "text": self.text, "final": True, "confidence": 0.9}
                    await answer.send_json(words)
        return answer


@contextmanager
def recogniser(text: str, after_s: float = 3.0) -> Iterator[tuple[TestRecogniser, str]]:
    """One in a thread of its own, and its address."""
    loop, server = asyncio.new_event_loop(), TestRecogniser(text, after_s)
    thread = threading.Thread(target=loop.run_forever, name="recogniser", daemon=True)
    thread.start()
    application = web.Application()
    application.add_routes([web.get("/", server.serve)])
    runner = web.AppRunner(application, shutdown_timeout=0.2)

    async def begin() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"ws://127.0.0.1:{runner.addresses[0][1]}/"

    try:
        yield server, asyncio.run_coroutine_threadsafe(begin(), loop).result(20)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
