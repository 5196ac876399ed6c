"""Proves the fork to a recogniser against a WebSocket server of aiohttp: what it is sent (start, samples, stop, a token),
what its answers become, time limits for the connection and the answer, one that is slow and never holds the audio up, one
that says nonsense or too much, one that ends in the midst, and more callers than it takes.

Does not prove that a media worker sends the samples: `tests/interop/test_voice_heard.py` does.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from softswitch.app.recognisers import Recognisers
from softswitch.bus import Bus
from softswitch.call.alarms import Alarms
from softswitch.call.recognition import Ear, Listening
from softswitch.clock import SystemClock
from softswitch.config.secret import Secret
from softswitch.config.voice import Recogniser
from softswitch.ids import CallId, LegId
from softswitch.ivr.voice_actions import Heard, SpeechBegan, VoiceInput
from softswitch.rtp.commands import StartRecording, StopRecording

PATIENCE_S = 20.0
LISTENING = Listening(
    call=CallId("c1"),
    leg=LegId("l1"),
    recogniser="local",
    language="en",
    hints=("sales", "my bill"),
    ani="+34600000001",
    dnis="700",
)
Behaviour = Callable[[web.WebSocketResponse, "Server"], Awaitable[None]]


@dataclass
class Server:
    behave: Behaviour
    messages: list[dict[str, Any]] = field(default_factory=list)
    samples: bytearray = field(default_factory=bytearray)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self.headers.append(dict(request.headers))
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        await self.behave(answer, self)
        return answer

    async def take(self, answer: web.WebSocketResponse) -> dict[str, Any]:
        """The next JSON; samples before it are kept."""
        while True:
            message = await answer.receive()
            if message.type is WSMsgType.BINARY:
                self.samples += message.data
            elif message.type is WSMsgType.TEXT:
                self.messages.append(json.loads(message.data))
                return self.messages[-1]
            else:
                return {"type": "closed"}


@dataclass
class Scene:
    server: Server
    recognisers: Recognisers
    services: Any
    told: list[VoiceInput] = field(default_factory=list)

    def listen(self) -> Ear:
        return self.recognisers.listen(LISTENING, self.told.append)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def fork(self) -> socket.socket:
        """What a media worker does on StartRecording."""
        await self.until(lambda: self.sent(StartRecording))
        spec = self.sent(StartRecording)[-1].spec
        there = socket.socket(socket.AF_UNIX)
        there.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(there, spec.fork)
        await loop.sock_sendall(there, spec.recording.encode() + b"\n")
        return there

    def sent(self, kind: type[Any]) -> list[Any]:
        return [command for command in self.services.commands if isinstance(command, kind)]


def scene(
    behave: Behaviour, test: Callable[[Scene], Awaitable[None]], tmp_path: Path, **settings: Any
) -> None:
    async def main() -> None:
        server = Server(behave)
        application = web.Application()
        application.add_routes([web.get("/hear", server.serve)])
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        recogniser = Recogniser(url=f"ws://127.0.0.1:{port}/hear", **settings)
        commands: list[Any] = []
        numbers = iter(range(1000))
        services = SimpleNamespace(
            config=SimpleNamespace(recogniser={"local": recogniser}),
            secrets={("recogniser", "local"): Secret(user="", password="token")},
            media=SimpleNamespace(send=commands.append),
            commands=commands,
            new_id=lambda: f"fork-{next(numbers)}",
        )
        alarms = Alarms(Bus(), SystemClock())
        recognisers = Recognisers(services, alarms, tmp_path / "ears.sock")  # type: ignore[arg-type]
        services.alarms = alarms
        try:
            await test(Scene(server, recognisers, services))
        finally:
            await recognisers.close()
            await runner.cleanup()

    asyncio.run(main())


async def understands(answer: web.WebSocketResponse, server: Server) -> None:
    await server.take(answer)
    await answer.send_json({"type": "speech"})
    await answer.send_json({"type": "transcript", "text": "my", "final": False})
    await server.take(answer)
    await answer.send_json({"type": "transcript", "text": "my bill", "final": True, "confidence": 0.75})
    await server.take(answer)


def test_audio_goes_out_and_words_come_back(tmp_path: Path) -> None:
    samples = bytes(range(256)) * 100

    async def test(there: Scene) -> None:
        ear = there.listen()
        fork = await there.fork()
        loop = asyncio.get_running_loop()
        for at in range(0, len(samples), 999):  # samples are cut in two on the way
            await loop.sock_sendall(fork, samples[at : at + 999])
        await there.until(lambda: SpeechBegan() in there.told)
        ear.ask()
        await there.until(lambda: any(isinstance(each, Heard) for each in there.told))
        assert there.told == [SpeechBegan(), Heard(text="my bill", confidence=0.75)]
        start, stop = there.server.messages
        assert start == {
            "type": "start",
            "call": "c1",
            "encoding": "pcm16",
            "rate": 8000,
            "channels": 1,
            "language": "en",
            "hints": ["sales", "my bill"],
            "from": "+34600000001",
            "to": "700",
        }
        assert stop == {"type": "stop"} and there.server.headers[0]["Authorization"] == "Bearer token"
        ear.stop()
        assert [each.recording for each in there.sent(StopRecording)] == ["fork-0"]
        assert (tmp_path / "ears.sock").stat().st_mode & 0o777 == 0o600
        fork.close()

    async def behave(answer: web.WebSocketResponse, server: Server) -> None:
        await understands(answer, server)

    scene(behave, test, tmp_path)


def test_all_samples_arrive_in_order(tmp_path: Path) -> None:
    samples = bytes(range(256)) * 64

    async def behave(answer: web.WebSocketResponse, server: Server) -> None:
        while (await server.take(answer))["type"] != "stop":
            pass
        await answer.send_json({"type": "transcript", "text": "done", "final": True})
        await server.take(answer)

    async def test(there: Scene) -> None:
        ear = there.listen()
        fork = await there.fork()
        await asyncio.get_running_loop().sock_sendall(fork, samples)
        fork.close()  # the caller is gone: that, too, ends what is heard
        await there.until(lambda: there.told)
        assert bytes(there.server.samples) == samples and there.told == [Heard(text="done")]
        ear.stop()

    scene(behave, test, tmp_path)


async def silent(answer: web.WebSocketResponse, server: Server) -> None:
    while (await server.take(answer))["type"] != "closed":
        pass


def test_an_answer_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    async def test(there: Scene) -> None:
        ear = there.listen()
        await there.until(lambda: there.server.messages)
        ear.ask()
        await there.until(lambda: there.told)
        assert there.told == [Heard(text="")]
        ear.stop()

    scene(silent, test, tmp_path, answer_s=0.3)


def test_what_was_understood_so_far_has_to_do(tmp_path: Path) -> None:
    async def behave(answer: web.WebSocketResponse, server: Server) -> None:
        await server.take(answer)
        await answer.send_json({"type": "transcript", "text": "sales", "final": False, "confidence": 0.4})
        await silent(answer, server)

    async def test(there: Scene) -> None:
        ear = there.listen()
        await there.until(lambda: SpeechBegan() in there.told)
        ear.ask()
        await there.until(lambda: len(there.told) == 2)
        assert there.told[1] == Heard(text="sales", confidence=0.4)
        ear.stop()

    scene(behave, test, tmp_path, answer_s=0.3)


def test_a_recogniser_that_is_not_there(tmp_path: Path) -> None:
    async def test(there: Scene) -> None:
        settings = there.services.config.recogniser
        settings["local"] = replace(settings["local"], url="ws://127.0.0.1:1/")
        ear = there.listen()
        await there.until(lambda: there.told)
        [heard] = there.told
        assert isinstance(heard, Heard) and "cannot be reached" in heard.problem
        assert [alarm.name for alarm in there.services.alarms.raised] == ["recogniser local"]
        ear.stop()

    scene(silent, test, tmp_path)


def test_a_handshake_that_takes_too_long(tmp_path: Path) -> None:
    async def test(there: Scene) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            settings = there.services.config.recogniser
            url = f"ws://127.0.0.1:{mute.getsockname()[1]}/"
            settings["local"] = replace(settings["local"], url=url, connect_s=0.3)
            ear = there.listen()
            await there.until(lambda: there.told)
            assert isinstance(there.told[0], Heard) and "no answer in time" in there.told[0].problem
            ear.stop()

    scene(silent, test, tmp_path)


@pytest.mark.parametrize(
    "nonsense",
    [
        "}{",
        "[]",
        "7",
        '{"type": "transcript"}',
        '{"type": "transcript", "text": 7, "final": true}',
        '{"type": 7}',
    ],
)
def test_nonsense_is_left(tmp_path: Path, nonsense: str) -> None:
    async def behave(answer: web.WebSocketResponse, server: Server) -> None:
        await server.take(answer)
        await answer.send_str(nonsense)
        await answer.send_json(
            {"type": "transcript", "text": "x" * 5000, "final": True, "confidence": "much"}
        )
        await silent(answer, server)

    async def test(there: Scene) -> None:
        ear = there.listen()
        await there.until(lambda: there.told)
        assert there.told == [Heard(text="x" * 1000)]
        ear.stop()

    scene(behave, test, tmp_path)


@pytest.mark.parametrize("confidence", ["1" + "0" * 400, "NaN", "Infinity", "1e999", "-1"])
def test_a_confidence_that_is_no_share(tmp_path: Path, confidence: str) -> None:
    async def behave(answer: web.WebSocketResponse, server: Server) -> None:
        await server.take(answer)
        await answer.send_str(
            f'{{"type": "transcript", "text": "yes", "final": true, "confidence": {confidence}}}'
        )
        await silent(answer, server)

    async def test(there: Scene) -> None:
        ear = there.listen()
        await there.until(lambda: there.told)
        assert isinstance(there.told[0], Heard) and there.told[0].confidence in (0.0, 1.0)
        ear.stop()

    scene(behave, test, tmp_path)


def test_a_caller_whose_number_is_no_text_is_heard_too(tmp_path: Path) -> None:
    async def test(there: Scene) -> None:
        hostile = replace(LISTENING, ani="+34\udcff", hints=("\ud800",))
        ear = there.recognisers.listen(hostile, there.told.append)
        await there.until(lambda: there.server.messages)
        assert there.server.messages[0]["from"] == "+34?"
        ear.stop()

    scene(silent, test, tmp_path)


def test_who_says_too_much_or_goes_is_a_problem(tmp_path: Path) -> None:
    async def babbles(answer: web.WebSocketResponse, server: Server) -> None:
        await server.take(answer)
        for _ in range(2100):
            await answer.send_json({"type": "speech"})
        await silent(answer, server)

    async def goes(answer: web.WebSocketResponse, server: Server) -> None:
        await server.take(answer)
        await answer.close()

    async def complains(answer: web.WebSocketResponse, server: Server) -> None:
        await server.take(answer)
        await answer.send_json({"type": "error", "message": "no licence"})
        await silent(answer, server)

    for behave, words in ((babbles, "too much"), (goes, "closed"), (complains, "no licence")):

        async def test(there: Scene, words: str = words) -> None:
            ear = there.listen()
            await there.until(lambda: any(isinstance(each, Heard) for each in there.told))
            assert isinstance(there.told[-1], Heard) and words in there.told[-1].problem
            ear.stop()

        scene(behave, test, tmp_path)


def test_a_slow_one_loses_the_oldest_audio_and_holds_nobody_up(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def behave(answer: web.WebSocketResponse, server: Server) -> None:
        await server.take(answer)
        await silent(answer, server)

    async def test(there: Scene) -> None:
        settings = there.services.config.recogniser
        settings["local"] = replace(settings["local"], url="ws://127.0.0.1:1/", queue_s=1.0, connect_s=30.0)
        client = await there.recognisers.client()
        connect = client.ws_connect

        async def slow(*given: Any, **more: Any) -> Any:
            await go_on.wait()
            return await connect(*given, **more)

        client.ws_connect = slow  # type: ignore[method-assign, assignment]
        ear = there.listen()
        fork = await there.fork()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            for number in range(400):  # 8 s of audio, each packet with its number
                await loop.sock_sendall(fork, number.to_bytes(2, "little") * 160)
        await there.until(lambda: ear._dropped > 16000 * 6)  # type: ignore[attr-defined]
        assert ear._queued <= 16000 * 1.0 + 8192  # type: ignore[attr-defined]
        fork.close()
        ear.stop()

    scene(behave, test, tmp_path)


def test_no_more_callers_than_it_takes(tmp_path: Path) -> None:
    async def test(there: Scene) -> None:
        first = there.listen()
        second: list[VoiceInput] = []
        there.recognisers.listen(LISTENING, second.append).stop()
        assert isinstance(second[0], Heard) and "1 callers already" in second[0].problem
        first.stop()
        third = there.listen()
        await there.until(lambda: len(there.server.messages) >= 1)
        assert there.told == []
        third.stop()

    scene(silent, test, tmp_path, max_streams=1)
