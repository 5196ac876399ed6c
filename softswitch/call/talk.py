"""Two parties talk: the stage and what happens in it, until somebody hangs up or the caller is put through elsewhere.

State is in `conversation.py`, keys in `talk_keys.py`, where a transfer leads in `transfer.py`.
"""

from dataclasses import dataclass

from softswitch.call.call import Call, loop_time
from softswitch.call.consult import begin_consult
from softswitch.call.conversation import Conversation
from softswitch.call.ending import let_go
from softswitch.call.events import (
    CallEvent,
    DigitHeard,
    HoldChanged,
    LegEvent,
    LegSilent,
    MediaLost,
    PartyAnswered,
    PartyFailed,
    PromptsEnded,
    RecordingOver,
    RecordOrdered,
)
from softswitch.call.leg import Leg
from softswitch.call.orders import (
    CompleteOrdered,
    ConsultOrdered,
    Order,
    ReturnOrdered,
    TakeOverOrdered,
    ThreeWayOrdered,
    TransferOrdered,
)
from softswitch.call.room import Room
from softswitch.call.stages import End, Stage, Talk
from softswitch.call.talk_keys import TalkKeys
from softswitch.call.termination import CALLEE_HUNG_UP, MEDIA_LOST, Cause, Termination, by_switch
from softswitch.call.transfer import stage_after, tell_transferred
from softswitch.call.visits import Transfer
from softswitch.config.target import Target
from softswitch.sip.events import AckMissing, HungUp

LONGEST_ANNOUNCEMENT_S = 20.0
NOT_WANTED = 'Q.850;cause=16;text="not wanted any more"'


async def talk(room: Room, call: Call, stage: Talk) -> Stage:
    conversation = Conversation(room, call, stage)
    talking = Talking(room, call, conversation, TalkKeys(room, call, conversation))
    try:
        ended = await talking.announce()
        if ended is None:
            room.talks[call.id] = conversation
            conversation.begin()
            return await talking.until_over()
        if ended is CALLEE_HUNG_UP and stage.again is not None:
            await talking.let_agent_go()
            if stage.queue in call.services.config.queue:
                room.dispatcher.dumped(call)
                return stage.again
        return End(termination=ended)
    finally:
        room.talks.pop(call.id, None)
        conversation.end()


@dataclass(slots=True)
class Talking:
    """What happens in one talk, and what comes of it."""

    room: Room
    call: Call
    conversation: Conversation
    keys: TalkKeys

    async def announce(self) -> Termination | None:
        """Tell the agent what comes, while the caller still hears music."""
        other, config = self.conversation.other, self.call.config
        queue = config.queue.get(self.conversation.stage.queue or "")
        if queue is None or not queue.agent_announce:
            return None
        playing = other.play((queue.agent_announce,), config.general.language)
        deadline = loop_time() + LONGEST_ANNOUNCEMENT_S
        while True:
            try:
                event = await self.call.next(deadline)
            except TimeoutError:
                return None
            if isinstance(event, PromptsEnded) and event.leg == other.id and event.play == playing:
                return None
            ended = self._ended(event)
            if ended is not None:
                return ended

    async def let_agent_go(self) -> None:
        """He has hung up before they could talk; the call goes on without him."""
        self.call.byes.pop()()
        await let_go(self.call, self.conversation.other)

    async def until_over(self) -> Stage:
        while True:
            try:
                event = await self.call.next(self._deadline())
            except TimeoutError:
                await self._timed_out()
                continue
            following = await self._happened(event)
            if following is not None:
                return following

    def _deadline(self) -> float | None:
        consult = self.conversation.consult
        rings_until = consult.deadline if consult is not None and not consult.answered else None
        return min((each for each in (self.keys.number_by, rings_until) if each is not None), default=None)

    async def _timed_out(self) -> None:
        """A number that was never finished, or nobody answered."""
        self.keys.give_up()
        await self._back()

    # --- what happens -----------------------------------------------------------------------------------------------

    async def _happened(self, event: CallEvent) -> Stage | None:
        """The next stage, when this one is over."""
        conversation, consult = self.conversation, self.conversation.consult
        match event:
            case LegEvent(leg=leg, event=HungUp() as bye) if leg == conversation.other.id and consult:
                bye.accept()
                return await self._complete()
            case LegEvent(leg=leg, event=HungUp() as bye) if consult and leg == consult.leg.id:
                bye.accept()
                await self._back()
            case PartyAnswered(leg=leg) if consult and leg == consult.leg.id:
                conversation.third_answered()
            case PartyFailed(leg=leg) | MediaLost(leg=leg) if consult and leg == consult.leg.id:
                await self._back()
            case LegSilent(leg=leg) if consult and leg == consult.leg.id:
                if self._too_silent(event):
                    await self._back()
            case HoldChanged():
                conversation.hold(event.leg, event.held)
            case DigitHeard():
                order = self.keys.heard(event)
                return await self._happened(order) if order is not None else None
            case RecordOrdered():
                self._record(event.on)
            case RecordingOver():
                self.call.log.warning("recording ended", problem=event.report.problem)
            case LegEvent() | LegSilent() | MediaLost():
                ended = self._ended(event)
                return End(termination=ended) if ended is not None else None
            case _ if isinstance(event, Order):
                return await self._ordered(event)
            case _:
                pass
        return None

    def _ended(self, event: CallEvent) -> Termination | None:
        other = self.conversation.other.id
        match event:
            case LegEvent(leg=leg, event=HungUp() as bye) if leg == other:
                self.call.byes.append(bye.accept)
                return CALLEE_HUNG_UP
            case LegEvent(leg=leg, event=AckMissing()) if leg == other:
                return by_switch(Cause.NO_ACK, 408)
            case LegSilent(leg=leg) if self.conversation.leg_of(leg) is not None and self._too_silent(event):
                return by_switch(Cause.PEER_SILENT, 408)
            case MediaLost(leg=leg) if self.conversation.leg_of(leg) is not None:
                return MEDIA_LOST
            case _:
                return None

    def _too_silent(self, event: LegSilent) -> bool:
        limit = self.call.config.rtp.timeout_s
        return bool(limit) and event.silent_s >= limit and not self.conversation.held

    # --- orders -----------------------------------------------------------------------------------------------------

    async def _ordered(self, order: Order) -> Stage | None:
        """Late orders, for what is over already, are left."""
        conversation = self.conversation
        match order:
            case TransferOrdered() if (leg := conversation.leg_of(order.by)) is not None:
                return await self._blind(leg, order.target, order.dialled)
            case ConsultOrdered() if (leg := conversation.leg_of(order.by)) is not None:
                await self._consult(leg, order.target, order.dialled)
            case CompleteOrdered() if conversation.consult is not None:
                return await self._complete()
            case ReturnOrdered() if conversation.consult is not None:
                await self._back()
            case ThreeWayOrdered() if conversation.third is not None:
                conversation.join_all()
            case TakeOverOrdered():
                return await self._taken_over(order.supervision)
            case _:
                pass
        return None

    async def _blind(self, by: Leg, target: Target, dialled: str) -> Stage:
        conversation = self.conversation
        conversation.turn_to(by)
        await self._drop_third()
        to = dialled or target.argument or str(target)
        conversation.transfer = Transfer(to)
        self.room.recordings.mark(self.call, "transfer", f"blind to {to}")
        tell_transferred(self.call, "blind", by.party, str(target))
        await conversation.dismiss(by)
        return stage_after(self.call, conversation.stage, target, dialled)

    async def _consult(self, by: Leg, target: Target, dialled: str) -> None:
        conversation = self.conversation
        if conversation.consult is not None:
            return
        self.keys.give_up()
        conversation.step_aside(by)
        begun = begin_consult(self.room, self.call, target, dialled)
        if isinstance(begun, Termination):
            self.call.log.info("cannot be consulted", target=str(target), cause=begun.cause.value)
            conversation.come_back()
            return
        conversation.consult = begun
        self.room.recordings.mark(self.call, "consult", str(target))
        conversation.arrange()

    async def _complete(self) -> Stage:
        """Who consulted leaves: the caller and the third party talk on; one who only rings yet is rung for the caller."""
        conversation, consult = self.conversation, self.conversation.consult
        assert consult is not None
        by = conversation.other
        if not consult.answered:
            return await self._blind(by, consult.target, consult.dialled)
        third = consult.leg
        conversation.transfer = Transfer(consult.dialled or str(consult.target), third.id)
        self.room.recordings.mark(self.call, "transfer", f"attended to {third.party}")
        tell_transferred(self.call, "attended", by.party, third.party)
        await conversation.dismiss(by)
        stage = conversation.stage
        self.call.figures.destination = third.party
        return Talk(other=third.id, agent=consult.agent, record=stage.record)

    async def _back(self) -> None:
        consult = self.conversation.consult
        self.conversation.come_back()
        if consult is not None:
            await self.conversation.drop(consult, NOT_WANTED)

    async def _drop_third(self) -> None:
        consult, self.conversation.consult = self.conversation.consult, None
        if consult is not None:
            await self.conversation.drop(consult, NOT_WANTED)

    async def _taken_over(self, supervision: str) -> Stage | None:
        conversation = self.conversation
        session = self.room.supervisions.find(supervision)
        if session is None or session.conversation is not conversation or session.gone:
            return None
        replaced = conversation.serving
        leg, agent = session.hand_over()
        self.call.adopt(leg)
        conversation.turn_to(replaced)
        await self._drop_third()
        conversation.transfer = Transfer(leg.party, leg.id)
        self.room.recordings.mark(self.call, "take over", leg.party)
        tell_transferred(self.call, "take over", replaced.party, leg.party)
        await conversation.dismiss(replaced)
        self.call.figures.destination = leg.party
        return Talk(other=leg.id, agent=agent, record=conversation.stage.record)

    def _record(self, on: bool) -> None:
        recordings, stage = self.room.recordings, self.conversation.stage
        if not on:
            recordings.pause(self.call, True)
            return
        legs = (self.call.caller, self.conversation.other)
        started = recordings.start(self.call, legs, queue=stage.queue, agent=stage.agent)
        self.call.figures.recording = started or self.call.figures.recording
