"""What each fact is called in the feed, `queue.joined`, and the event of Asterisk's manager interface that it resembles.

A fact without an entry is called after its class, so that a new one is never missing.
"""

import re
from fnmatch import fnmatchcase

from softswitch import facts
from softswitch.facts import Fact

TOPICS: dict[type[Fact], str] = {
    facts.CallArrived: "call.arrived",
    facts.StageEntered: "call.stage",
    facts.CallAnswered: "call.answered",
    facts.CallBridged: "call.bridged",
    facts.CallHeld: "call.held",
    facts.CallResumed: "call.resumed",
    facts.CallParked: "call.parked",
    facts.CallUnparked: "call.unparked",
    facts.CallTransferred: "call.transferred",
    facts.CallEnded: "call.ended",
    facts.LegEnded: "call.leg_ended",
    facts.CallQueued: "queue.joined",
    facts.CallerLeftQueue: "queue.left",
    facts.AgentOffered: "queue.offered",
    facts.OfferEnded: "queue.offer_ended",
    facts.AgentConnected: "queue.connected",
    facts.AgentDumped: "queue.dumped",
    facts.QueueTalkEnded: "queue.talk_ended",
    facts.QueueMemberAdded: "queue.member_added",
    facts.QueueMemberRemoved: "queue.member_removed",
    facts.QueueMemberPenalty: "queue.member_penalty",
    facts.AgentStatusChanged: "agent.status",
    facts.AgentStateChanged: "agent.state",
    facts.SupervisionStarted: "supervision.started",
    facts.SupervisionEnded: "supervision.ended",
    facts.ConferenceJoined: "conference.joined",
    facts.ConferenceLeft: "conference.left",
    facts.AudioImpaired: "audio.impaired",
    facts.AudioRestored: "audio.restored",
    facts.RegistrationChanged: "sip.registration",
    facts.TrunkChanged: "sip.trunk",
    facts.RecordingStarted: "recording.started",
    facts.RecordingEnded: "recording.ended",
    facts.MessagesChanged: "message.changed",
    facts.MediaWorkerStarted: "media.worker_started",
    facts.MediaWorkerDied: "media.worker_died",
    facts.AlarmRaised: "alarm.raised",
    facts.AlarmCleared: "alarm.cleared",
    facts.SourceBanned: "security.banned",
    facts.SourceUnbanned: "security.unbanned",
    facts.ConfigReloaded: "config.reloaded",
}
MANAGER_NAMES: dict[type[Fact], str] = {
    facts.CallQueued: "QueueCallerJoin",
    facts.AgentOffered: "AgentCalled",
    facts.AgentConnected: "AgentConnect",
    facts.AgentDumped: "AgentDump",
    facts.QueueTalkEnded: "AgentComplete",
    facts.QueueMemberAdded: "QueueMemberAdded",
    facts.QueueMemberRemoved: "QueueMemberRemoved",
    facts.QueueMemberPenalty: "QueueMemberPenalty",
    facts.AgentStateChanged: "QueueMemberStatus",
    facts.CallHeld: "Hold",
    facts.CallResumed: "Unhold",
}
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def topic_of(kind: type[Fact]) -> str:
    known = TOPICS.get(kind)
    if known is None:
        first, _, rest = _WORD.sub("_", kind.__name__).lower().partition("_")
        known = TOPICS[kind] = f"{first}.{rest or 'changed'}"
    return known


def manager_name(fact: Fact) -> str:
    """Empty: Asterisk has no such event."""
    if isinstance(fact, facts.CallerLeftQueue):
        return "QueueCallerAbandon" if fact.reason == "abandoned" else "QueueCallerLeave"
    if isinstance(fact, facts.OfferEnded):
        return "" if fact.result in ("answered", "lost race", "cancelled") else "AgentRingNoAnswer"
    if isinstance(fact, facts.AgentStatusChanged):
        return "QueueMemberPause" if fact.status == "paused" else ""
    return MANAGER_NAMES.get(type(fact), "")


class Topics:
    """Which kinds of facts somebody wants, by patterns as `queue.*`; none is all."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns or ("*",)
        self._known: dict[type[Fact], bool] = {}

    def want(self, kind: type[Fact]) -> bool:
        known = self._known.get(kind)
        if known is None:
            topic = topic_of(kind)
            known = any(fnmatchcase(topic, pattern) for pattern in self._patterns)
            self._known[kind] = known
        return known
