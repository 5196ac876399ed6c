"""The acts that rights are given for, by name, and what each means; `docs/rights.md` is made from this file."""

from collections.abc import Mapping
from enum import StrEnum


class Act(StrEnum):
    """What one can do with the switch; the part before the dot is the thing, `agent.*` in a role is all acts with it."""

    SWITCH_READ = "switch.read"
    SWITCH_RUN = "switch.run"
    SECURITY_MANAGE = "security.manage"
    SIP_TRACE = "sip.trace"
    AUDIT_READ = "audit.read"
    QUEUE_READ = "queue.read"
    AGENT_READ = "agent.read"
    AGENT_LOGIN = "agent.login"
    AGENT_LOGOUT = "agent.logout"
    AGENT_PAUSE = "agent.pause"
    AGENT_RESUME = "agent.resume"
    AGENT_WRAPUP = "agent.wrapup"
    AGENT_SEAT = "agent.seat"
    CALL_READ = "call.read"
    CALL_HANGUP = "call.hangup"
    CALL_TRANSFER = "call.transfer"
    CALL_MOVE = "call.move"
    CALL_PRIORITY = "call.priority"
    CALL_PULL = "call.pull"
    CALLBACK_CANCEL = "callback.cancel"
    SPY_LISTEN = "spy.listen"
    SPY_WHISPER = "spy.whisper"
    SPY_BARGE = "spy.barge"
    SPY_TAKE_OVER = "spy.take-over"
    SPY_READ = "spy.read"
    RECORDING_READ = "recording.read"
    RECORDING_LISTEN = "recording.listen"
    RECORDING_CONTROL = "recording.control"
    MESSAGE_READ = "message.read"
    MESSAGE_MANAGE = "message.manage"
    TEXT_SEND = "text.send"
    CONFERENCE_READ = "conference.read"
    CONFERENCE_MANAGE = "conference.manage"
    REPORT_READ = "report.read"
    REPORT_RECOMPUTE = "report.recompute"
    FEED_READ = "feed.read"

    @property
    def reads(self) -> bool:
        """It changes nothing."""
        return self.value.endswith(".read")


MEANING: Mapping[Act, str] = {
    Act.SWITCH_READ: "state of the switch, trunks, phones, metrics",
    Act.SWITCH_RUN: "reload, stop, self-test",
    Act.SECURITY_MANAGE: "ban and unban sources",
    Act.SIP_TRACE: "SIP messages of calls",
    Act.AUDIT_READ: "the audit trail",
    Act.QUEUE_READ: "queues and who waits in them, callbacks",
    Act.AGENT_READ: "agents and what they do, why one is idle",
    Act.AGENT_LOGIN: "log an agent in",
    Act.AGENT_LOGOUT: "log an agent out",
    Act.AGENT_PAUSE: "pause an agent",
    Act.AGENT_RESUME: "let an agent take calls again",
    Act.AGENT_WRAPUP: "end or extend a wrap-up",
    Act.AGENT_SEAT: "move an agent to another phone",
    Act.CALL_READ: "calls under way and past, why they went as they did",
    Act.CALL_HANGUP: "end a call",
    Act.CALL_TRANSFER: "transfer, consult, park, pick up",
    Act.CALL_MOVE: "move a waiting caller to another queue (needed for both queues)",
    Act.CALL_PRIORITY: "change the priority of a waiting caller",
    Act.CALL_PULL: "take a waiting caller to oneself",
    Act.CALLBACK_CANCEL: "cancel a callback",
    Act.SPY_LISTEN: "listen to an agent or a call",
    Act.SPY_WHISPER: "whisper to the agent",
    Act.SPY_BARGE: "talk to both",
    Act.SPY_TAKE_OVER: "take the call over",
    Act.SPY_READ: "who listens and who has listened",
    Act.RECORDING_READ: "find recordings",
    Act.RECORDING_LISTEN: "hear and export recordings; written to the audit trail",
    Act.RECORDING_CONTROL: "start, stop and mask recording",
    Act.MESSAGE_READ: "messages in boxes",
    Act.MESSAGE_MANAGE: "mark and delete messages",
    Act.TEXT_SEND: "send texts to phones",
    Act.CONFERENCE_READ: "conferences and their members",
    Act.CONFERENCE_MANAGE: "lock, mute, remove",
    Act.REPORT_READ: "reports",
    Act.REPORT_RECOMPUTE: "make all sums of reports anew",
    Act.FEED_READ: "events over HTTP and WebSocket, the manager interface, webhooks",
}
