"""Every supervisor who listens now: who may, whom each follows from talk to talk, and phones that we ring for it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import structlog

from softswitch.call.beside import sit_beside, sits_beside
from softswitch.call.call import Call
from softswitch.call.desk import Desk
from softswitch.call.ending import let_go
from softswitch.call.events import (
    CallEvent,
    DigitHeard,
    HoldChanged,
    LegEvent,
    MediaLost,
    PartyAnswered,
    PartyFailed,
    PartyProgress,
    Wake,
)
from softswitch.call.farewells import Farewells
from softswitch.call.gate import Gate
from softswitch.call.leg import Leg
from softswitch.call.lines import Line
from softswitch.call.mailbox import Mailbox
from softswitch.call.matrix import Role
from softswitch.call.party import codecs_beside, endpoint_destinations
from softswitch.call.permissions import About
from softswitch.call.recordings import Recordings
from softswitch.call.refusals import NoSuch, NotNow
from softswitch.call.rights import may_supervise
from softswitch.call.ringing import Invitation, Ringing
from softswitch.call.services import Services
from softswitch.call.supervision import Supervision, Wish
from softswitch.config.acts import Act
from softswitch.errors import MediaError
from softswitch.ids import CallId, LegId
from softswitch.sip.events import HungUp, SessionExpired
from softswitch.sip.extension_rules import rules_of

if TYPE_CHECKING:
    from softswitch.call.conversation import Conversation

_log = structlog.get_logger(__name__)

RING_S = 30.0
MAX_FORWARDS = 70
ADOPTED_WITHIN_S = 1.0
"""After that the row of a call that he has taken over knows his leg for certain."""
ENDED = 'Q.850;cause=16;text="nothing left to supervise"'


class Supervisions:
    """`talks` are the conversations under way; `desk` knows where agents sit; `gate` who has a role that may spy;
    `farewells` keeps the dialogs of phones that we ring, which no call has."""

    def __init__(
        self,
        services: Services,
        desk: Desk,
        recordings: Recordings,
        talks: "dict[CallId, Conversation]",
        gate: Gate,
        farewells: Farewells,
    ) -> None:
        self._services = services
        self._desk = desk
        self._recordings = recordings
        self._talks = talks
        self._gate = gate
        self._farewells = farewells
        self._sessions: dict[str, Supervision] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def live(self) -> tuple[Supervision, ...]:
        return tuple(self._sessions.values())

    def of_call(self, call: CallId) -> list[Supervision]:
        return [
            each
            for each in self._sessions.values()
            if each.conversation is not None and each.conversation.call.id == call
        ]

    def find(self, supervision: str) -> Supervision | None:
        return self._sessions.get(supervision)

    # --- who may ------------------------------------------------------------------------------------------------------

    def check(self, wish: Wish) -> None:
        """Raises NoSuch or NotNow that says why this phone may not, or cannot, supervise that agent or call."""
        config = self._services.config
        if wish.phone not in config.endpoint:
            raise NoSuch(f"no endpoint is called {wish.phone!r}", hint="`softswitch lines` lists them")
        if wish.agent is not None and wish.agent not in config.agent:
            raise NoSuch(f"no agent is called {wish.agent!r}", hint="`softswitch agent` lists them")
        if wish.agent is not None and self._desk.endpoint_of(wish.agent) == wish.phone:
            raise NotNow(f"{wish.agent} sits at {wish.phone}: nobody supervises himself")
        rights = self._rights(wish)
        if not rights and self._missing(wish, Act.SPY_LISTEN):
            raise NotNow(
                f"phone {wish.phone} may not supervise",
                hint=f"set `supervises` of [endpoint.{wish.phone}], or of the agent logged in there, "
                "or give a [person.NAME] with this phone a role",
            )
        if wish.agent is not None and not self._may_follow(wish, rights):
            raise NotNow(
                f"phone {wish.phone} may not supervise {wish.agent}",
                hint=f"it may supervise {', '.join(sorted(rights)) or 'by role'}, and {wish.agent} serves none of these",
            )
        talk = self.talk_of(wish)
        if (
            talk is not None
            and not self._may_hear(wish, talk)
            and not (wish.agent is not None and wish.follow)
        ):
            queue = talk.call.figures.queue
            raise NotNow(
                f"phone {wish.phone} may not hear call {talk.call.id}",
                hint=f"it may supervise {', '.join(sorted(rights)) or 'by its role'}, and this is a call of "
                + (f"queue {queue}" if queue else "no queue"),
            )

    def _rights(self, wish: Wish) -> frozenset[str]:
        config = self._services.config
        own = config.endpoint[wish.phone].supervises if wish.phone in config.endpoint else ()
        agent = config.agent.get(wish.by) if wish.by is not None else None
        return frozenset((*own, *(agent.supervises if agent is not None else ())))

    def _may_follow(self, wish: Wish, rights: frozenset[str]) -> bool:
        """That agent, by the queues that the phone supervises or by the role of whose phone it is."""
        assert wish.agent is not None
        return may_supervise(rights, self._desk.queues_of(wish.agent)) or not self._missing(
            wish, Act.SPY_LISTEN
        )

    def _may_hear(self, wish: Wish, talk: "Conversation") -> bool:
        queue = talk.call.figures.queue
        if may_supervise(self._rights(wish), (queue,) if queue is not None else ()):
            return True
        permissions = self._gate.permissions
        about = permissions.call(talk.call)
        return not permissions.missing(permissions.by_phone(wish.phone), Act.SPY_LISTEN, about)

    def _about(self, wish: Wish) -> About:
        permissions = self._gate.permissions
        if wish.agent is not None:
            return permissions.agent(wish.agent)
        talk = self.talk_of(wish)
        return permissions.call(talk.call) if talk is not None else About(kind="call", name=wish.call or "")

    def _missing(self, wish: Wish, act: Act) -> str:
        permissions = self._gate.permissions
        return permissions.missing(permissions.by_phone(wish.phone), act, self._about(wish))

    def _permits(self, session: Supervision, act: Act) -> bool:
        """By a key of his phone: whose phone `supervises` may do all, whose role may spy what the role says."""
        wish, talk = session.wish, session.conversation
        actor, about = self._gate.permissions.by_phone(wish.phone), self._about(wish)
        if talk is not None:
            about = self._gate.permissions.call(talk.call)
            queue = talk.call.figures.queue
            if may_supervise(self._rights(wish), (queue,) if queue is not None else ()):
                self._gate.note(actor, act, about)
                return True
        if self._gate.missing(actor, act, about):
            return False
        self._gate.note(actor, act, about)
        return True

    def _wants(self, session: Supervision, conversation: "Conversation") -> bool:
        """This talk is his, and he may hear it."""
        wish, call = session.wish, conversation.call
        if session.leg.id in call.legs:
            return False
        if wish.agent is not None:
            if wish.agent not in self._services.config.agent:
                return False
            seat = f"endpoint:{self._desk.endpoint_of(wish.agent)}"
            if conversation.stage.agent != wish.agent and seat not in conversation.parties:
                return False
        elif call.id != wish.call:
            return False
        return self._may_hear(wish, conversation)

    def talk_of(self, wish: Wish) -> "Conversation | None":
        """What this wish would hear now."""
        if wish.call is not None:
            return self._talks.get(wish.call)
        assert wish.agent is not None
        seat = f"endpoint:{self._desk.endpoint_of(wish.agent)}"
        for conversation in self._talks.values():
            if conversation.stage.agent == wish.agent or seat in conversation.parties:
                return conversation
        return None

    # --- beginning ----------------------------------------------------------------------------------------------------

    def dialled(self, call: Call, wish: Wish, mode: Role) -> Supervision:
        """The supervisor's own call; raises NoSuch or NotNow."""
        actor, about = self._gate.permissions.by_phone(wish.phone), self._about(wish)
        try:
            self.check(wish)
        except NotNow as refusal:
            self._gate.note(actor, Act.SPY_LISTEN, about, result="refused", why=str(refusal))
            raise
        self._gate.note(actor, Act.SPY_LISTEN, about)
        return self._new(wish, mode, call.caller, lambda: call.post(Wake()), owner=call)

    def ring(self, wish: Wish, mode: Role) -> Supervision:
        """Ring the supervisor's phone; raises NoSuch or NotNow."""
        self.check(wish)
        services, party = self._services, f"endpoint:{wish.phone}"
        most = services.config.endpoint[wish.phone].max_calls
        if most and services.lines.busy(party) >= most:
            raise NotNow(f"phone {wish.phone} has {most} calls already")
        destinations = endpoint_destinations(services, services.config, wish.phone)
        if not destinations:
            raise NotNow(f"phone {wish.phone} is not registered")
        talk = self.talk_of(wish)
        codec = talk.call.caller.codec if talk is not None else ""
        codecs = codecs_beside(services.config, party, codec)
        leg = Leg(services, services.new_leg(), party=party, direction="out", codecs=codecs)
        mailbox: Mailbox[CallEvent] = Mailbox()
        leg.deliver = mailbox.put
        session = self._new(wish, mode, leg, lambda: mailbox.put(Wake()))
        services.lines.seize(Line(leg.id, CallId(session.id), party, queue_call=False))
        whom = wish.agent or (talk.call.ani if talk is not None else "")
        invitation = Invitation(
            number=whom or "supervise",
            display_name=f"{mode.value} {whom}",
            max_forwards=MAX_FORWARDS,
            extensions=rules_of(services.config.endpoint[wish.phone]),
        )
        ringing = Ringing(services, leg, destinations, invitation, mailbox.put)
        session.ringing = ringing
        ringing.start(beside=talk.call.caller if talk is not None else None)
        task = asyncio.get_running_loop().create_task(
            self._tell(session, ringing, mailbox), name=f"supervise {session.id}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session

    def _new(
        self, wish: Wish, mode: Role, leg: Leg, wake: Callable[[], None], owner: Call | None = None
    ) -> Supervision:
        session = Supervision(
            id=self._services.new_id(),
            services=self._services,
            recordings=self._recordings,
            wish=wish,
            mode=mode,
            leg=leg,
            wake=wake,
            permits=self._permits,
            owner=owner,
        )
        self._sessions[session.id] = session
        return session

    async def _tell(self, session: Supervision, ringing: Ringing, mailbox: Mailbox[CallEvent]) -> None:
        """A session whose phone we ring, from the first ring to the last row."""
        loop = asyncio.get_running_loop()
        deadline: float | None = loop.time() + RING_S
        byes = []
        try:
            while not session.over:
                event = await mailbox.get(deadline)
                match event:
                    case PartyProgress():
                        self._services.changed(CallId(session.id))
                    case PartyAnswered():
                        deadline = None
                        self._services.changed(CallId(session.id))
                        self._services.lines.talking(session.leg.id)
                        await self.answered(session)
                    case PartyFailed():
                        session.end(f"his phone: {event.status} {event.reason}")
                    case LegEvent(event=HungUp() as bye):
                        byes.append(bye.accept)
                        session.end("supervisor hung up")
                    case DigitHeard():
                        session.key(event)
                    case LegEvent(event=SessionExpired()):
                        session.end("his phone: session expired")
                    case HoldChanged():
                        session.hold(event.held)
                    case MediaLost():
                        session.end("no media")
                    case _:
                        await self.seat(session)
        except TimeoutError:
            session.end("his phone: no answer")
        finally:
            session.end("shutdown")
            self._sessions.pop(session.id, None)
            if session.handed_over:
                self._farewells.forget_later(session.id, ADOPTED_WITHIN_S)
            else:
                await self._let_go(session, ringing)
                self._farewells.forget(session.id)
            for accept in byes:
                accept()

    async def _let_go(self, session: Supervision, ringing: Ringing) -> None:
        leg = session.leg
        ringing.stop(ENDED)
        leg.hang_up(None, ENDED)
        if session.heard is not None:
            await let_go(session.heard, leg)
        else:
            await leg.close()
            self._services.lines.free(leg.id)

    # --- following ----------------------------------------------------------------------------------------------------

    async def answered(self, session: Supervision) -> None:
        """The supervisor is on the line: into the talk there is, or wait for the next."""
        session.answered = True
        await self.seat(session)
        if session.conversation is None and not session.over:
            if session.wish.agent is not None and session.wish.follow:
                session.wait_for_talk()
            elif session.wish.call is None or session.wish.call not in self._talks:
                session.end("nobody talks")

    async def seat(self, session: Supervision) -> None:
        """Into the talk that is his now, on whatever worker it is."""
        if session.over or session.conversation is not None or not session.answered:
            return
        for conversation in list(self._talks.values()):
            if self._wants(session, conversation):
                try:
                    await sit_beside(session.leg, conversation.call.caller)
                except MediaError as error:
                    session.end(f"no media: {error}")
                    return
                still = self._talks.get(conversation.call.id) is conversation
                if still and not session.over and session.conversation is None:
                    session.attach(conversation)
                return

    def talk_begins(self, conversation: "Conversation") -> None:
        """Whoever waits for it comes in."""
        for session in self._waiting():
            if self._wants(session, conversation):
                if sits_beside(session.leg, conversation.call.caller):
                    session.attach(conversation)
                else:
                    session.wake()

    def _waiting(self) -> Iterable[Supervision]:
        return [
            each
            for each in self._sessions.values()
            if each.answered and not each.over and not each.conversation
        ]

    def talk_ends(self, conversation: "Conversation") -> None:
        """Its supervisors wait for the next one, or are done."""
        for session in list(self._sessions.values()):
            if session.conversation is not conversation:
                continue
            by_call = session.wish.call is not None
            if conversation.call.over is None if by_call else session.wish.follow:
                session.detach("talk over")
                session.wait_for_talk()
            else:
                session.end("call over" if by_call else "talk over")

    def call_over(self, call: CallId) -> None:
        """A contact that is followed has ended."""
        for session in list(self._sessions.values()):
            if session.wish.call == call:
                session.end("call over")

    def legs_lost(self, legs: frozenset[LegId]) -> None:
        """No worker could open them again."""
        for session in list(self._sessions.values()):
            if session.leg.id in legs:
                session.end("no media")

    def forget(self, session: Supervision) -> None:
        """The supervisor's own call is over."""
        session.end("supervisor hung up")
        self._sessions.pop(session.id, None)

    async def stop(self) -> None:
        """The switch stops."""
        for session in list(self._sessions.values()):
            session.end("shutdown")
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=2.0)
