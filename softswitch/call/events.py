"""What reaches a call's mailbox: from its legs, from the media, from the queue engine and from people in charge."""

from softswitch.acd.values import Announce, Connect, Overflow
from softswitch.call.orders import Order
from softswitch.ids import LegId
from softswitch.ivr.actions import LookedUp
from softswitch.ivr.voice_actions import VoiceInput
from softswitch.sip.events import SessionEvent
from softswitch.sip.sdp import SessionDescription
from softswitch.tap import RecordingReport
from softswitch.value import value


@value(kw_only=False)
class LegEvent:
    """A session event that the leg did not settle by itself."""

    leg: LegId
    event: SessionEvent


@value(kw_only=False)
class NothingAgreed:
    """The party acknowledged our offer with no answer, or with none that fits: there is no media with it."""

    leg: LegId


@value(kw_only=False)
class MediaLost:
    """The leg's worker died, and its peer does not take the port it has been given since."""

    leg: LegId


@value(kw_only=False)
class DigitHeard:
    leg: LegId
    digit: str
    method: str
    """`rfc4733`, `inband` or `info`."""


@value(kw_only=False)
class PromptsEnded:
    leg: LegId
    play: int
    completed: bool
    problem: str


@value(kw_only=False)
class HoldChanged:
    leg: LegId
    held: bool


@value(kw_only=False)
class LegSilent:
    leg: LegId
    silent_s: float


@value(kw_only=False)
class RecordingOver:
    """A recording ended by itself: its limit, or the disk."""

    report: RecordingReport


@value(kw_only=False)
class Answered:
    """What the caller's flow has asked for is there."""

    number: int
    """Of the question."""
    answer: LookedUp


@value(kw_only=False)
class SpeechMade:
    """A text that the caller waits for has been spoken, or cannot be."""

    number: int
    """Of what is to be played."""
    text: str
    key: str
    """Empty: it cannot be."""


@value(kw_only=False)
class EarHeard:
    """A recogniser that listens to the caller has something to say."""

    number: int
    what: VoiceInput


@value(kw_only=False)
class RecordOrdered:
    """Somebody in charge wants recording on or off."""

    on: bool


@value(kw_only=False)
class Wake:
    """Look at the call again: it has been told to end."""


@value(kw_only=False)
class PartyProgress:
    """A party that is being rung has said something provisional."""

    leg: LegId
    status: int
    sdp: SessionDescription | None


@value(kw_only=False)
class PartyAnswered:
    leg: LegId


@value(kw_only=False)
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
