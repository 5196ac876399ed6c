"""What `FakeControl` knows of voices; and a speaker, a recogniser and a mail server for stories on virtual time."""

import asyncio
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from softswitch.api.errors import UnknownThing
from softswitch.api.events_views import MessageView
from softswitch.api.voice_control import (
    MailView,
    SurveyAnswerView,
    SurveyFiguresView,
    SurveySearch,
    VoicemailView,
)
from softswitch.app.smtp import MailFailed
from softswitch.call.alarms import Alarms
from softswitch.call.message_letter import Letter
from softswitch.call.recognition import Listening, Tell
from softswitch.call.services import Services
from softswitch.config.secret import Secret
from softswitch.config.voice import Mail
from softswitch.ids import RecordingId
from softswitch.ivr.speech_program import SpeechFailed, SpeechOrder
from softswitch.ivr.voice_actions import Heard, SpeechBegan
from softswitch.rtp.commands import StartRecording, StopRecording
from softswitch.tap import RecordingSpec

_BEGAN = 1_800_000_000.0


def silence(file: Path, seconds: float = 1.0) -> None:
    """A sound file, 8 kHz."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * int(8000 * seconds)))


@dataclass
class FakeSpeaker:
    """Takes `seconds` for each text; fails while `problem` says why."""

    seconds: float = 0.5
    problem: str = ""
    texts: list[tuple[str, str]] = field(default_factory=list)
    """Text and voice, in the order of asking."""

    async def __call__(self, order: SpeechOrder) -> None:
        self.texts.append((order.text, order.voice))
        await asyncio.sleep(self.seconds)
        if self.problem:
            raise SpeechFailed(self.problem)
        silence(order.file)


@dataclass
class FakeEar:
    listening: Listening
    tell: Tell
    services: Services
    name: str
    asked: bool = False
    stopped: bool = False

    def ask(self) -> None:
        self.asked = True

    def stop(self) -> None:
        self.stopped = True
        self.services.media.send(StopRecording(recording=RecordingId(self.name)))

    def begins(self) -> None:
        self.tell(SpeechBegan())

    def hears(self, text: str, confidence: float = 1.0) -> None:
        self.tell(Heard(text=text, confidence=confidence))

    def fails(self, problem: str) -> None:
        self.tell(Heard(text="", problem=problem))


class FakeRecognition:
    """Ears that a test speaks for."""

    def __init__(self, services: Services, alarms: Alarms, socket: Path) -> None:
        del alarms
        self._services = services
        self._socket = socket
        self.ears: list[FakeEar] = []

    def listen(self, listening: Listening, tell: Tell) -> FakeEar:
        ear = FakeEar(listening, tell, self._services, self._services.new_id())
        spec = RecordingSpec(
            recording=RecordingId(ear.name),
            path="",
            channels=1,
            encoding="PCM16",
            max_s=0.0,
            fork=str(self._socket),
        )
        self._services.media.send(StartRecording(spec=spec, tracks=(listening.leg,)))
        self.ears.append(ear)
        return ear

    async def close(self) -> None: ...


@dataclass
class FakeMailer:
    """Takes mails, or fails while `problem` says why."""

    problem: str = ""
    letters: list[Letter] = field(default_factory=list)
    tries: list[float] = field(default_factory=list)
    """Times of the loop."""
    refuse: Callable[[str], str] = lambda address: ""
    """What the server says to an address; empty: it takes it."""

    async def __call__(self, letter: Letter, settings: Mail, secret: Secret | None) -> dict[str, str]:
        del settings, secret
        self.tries.append(asyncio.get_running_loop().time())
        if self.problem:
            raise MailFailed(self.problem)
        self.letters.append(letter)
        return {address: words for address in letter.addresses if (words := self.refuse(address))}


@dataclass
class FakeVoice:
    """Implements `VoiceControl`."""

    messages: dict[str, VoicemailView] = field(
        default_factory=lambda: {
            "m1": VoicemailView(
                message=MessageView(
                    message="m1",
                    box="sales",
                    began=_BEGAN,
                    seconds=12.0,
                    ani="+34600000001",
                    dnis="600",
                    call="c1",
                    file="/r/m1.wav",
                    heard=None,
                ),
                mail=MailView(
                    state="waiting",
                    addresses=("a@example.org",),
                    attempts=2,
                    asked=_BEGAN,
                    next_at=_BEGAN + 60,
                    ended=None,
                    problem="451 later",
                ),
            )
        }
    )

    async def voicemail(self, box: str, new: bool | None, limit: int) -> tuple[VoicemailView, ...]:
        del new
        return tuple(each for each in self.messages.values() if box in ("", each.message.box))[:limit]

    async def one(self, message: str) -> VoicemailView:
        if message not in self.messages:
            raise UnknownThing(f"no message is called {message!r}")
        return self.messages[message]

    async def survey_answers(self, search: SurveySearch) -> tuple[SurveyAnswerView, ...]:
        del search
        return (
            SurveyAnswerView(
                call="c1",
                began=_BEGAN,
                survey="csat",
                question="content",
                queue="sales",
                agent="ana",
                ani="+34600000001",
                dnis="600",
                answer=4,
                recording="",
                talk_s=60.0,
                wait_s=5.0,
            ),
        )

    async def survey_figures(self, search: SurveySearch, by: str) -> tuple[SurveyFiguresView, ...]:
        del search
        return (
            SurveyFiguresView(
                survey="csat",
                question="content",
                queue="sales",
                agent="ana" if by == "agent" else "",
                asked=3,
                answered=2,
                comments=1,
                mean=4.5,
                answers={"4": 1, "5": 1},
            ),
        )
