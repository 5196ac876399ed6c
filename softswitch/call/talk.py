"""Two parties talk: the stage and what happens in it, until somebody hangs up or the caller is put through elsewhere.

State is in `conversation.py`, keys in `talk_keys.py`, where a transfer leads in `transfer.py`.
"""

from dataclasses import dataclass

from softswitch.call.call import Call, loop_time
from softswitch.call.consult import CAN_BE_CONSULTED, at_next_trunk, begin_consult
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
    PartyProgress,
    PromptsEnded,
    RecordingOver,
    RecordOrdered,
)
from softswitch.call.forwarding import put_through_by
from softswitch.call.hand_off import HandOff, begin_hand_off
from softswitch.call.leg import Leg
from softswitch.call.orders import (
    CompleteOrdered,
    ConsultOrdered,
    JoinOrdered,
    Order,
    ParkOrdered,
    ReferOrdered,
    ReplaceOrdered,
    ReturnOrdered,
    TakeOverOrdered,
    ThreeWayOrdered,
    TransferOrdered,
)
from softswitch.call.parking import free, reserve
from softswitch.call.put_through import NOT_WANTED, PutThrough
from softswitch.call.room import Room
from softswitch.call.snapshot import TalkSnapshot
from softswitch.call.stages import End, Stage, Talk
from softswitch.call.survey import survey_after
from softswitch.call.talk_keys import TalkKeys
from softswitch.call.termination import (
    CALLEE_HUNG_UP,
    MEDIA_LOST,
    SESSION_EXPIRED,
    By,
    Cause,
    Termination,
    because,
    by_switch,
)
from softswitch.config.target import Target
from softswitch.ivr.say import digit_prompts
from softswitch.sip.events import AckMissing, HungUp, ReferProgress, SessionExpired

LONGEST_ANNOUNCEMENT_S = 20.0


async def talk(room: Room, call: Call, stage: Talk) -> Stage:
    conversation = Conversation(room, call, stage)
    keys = TalkKeys(room, call, conversation)
    talking = Talking(room, call, conversation, keys, PutThrough(room, call, conversation))
    resumes, call.resumes = call.resumes, None
    try:
        ended = await talking.announce() if resumes is None else None
        if ended is None:
            room.talks[call.id] = conversation
            begin(conversation, resumes)
            return _over(call, await talking.asked_after(await talking.until_over()))
        if ended.cause is Cause.NORMAL and stage.again is not None:
            await talking.let_agent_go()
            if stage.queue in call.services.config.queue:
                room.dispatcher.dumped(call)
                return stage.again
        return _over(call, End(termination=ended))
    finally:
        room.talks.pop(call.id, None)
        conversation.end()


def _over(call: Call, following: Stage) -> Stage:
    """Whoever takes the talk down is to know that the call ends with it."""
    if isinstance(following, End):
        call.stop(following.termination)
    return following


def begin(conversation: Conversation, resumes: TalkSnapshot | None) -> None:
    """`resumes`: the talk began before a restart."""
    if resumes is None:
        conversation.begin()
        return
    clock = conversation.call.services.clock
    shift = clock.monotonic() - clock.wall()
    away = resumes.away_since
    conversation.resume(
        resumes.began + shift, resumes.away_s, away + shift if away is not None else None, set(resumes.held)
    )


@dataclass(frozen=True, slots=True)
class Parking:
    """One of the two is told where the other is being parked."""

    place: int
    play: int
    told_by: float
    """The loop's time by which he has heard it."""


@dataclass(slots=True)
class Talking:
    """What happens in one talk, and what comes of it."""

    room: Room
    call: Call
    conversation: Conversation
    keys: TalkKeys
    through: PutThrough
    parking: "Parking | None" = None
    handing: HandOff | None = None

    async def announce(self) -> Termination | None:
        """Tell the agent what comes, while the caller still hears music."""
        other, config = self.conversation.other, self.call.config
        queue = config.queue.get(self.conversation.stage.queue or "")
        if queue is None or not queue.agent_announce:
            return None
        playing = other.play((queue.agent_announce,), config.general.language)
        self.call.services.changed_now(self.call.id)  # as when a talk begins: his dialog stands already
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

    async def asked_after(self, following: Stage) -> Stage:
        """The caller of a queue whose agent has hung up is asked for his opinion, where that is wanted."""
        if not isinstance(following, End) or following.termination.by is not By.CALLEE:
            return following
        conversation = self.conversation
        survey = survey_after(self.call, conversation.stage.queue, conversation.stage.agent)
        if survey is None or not self.call.byes:
            return following
        conversation.end()
        await self.let_agent_go()
        return survey

    async def until_over(self) -> Stage:
        while True:
            try:
                event = await self.call.next(self._deadline())
            except TimeoutError:
                if self.parking is not None:
                    return await self.through.parked(self.conversation.other, self.parking.place)
                await self._timed_out()
                continue
            following = await self._happened(event)
            if following is not None:
                return following

    def _deadline(self) -> float | None:
        consult = self.conversation.consult
        rings_until = consult.deadline if consult is not None and not consult.answered else None
        told_by = self.parking.told_by if self.parking is not None else None
        due = (each for each in (self.keys.number_by, rings_until, told_by) if each is not None)
        return min(due, default=None)

    async def _timed_out(self) -> None:
        """A number that was never finished, or nobody answered."""
        self.keys.give_up()
        await self._back(480)

    # --- what happens -----------------------------------------------------------------------------------------------

    async def _happened(self, event: CallEvent) -> Stage | None:
        """The next stage, when this one is over."""
        conversation, consult = self.conversation, self.conversation.consult
        match event:
            case LegEvent() if self.handing is not None and self.handing.concerns(event):
                return await self._handing_over(self.handing, event)
            case LegEvent(leg=leg, event=HungUp() as bye) if leg == conversation.other.id and consult:
                bye.accept()
                return await self.through.complete()
            case LegEvent(leg=leg, event=HungUp() as bye) if leg == conversation.other.id and self.parking:
                bye.accept()
                return await self.through.parked(conversation.other, self.parking.place)
            case PromptsEnded(leg=leg, play=play) if self.parking is not None and play == self.parking.play:
                if leg == conversation.other.id:
                    return await self.through.parked(conversation.other, self.parking.place)
            case LegEvent(leg=leg, event=HungUp() as bye) if consult and leg == consult.leg.id:
                bye.accept()
                await self._back()
            case PartyAnswered(leg=leg) if consult and leg == consult.leg.id:
                conversation.third_answered()
                return await self.through.complete() if consult.referred else None
            case PartyProgress(leg=leg, status=status) if consult and leg == consult.leg.id:
                if self.call.referral is not None:
                    self.call.referral.progress(status)
            case PartyFailed(leg=leg, status=status) if consult and leg == consult.leg.id:
                if not at_next_trunk(self.room, self.call, consult, event):
                    await self._back(status)
            case MediaLost(leg=leg) if consult and leg == consult.leg.id:
                await self._back()
            case LegEvent(leg=leg, event=SessionExpired()) if consult and leg == consult.leg.id:
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
                return because(CALLEE_HUNG_UP, bye.reason)
            case LegEvent(leg=leg, event=AckMissing()) if leg == other:
                return by_switch(Cause.NO_ACK, 408)
            case LegEvent(leg=leg, event=SessionExpired()) if leg == other:
                return SESSION_EXPIRED
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
        if conversation.promised and not isinstance(order, ReferOrdered | JoinOrdered | ParkOrdered):
            return None
        match order:
            case TransferOrdered() if (leg := conversation.leg_of(order.by)) is not None:
                if self._hands_over(leg, order.target, order.dialled):
                    return None
                return await self.through.blind(leg, order.target, order.dialled)
            case ReferOrdered() if (leg := conversation.leg_of(order.by)) is not None:
                return await self._refer(leg, order)
            case JoinOrdered() if (leg := conversation.leg_of(order.by)) is not None:
                return await self.through.joined(leg, order)
            case ReplaceOrdered() if (leg := conversation.leg_of(order.leg)) is not None:
                return await self.through.replaced(leg, order)
            case ParkOrdered() if (leg := conversation.leg_of(order.by)) is not None:
                return await self._park(leg, order.place)
            case ConsultOrdered() if (leg := conversation.leg_of(order.by)) is not None:
                await self._consult(leg, order.target, order.dialled)
            case CompleteOrdered() if conversation.consult is not None:
                return await self.through.complete()
            case ReturnOrdered() if conversation.consult is not None:
                await self._back()
            case ThreeWayOrdered() if conversation.third is not None:
                conversation.join_all()
            case TakeOverOrdered():
                return await self.through.taken_over(order.supervision)
            case _:
                pass
        return None

    async def _park(self, by: Leg, place: int) -> Stage | None:
        if place:
            return await self.through.parked(by, place)
        place = reserve(self.room, self.call)
        if not place or self.conversation.consult is not None:
            free(self.room, self.call)
            return None
        self.conversation.promised = True
        self.conversation.step_aside(by)
        play = by.play(digit_prompts(str(place)), self.call.config.general.language)
        self.parking = Parking(place, play, loop_time() + LONGEST_ANNOUNCEMENT_S)
        return None

    async def _refer(self, by: Leg, order: ReferOrdered) -> Stage | None:
        """Whom somebody is put through to by REFER: a party is rung first, everything else is ready for him."""
        self.conversation.promised = False
        if self._hands_over(by, order.target, order.dialled):
            return None
        if order.target.kind not in CAN_BE_CONSULTED:
            return await self.through.blind(by, order.target, order.dialled)
        await self._consult(by, order.target, order.dialled, referred=True)
        return None

    def _hands_over(self, by: Leg, target: Target, dialled: str) -> bool:
        """False: the transfer is made here."""
        call, conversation = self.call, self.conversation
        if conversation.consult is not None:
            return False
        begun = begin_hand_off(call, conversation, by, target, dialled)
        if isinstance(begun, HandOff):
            self.keys.give_up()
            conversation.promised, self.handing = True, begun
            conversation.step_aside(by)
        elif begun is not None:
            call.refer_over(begun.sip_status)
            conversation.come_back()
        return begun is not None

    async def _handing_over(self, handing: HandOff, event: LegEvent) -> Stage | None:
        """The trunk says how far it is, or who put the caller through hangs up."""
        what = event.event
        if isinstance(what, HungUp):
            what.accept()
            await self.through.left_to_trunk(handing)
        elif isinstance(what, ReferProgress) and not what.over:
            if self.call.referral is not None:
                self.call.referral.progress(what.status)
        elif isinstance(what, ReferProgress):
            self.handing = None
            if what.status < 300 or handing.alone:
                return await self.through.handed_over(handing, done=what.status < 300)
            self.call.log.info("not handed over", status=what.status)
            self.conversation.promised = False
            await self._back(what.status)
        return None

    async def _consult(self, by: Leg, target: Target, dialled: str, *, referred: bool = False) -> None:
        conversation = self.conversation
        if conversation.consult is not None:
            return
        self.keys.give_up()
        conversation.step_aside(by)
        before = self.call.forwarded
        if referred:
            put_through_by(self.call, by)
        begun = begin_consult(self.room, self.call, target, dialled, by=by.party, referred=referred)
        if isinstance(begun, Termination):
            self.call.log.info("cannot be consulted", target=str(target), cause=begun.cause.value)
            self.call.refer_over(begun.sip_status)
            self.call.forwarded = before
            conversation.come_back()
            return
        conversation.consult = begun
        if not referred:
            self.room.recordings.mark(self.call, "consult", str(target))
        conversation.arrange()

    async def _back(self, status: int = 480) -> None:
        """The two talk again; `status` says why, to whoever put the far side through by REFER."""
        consult = self.conversation.consult
        if consult is not None and consult.referred:
            self.call.forwarded = self.call.forwarded[:-1]
        self.call.refer_over(status)
        self.conversation.come_back()
        if consult is not None:
            await self.conversation.drop(consult, NOT_WANTED)

    def _record(self, on: bool) -> None:
        recordings, stage = self.room.recordings, self.conversation.stage
        if not on:
            recordings.pause(self.call, True)
            return
        legs = (self.call.caller, self.conversation.other)
        started = recordings.start(self.call, legs, queue=stage.queue, agent=stage.agent)
        self.call.figures.recording = started or self.call.figures.recording
