"""One recogniser that hears one leg: a WebSocket, a bounded queue of samples, and when it is over.

Whatever the other side does, the caller's flow is told something in time: a transcript, nothing understood, or a problem.
"""

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import structlog

from softswitch.call.recognition import Listening, Tell
from softswitch.config.voice import Recogniser
from softswitch.ids import RecordingId
from softswitch.ivr.voice_actions import Heard, SpeechBegan
from softswitch.rtp.commands import StartRecording, StopRecording
from softswitch.tap import RecordingSpec

if TYPE_CHECKING:
    from softswitch.app.recognisers import Recognisers

MAX_MESSAGE: Final = 1 << 16
MOST_MESSAGES: Final = 2000
"""Of one recogniser for one caller's words."""
MAX_TEXT: Final = 1000
SEND_S: Final = 5.0
FRAME_BYTES: Final = 8192
_log = structlog.get_logger(__name__)


class EarStream:
    def __init__(
        self,
        *,
        name: str,
        listening: Listening,
        settings: Recogniser,
        token: str,
        tell: Tell,
        room: "Recognisers",
    ) -> None:
        self.name = name
        self.listening = listening
        self.stopped = False
        self._settings = settings
        self._token = token
        self._tell = tell
        self._room = room
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._odd = b""
        self._dropped = 0
        self._asked = self._ended = False
        self._partial = Heard(text="")
        self._speaking = False
        self._awake = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<EarStream {self.listening.recogniser} leg={self.listening.leg} queued={self._queued}>"

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"hear {self.name}")

    def ask(self) -> None:
        if self._asked or self.stopped:
            return
        self._asked = True
        self._deadline = asyncio.get_running_loop().call_later(self._settings.answer_s, self._too_late)
        self._awake.set()

    def stop(self) -> None:
        if self.stopped:
            return
        self.stopped = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._task is not None:
            self._task.cancel()
        self._room.services.media.send(StopRecording(recording=RecordingId(self.name)))
        self._room.over(self)
        if self._dropped:
            _log.warning(
                "audio was left out: the recogniser is slow",
                recogniser=self.listening.recogniser,
                call=self.listening.call,
                seconds=round(self._dropped / self._bytes_a_second, 2),
            )

    # --- audio --------------------------------------------------------------------------------------------------------

    @property
    def _bytes_a_second(self) -> int:
        return 2 * self._settings.rate

    def put(self, samples: bytes) -> None:
        """From the media worker; whole samples go on."""
        samples = self._odd + samples
        whole = len(samples) & ~1
        self._odd = samples[whole:]
        self._queue.append(samples[:whole])
        self._queued += whole
        while self._queued > self._settings.queue_s * self._bytes_a_second and len(self._queue) > 1:
            oldest = len(self._queue.popleft())
            self._queued -= oldest
            self._dropped += oldest
        self._awake.set()

    def audio_ended(self) -> None:
        self._ended = True
        self._awake.set()

    # --- the WebSocket ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self._settings.connect_s):
                client = await self._room.client()
                self._fork()
                headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
                connected = await client.ws_connect(
                    self._settings.url, headers=headers, max_msg_size=MAX_MESSAGE, autoping=True
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._problem(f"cannot be reached: {_words(error)}")
            return
        try:
            async with connected, asyncio.TaskGroup() as group:
                sending = group.create_task(self._send(connected))
                await self._receive(connected)
                sending.cancel()
        except* (aiohttp.ClientError, OSError, RuntimeError, ValueError) as errors:
            self._problem(f"failed: {_words(errors.exceptions[0])}")

    def _fork(self) -> None:
        spec = RecordingSpec(
            recording=RecordingId(self.name),
            path="",
            channels=1,
            encoding="PCM16",
            max_s=0.0,
            fork=self._room.address,
            fork_rate=self._settings.rate,
        )
        self._room.services.media.send(StartRecording(spec=spec, tracks=(self.listening.leg,)))

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        listening = self.listening
        await self._sent(
            socket,
            {
                "type": "start",
                "call": listening.call,
                "encoding": "pcm16",
                "rate": self._settings.rate,
                "channels": 1,
                "language": listening.language,
                "hints": list(listening.hints),
                "from": listening.ani,
                "to": listening.dnis,
            },
        )
        while True:
            while self._queue:
                samples = self._queue.popleft()
                self._queued -= len(samples)
                async with asyncio.timeout(SEND_S):
                    await socket.send_bytes(samples)
            if self._asked or self._ended:
                await self._sent(socket, {"type": "stop"})
                return
            self._awake.clear()
            await self._awake.wait()

    async def _sent(self, socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]) -> None:
        async with asyncio.timeout(SEND_S):
            await socket.send_str(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace").decode())

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        count = 0
        async for message in socket:
            count += 1
            if count > MOST_MESSAGES:
                self._problem("says too much")
                return
            if message.type is aiohttp.WSMsgType.TEXT:
                self._understood(message.data)
            if self.stopped:
                return
        self._problem("has closed the connection")

    # --- what it says -------------------------------------------------------------------------------------------------

    def _understood(self, text: str) -> None:
        """Whatever it sends: what is not understood is left."""
        try:
            said = json.loads(text)
        except ValueError:
            return
        if not isinstance(said, dict):
            return
        match said.get("type"):
            case "speech":
                self._began()
            case "transcript" if isinstance(said.get("text"), str):
                heard = Heard(text=said["text"][:MAX_TEXT], confidence=_share(said.get("confidence", 1.0)))
                if said.get("final") is True:
                    self._answer(heard)
                elif heard.text.strip():
                    self._partial = heard
                    self._began()
            case "error":
                self._problem(f"says: {str(said.get('message', ''))[:200]}")

    def _began(self) -> None:
        if not self._speaking and not self.stopped:
            self._speaking = True
            self._tell(SpeechBegan())

    def _answer(self, heard: Heard) -> None:
        if self.stopped:
            return
        if not heard.text.strip() and not self._asked:
            return  # silence so far: he may still speak
        self._room.worked(self.listening.recogniser)
        self._tell(heard)

    def _too_late(self) -> None:
        """What it has understood so far has to do."""
        if not self.stopped:
            self._tell(self._partial)

    def _problem(self, problem: str) -> None:
        if not self.stopped:
            self._room.failed(self.listening.recogniser, problem)
            self._tell(Heard(text="", problem=problem))


def _share(value: object) -> float:
    """Compared before it is made a float: JSON knows numbers that are none."""
    return float(min(1.0, max(0.0, value))) if isinstance(value, int | float) else 1.0


def _words(error: BaseException) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
