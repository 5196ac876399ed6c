"""How a talk leads to another: blind, attended, by joining a second call, by somebody who takes a place, or a supervisor.

Each returns the stage that comes next for the caller, or None where the talk simply goes on. Who leaves is dismissed
here; what is written of the talk that ends, `conversation.py` knows.
"""

from dataclasses import dataclass, replace

from softswitch.call.beside import sit_beside
from softswitch.call.call import Call
from softswitch.call.consult import Consult, consulting
from softswitch.call.contact import name_of
from softswitch.call.conversation import Conversation
from softswitch.call.ending import let_go
from softswitch.call.entering import enter
from softswitch.call.events import PartyAnswered
from softswitch.call.forwarding import put_through_by
from softswitch.call.hand_off import HandOff
from softswitch.call.joining import Party, Rings, followed
from softswitch.call.leg import Leg
from softswitch.call.orders import JoinOrdered, ReplaceOrdered
from softswitch.call.room import Room
from softswitch.call.stages import End, Park, Stage, Talk
from softswitch.call.termination import HANDED_OVER
from softswitch.call.transfer import stage_after, tell_transferred, waiting_again
from softswitch.call.visits import Transfer
from softswitch.config.target import Target

NOT_WANTED = 'Q.850;cause=16;text="not wanted any more"'


@dataclass(slots=True)
class PutThrough:
    room: Room
    call: Call
    conversation: Conversation

    async def blind(self, by: Leg, target: Target, dialled: str) -> Stage:
        conversation = self.conversation
        conversation.turn_to(by)
        to = dialled or target.argument or str(target)
        conversation.transfer = Transfer(to)
        await self.drop_third()
        self._tell("blind", by, to=str(target), text=f"blind to {to}")
        put_through_by(self.call, by)
        self.call.refer_over(200)
        await conversation.dismiss(by)
        return stage_after(self.call, self._left(), target, dialled, by=by.party)

    async def complete(self) -> Stage:
        """Who consulted leaves: the caller and the third party talk on; one who only rings yet rings on for the caller."""
        conversation, consult = self.conversation, self.conversation.consult
        assert consult is not None
        by, third = conversation.other, consult.leg
        to = consult.dialled or str(consult.target)
        blind = consult.referred or not consult.answered
        conversation.transfer = Transfer(to, None if blind else third.id)
        if consult.referred:
            conversation.closed = consult.began
        if not consult.answered:
            return await self._rings_on(by, consult, to)
        if blind:
            self._tell("blind", by, to=str(consult.target), text=f"blind to {to}")
        else:
            self._tell("attended", by, to=third.party, text=f"attended to {third.party}")
        self.call.refer_over(200)
        await conversation.dismiss(by)
        self.call.figures.destination = third.party
        return Talk(other=third.id, agent=consult.agent, record=conversation.stage.record)

    async def _rings_on(self, by: Leg, consult: Consult, to: str) -> Stage:
        conversation = self.conversation
        conversation.consult = None
        self.call.rings, self.call.rings_at = consult.attempt, consult.trunks
        self._tell("blind", by, to=str(consult.target), text=f"blind to {to}")
        await conversation.dismiss(by)
        return stage_after(self.call, self._left(), consult.target, consult.dialled, by=by.party)

    async def joined(self, by: Leg, order: JoinOrdered) -> Stage | None:
        """Whom `by` had in another call is here."""
        conversation, taken = self.conversation, order.taken
        conversation.promised = False
        conversation.turn_to(by)
        if isinstance(taken, Rings):
            stage, self.call.rings = taken.stage, None
            conversation.step_aside(by)
            conversation.consult = consulting(
                self.call, stage.target, stage.dialled, taken.attempt, referred=True
            )
            conversation.arrange()
            await self._known(order)
            if taken.attempt.leg.answered is not None:
                self.call.post(PartyAnswered(taken.attempt.leg.id))  # the call that ended has not read it
            return None
        if isinstance(taken, Party):
            conversation.transfer = Transfer(taken.leg.party, taken.leg.id)
            self._tell("attended", by, to=taken.leg.party, text=f"attended to {taken.leg.party}")
            talk = self._with(taken)
            await self._leave(by, talk, order)
            await sit_beside(taken.leg, self.call.caller)
            return talk
        name = type(taken).__name__.lower()
        conversation.transfer = Transfer(getattr(taken, "queue", "") or name)
        self._tell("attended", by, to=name, text=f"to where {by.party} waited")
        self.call.learn()
        following = followed(self.call, taken)
        await self._leave(by, following, order)
        return following

    async def _leave(self, by: Leg, following: Stage, order: JoinOrdered) -> None:
        """Nobody is told that it is done before a crash would go on with what follows: else who put the caller through
        would be gone, and the caller with him again."""
        call = self.call
        self.room.talks.pop(call.id, None)
        self.conversation.end()
        call.ahead = following
        enter(call, following)
        await self._known(order)
        call.refer_over(200)
        await self.conversation.dismiss(by)

    async def _known(self, order: JoinOrdered) -> None:
        await self.call.services.stored(self.call.id)
        if order.ending.known_elsewhere is not None:
            order.ending.known_elsewhere.set()

    def _with(self, party: Party) -> Talk:
        record = self.conversation.stage.record
        self.call.figures.destination = f"agent:{party.agent}" if party.agent else party.leg.party
        return Talk(
            other=party.leg.id, agent=party.agent, record=party.record if record == "never" else record
        )

    async def replaced(self, leg: Leg, order: ReplaceOrdered) -> Stage | None:
        """Somebody takes the place of one of the two: of the caller while the talk goes on, of whoever serves by another
        talk."""
        conversation, by = self.conversation, order.by
        if by.over is not None or conversation.consult is not None or conversation.transfer is not None:
            return None
        new = by.hand_over(self.call)
        self.call.adopt(new)
        if leg is self.call.caller:
            await sit_beside(new, conversation.other)
            await self._other_caller(new)
            return None
        conversation.transfer = Transfer(new.party, new.id)
        self._tell("replaced", leg, to=new.party, text=f"{new.party} in place of {leg.party}")
        await conversation.dismiss(leg)
        await sit_beside(new, self.call.caller)
        self.call.figures.destination = new.party
        agent = self.room.dispatcher.desk.logged_in_at(new.party.partition(":")[2])
        return Talk(other=new.id, agent=agent, record=conversation.stage.record)

    async def _other_caller(self, new: Leg) -> None:
        """The caller goes on at another phone; nothing of the talk ends."""
        call, conversation = self.call, self.conversation
        old = call.caller
        conversation.change_caller(new)
        self.room.recordings.leave(call, old)
        self.room.recordings.party(call, new, name_of(call, new))
        self._tell("replaced", old, to=new.party, text=f"{new.party} in place of {old.party}")
        old.hang_up(None, NOT_WANTED)
        await let_go(call, old)

    async def parked(self, by: Leg, place: int) -> Stage:
        """The far side waits at a place until somebody wants it."""
        conversation = self.conversation
        conversation.turn_to(by)
        conversation.transfer = Transfer(f"park {place}")
        self._tell("park", by, to=f"park {place}", text=f"parked at {place}")
        self.call.refer_over(200, f"Parked at {place}")
        await conversation.dismiss(by)
        self.call.learn()
        kind, _, phone = by.party.partition(":")
        return Park(
            place=place,
            by=phone if kind == "endpoint" else "",
            record=conversation.stage.record,
            again=waiting_again(self.call, self._left()),
        )

    async def left_to_trunk(self, handing: HandOff) -> None:
        """Who put the caller through is gone before his trunk has said how that went."""
        handing.alone = True
        self.conversation.transfer = Transfer(handing.to)
        await self.conversation.dismiss(handing.by)
        self.conversation.end()
        self.call.caller.music("tone:ringback")

    async def handed_over(self, handing: HandOff, *, done: bool) -> Stage:
        """The caller's trunk has him now; not `done`: it has not, and nobody is there to be given him back."""
        conversation, call, by = self.conversation, self.call, handing.by
        conversation.transfer = Transfer(handing.to)
        self._tell("blind", by, to=str(handing.target), text=f"blind to {handing.to}")
        if not handing.alone:
            call.refer_over(200)
            await conversation.dismiss(by)
        if not done:
            put_through_by(call, by)
            return stage_after(call, self._left(), handing.target, handing.dialled, by=by.party)
        call.refer_over(200)
        call.figures.destination = f"{handing.asked.party}/{handing.dialled}"
        return End(termination=HANDED_OVER)

    async def taken_over(self, supervision: str) -> Stage | None:
        conversation = self.conversation
        session = self.room.supervisions.find(supervision)
        if session is None or session.conversation is not conversation or session.gone:
            return None
        replaced = conversation.serving
        leg, agent = session.hand_over()
        self.call.adopt(leg)
        conversation.turn_to(replaced)
        conversation.transfer = Transfer(leg.party, leg.id)
        await self.drop_third()
        self._tell("take over", replaced, to=leg.party, text=leg.party)
        await conversation.dismiss(replaced)
        self.call.figures.destination = leg.party
        return Talk(other=leg.id, agent=agent, record=conversation.stage.record)

    def _left(self) -> Talk:
        """The talk as it counts for who is put through: a place in a queue to go back to has its caller only, no agent."""
        stage, conversation = self.conversation.stage, self.conversation
        return stage if self.call.caller is conversation.first_caller else replace(stage, again=None)

    async def drop_third(self) -> None:
        consult, self.conversation.consult = self.conversation.consult, None
        if consult is not None:
            await self.conversation.drop(consult, NOT_WANTED)

    def _tell(self, how: str, by: Leg, *, to: str, text: str) -> None:
        kind = "take over" if how == "take over" else "transfer"
        self.room.recordings.mark(self.call, kind, text)
        tell_transferred(self.call, how, by.party, to)
