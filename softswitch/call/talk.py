"""Two parties talk: bridge, recording, hold from either side, and whoever hangs up first."""

from dataclasses import dataclass, field

from softswitch.call.call import Call, loop_time
from softswitch.call.ending import let_go
from softswitch.call.events import (
    CallEvent,
    DigitHeard,
    HoldChanged,
    LegEvent,
    LegSilent,
    PromptsEnded,
    RecordingOver,
    RecordOrdered,
)
from softswitch.call.leg import Leg
from softswitch.call.room import Room
from softswitch.call.stages import End, Stage, Talk
from softswitch.call.termination import CALLEE_HUNG_UP, Cause, Termination, by_switch
from softswitch.call.visits import Talked
from softswitch.facts import CallBridged, CallHeld, CallResumed
from softswitch.rtp.commands import SendDigits
from softswitch.sip.events import AckMissing, HungUp

LONGEST_ANNOUNCEMENT_S = 20.0
LONGEST_CODE = 16


async def talk(room: Room, call: Call, stage: Talk) -> Stage:
    conversation = Conversation(room, call, stage)
    try:
        ended = await conversation.announce()
        if ended is None:
            conversation.begin()
            ended = await conversation.until_over()
        elif ended is CALLEE_HUNG_UP and stage.again is not None:
            await conversation.let_agent_go()
            if stage.queue in call.services.config.queue:
                room.dispatcher.dumped(call)
                return stage.again
        return End(termination=ended)
    finally:
        conversation.end()


@dataclass(slots=True)
class Conversation:
    """The two legs, who holds whom, and the time both."""

    room: Room
    call: Call
    stage: Talk
    held: set[str] = field(default_factory=set)
    began: float | None = None
    held_since: float | None = None
    hold_s: float = 0.0
    keys: str = ""

    @property
    def other(self) -> Leg:
        return self.call.legs[self.stage.other]

    async def announce(self) -> Termination | None:
        """Tell the agent what comes, while the caller still hears music."""
        queue = self.call.config.queue.get(self.stage.queue or "")
        if queue is None or not queue.agent_announce:
            return None
        playing = self.other.play((queue.agent_announce,), self.call.config.general.language)
        deadline = loop_time() + LONGEST_ANNOUNCEMENT_S
        while True:
            try:
                event = await self.call.next(deadline)
            except TimeoutError:
                return None
            if isinstance(event, PromptsEnded) and event.leg == self.other.id and event.play == playing:
                return None
            ended = self._ended(event)
            if ended is not None:
                return ended

    async def let_agent_go(self) -> None:
        """He has hung up before they could talk; the call goes on without him."""
        self.call.byes.pop()()
        await let_go(self.call, self.other)

    def begin(self) -> None:
        call, services = self.call, self.call.services
        call.answer()
        call.caller.stop_play()
        call.caller.music(None)
        call.caller.bridge(self.other)
        now = services.clock.wall()
        self.began = services.clock.monotonic()
        call.figures.bridged = call.figures.bridged or now
        if self.stage.agent is not None:
            call.figures.agent = self.stage.agent
            call.figures.destination = f"agent:{self.stage.agent}"
        recorded = self.room.recordings.talk_begins(
            call, self.other, when=self.stage.record, queue=self.stage.queue, agent=self.stage.agent
        )
        call.figures.recording = recorded or call.figures.recording
        for leg in (call.caller, self.other):
            if leg.held:
                self._hold(leg.id, True)
        call.log.info("talking", to=self.other.party, agent=self.stage.agent)
        services.bus.publish(
            CallBridged(
                call=call.id,
                other=f"agent:{self.stage.agent}" if self.stage.agent else self.other.party,
                queue=self.stage.queue,
                waited_s=call.figures.wait_s,
                wall=now,
                monotonic=self.began,
            )
        )

    async def until_over(self) -> Termination:
        while True:
            event = await self.call.next()
            ended = self._ended(event)
            if ended is not None:
                return ended
            match event:
                case HoldChanged():
                    self._hold(event.leg, event.held)
                case DigitHeard():
                    self._digit(event)
                case RecordOrdered():
                    self._record(event.on)
                case RecordingOver():
                    self.call.log.warning("recording ended", problem=event.report.problem)
                case _:
                    pass

    def _ended(self, event: CallEvent) -> Termination | None:
        match event:
            case LegEvent(leg=leg, event=HungUp() as bye) if leg == self.other.id:
                self.call.byes.append(bye.accept)
                return CALLEE_HUNG_UP
            case LegEvent(leg=leg, event=AckMissing()) if leg == self.other.id:
                return by_switch(Cause.NO_ACK, 408)
            case LegSilent() if self._too_silent(event):
                return by_switch(Cause.PEER_SILENT, 408)
            case _:
                return None

    def _too_silent(self, event: LegSilent) -> bool:
        limit = self.call.config.rtp.timeout_s
        return bool(limit) and event.silent_s >= limit and not self.held

    def _hold(self, leg: str, held: bool) -> None:
        """The party that holds hears nothing of us; the other hears music."""
        call, clock = self.call, self.call.services.clock
        was = bool(self.held)
        (self.held.add if held else self.held.discard)(leg)
        kind = CallHeld if held else CallResumed
        by = "caller" if leg == call.caller.id else "callee"
        call.services.bus.publish(kind(call=call.id, by=by, wall=clock.wall(), monotonic=clock.monotonic()))
        self.room.recordings.mark(call, "hold" if held else "resume", f"by {by}")
        if self.held and not was:
            self.held_since = clock.monotonic()
            call.caller.unbridge()
        for here in (call.caller, self.other):
            there = self.other if here is call.caller else call.caller
            here.music(
                self._music() if self.held and here.id not in self.held and there.id in self.held else None
            )
        if was and not self.held:
            self._count_hold()
            call.caller.bridge(self.other)
        if was != bool(self.held):
            self.room.dispatcher.held(call.id, not was)

    def _music(self) -> str:
        queue = self.call.config.queue.get(self.stage.queue or "")
        return queue.music if queue is not None else "music"

    def _count_hold(self) -> None:
        if self.held_since is not None:
            self.hold_s += self.call.services.clock.monotonic() - self.held_since
            self.held_since = None

    def _digit(self, event: DigitHeard) -> None:
        """Feature keys of the party that serves; everything the far side cannot get from the audio is sent on."""
        here, there = self.call.caller, self.other
        if event.leg == there.id:
            here, there = there, here
        if here.party.startswith("endpoint:"):
            self._feature_key(event.digit)
        relayed = event.method == "inband" or (
            event.method == "rfc4733"
            and there.negotiated is not None
            and there.negotiated.event_payload_type is not None
        )
        if not relayed:
            self.call.services.media.send(SendDigits(leg=there.id, digits=event.digit))

    def _feature_key(self, digit: str) -> None:
        features, recordings = self.call.config.features, self.room.recordings
        self.keys = (self.keys + digit)[-LONGEST_CODE:]
        if features.record and self.stage.record == "on-demand" and self.keys.endswith(features.record):
            self._record(not recordings.is_recording(self.call.id))
        elif features.mask and self.keys.endswith(features.mask):
            recordings.mask(self.call, not self.call.masked)
        else:
            return
        self.keys = ""

    def _record(self, on: bool) -> None:
        if not on:
            self.room.recordings.pause(self.call, True)
            return
        started = self.room.recordings.start(
            self.call, (self.call.caller, self.other), queue=self.stage.queue, agent=self.stage.agent
        )
        self.call.figures.recording = started or self.call.figures.recording

    def end(self) -> None:
        """Whatever ended it: count, stop recording, and give the agent back."""
        self._count_hold()
        talked = None
        if self.began is not None:
            connected_s = self.call.services.clock.monotonic() - self.began
            talked = Talked(talk_s=connected_s - self.hold_s, hold_s=self.hold_s)
            self.call.figures.talk_s += talked.talk_s
            self.call.figures.hold_s += talked.hold_s
        self.room.recordings.talk_ends(self.call, self.stage.other)
        self.room.dispatcher.talk_over(self.call, talked)
