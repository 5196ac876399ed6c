"""What reaches a call's mailbox: from its legs, from the media, from the queue engine and from people in charge."""

from dataclasses import dataclass

from softswitch.acd.values import Announce, Connect, Overflow
from softswitch.call.orders import Order
from softswitch.ids import LegId
from softswitch.ivr.actions import LookedUp
from softswitch.ivr.voice_actions import VoiceInput
from softswitch.sip.events import SessionEvent
from softswitch.sip.sdp import SessionDescription
from softswitch.tap import RecordingReport


@dataclass(frozen=True, slots=True)
class LegEvent:
    """A session event that the leg did not settle by itself."""

    leg: LegId
    event: SessionEvent


@dataclass(frozen=True, slots=True)
class NothingAgreed:
    """The party acknowledged our offer with no answer, or with none that fits: there is no media with it."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class MediaLost:
    """The leg's worker died, and its peer does not take the port it has been given since."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class DigitHeard:
    leg: LegId
    digit: str
    method: str
    """`rfc4733`, `inband` or `info`."""


@dataclass(frozen=True, slots=True)
class PromptsEnded:
    leg: LegId
    play: int
    completed: bool
    problem: str


@dataclass(frozen=True, slots=True)
class HoldChanged:
    leg: LegId
    held: bool


@dataclass(frozen=True, slots=True)
class LegSilent:
    leg: LegId
    silent_s: float


@dataclass(frozen=True, slots=True)
class RecordingOver:
    """A recording ended by itself: its limit, or the disk."""

    report: RecordingReport


@dataclass(frozen=True, slots=True)
class Answered:
    """What the caller's flow has asked for is there."""

    number: int
    """Of the question."""
    answer: LookedUp


@dataclass(frozen=True, slots=True)
class SpeechMade:
    """A text that the caller waits for has been spoken, or cannot be."""

    number: int
    """Of what is to be played."""
    text: str
    key: str
    """Empty: it cannot be."""


@dataclass(frozen=True, slots=True)
class EarHeard:
    """A recogniser that listens to the caller has something to say."""

    number: int
    what: VoiceInput


@dataclass(frozen=True, slots=True)
class RecordOrdered:
    """Somebody in charge wants recording on or off."""

    on: bool


@dataclass(frozen=True, slots=True)
class Wake:
    """Look at the call again: it has been told to end."""


@dataclass(frozen=True, slots=True)
class PartyProgress:
    """A party that is being rung has said something provisional."""

    leg: LegId
    status: int
    sdp: SessionDescription | None


@dataclass(frozen=True, slots=True)
class PartyAnswered:
    leg: LegId


@dataclass(frozen=True, slots=True)
class PartyFailed:
    leg: LegId
    status: int
    reason: str
    contacts: tuple[str, ...] = ()
    local: bool = False
    """Nobody said so: no address, a time-out, no port."""
    reason_header: str = ""


PartyEvent = PartyProgress | PartyAnswered | PartyFailed

CallEvent = (
    LegEvent
    | NothingAgreed
    | MediaLost
    | PartyProgress
    | PartyAnswered
    | PartyFailed
    | DigitHeard
    | PromptsEnded
    | HoldChanged
    | LegSilent
    | RecordingOver
    | RecordOrdered
    | SpeechMade
    | EarHeard
    | Answered
    | Order
    | Connect
    | Overflow
    | Announce
    | Wake
)
