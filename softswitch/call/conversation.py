"""Those who talk in one call: the caller, who serves him, whom one of them consults, and supervisors; who holds whom, who
hears whom, and how long.

Owns the state of one talk and what media, recording and queue are told of it. What happens next is decided in `talk.py`.
"""

from dataclasses import dataclass, field

from softswitch.call.call import Call
from softswitch.call.consult import COMPLETED, Consult
from softswitch.call.ending import let_go
from softswitch.call.facing import face, turn_away
from softswitch.call.hearing import Hearing
from softswitch.call.leg import Leg
from softswitch.call.matrix import Member, Role
from softswitch.call.room import Room
from softswitch.call.stages import Talk
from softswitch.call.termination import HANDED_OVER
from softswitch.call.visits import Talked, Transfer
from softswitch.facts import CallBridged, CallHeld, CallResumed
from softswitch.ids import AgentId, LegId
from softswitch.store.rows import SegmentRow


@dataclass(slots=True, eq=False)
class Conversation:
    room: Room
    call: Call
    stage: Talk
    other: Leg = field(init=False)
    """The party that is not the caller; the two change places while a caller who is the agent consults."""
    hearing: Hearing = field(init=False)
    parties: frozenset[str] = field(init=False)
    """`endpoint:NAME`, `trunk:NAME` of the two whose talk it was at first."""
    consult: Consult | None = None
    aside: bool = False
    """`other` presses a number or consults: the caller hears music."""
    three_way: bool = False
    supervisors: dict[LegId, Role] = field(default_factory=dict)
    held: set[LegId] = field(default_factory=set)
    """Legs whose peers hold us."""
    transfer: Transfer | None = None
    """How it ended, when it was neither of the two who hung up."""
    promised: bool = False
    """Somebody has been told that he will be put through: no other order counts any more."""
    closed: float | None = None
    """When the talk was over for whoever served; None: when it ends. Monotonic."""
    began: float | None = None
    _began_wall: float = 0.0
    _swapped: bool = False
    _ended: bool = False
    away_since: float | None = None
    """Since when the two have not talked. Monotonic."""
    away_s: float = 0.0
    _music: dict[LegId, str] = field(default_factory=dict)
    """What plays on which leg."""

    def __post_init__(self) -> None:
        self.other = self.call.legs[self.stage.other]
        self.hearing = Hearing(self.call.services)
        self.parties = frozenset((self.call.caller.party, self.other.party))

    def __repr__(self) -> str:
        return f"<Conversation {self.call.id} {self.call.caller.party} ↔ {self.other.party} consult={self.consult}>"

    # --- who is who -------------------------------------------------------------------------------------------------

    @property
    def serving(self) -> Leg:
        """The agent's side, whoever of the two consults: whom the queue gave him, else the phone of the two, else who was
        called."""
        caller, other = self.first_caller, self.first_other
        if self.stage.agent is None and _is_phone(caller) == _is_phone(other):
            return self.other
        return caller if self.stage.agent is None and _is_phone(caller) else other

    def leg_of(self, leg: LegId) -> Leg | None:
        """One of the two."""
        return next((each for each in (self.call.caller, self.other) if each.id == leg), None)

    @property
    def first_caller(self) -> Leg:
        """Whose call it is, also while he consults somebody."""
        return self.other if self._swapped else self.call.caller

    @property
    def first_other(self) -> Leg:
        return self.call.caller if self._swapped else self.other

    @property
    def third(self) -> Leg | None:
        """Who is consulted, once he has answered."""
        return self.consult.leg if self.consult is not None and self.consult.answered else None

    def turn_to(self, leg: Leg) -> None:
        """`leg` steers from now on: it is `other`, and the call is the far side's."""
        if leg is self.call.caller:
            self.call.caller, self.other = self.other, leg
            self._swapped = not self._swapped

    def _turn_back(self) -> None:
        if self._swapped:
            self.turn_to(self.call.caller)

    # --- beginning --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        call, services, stage = self.call, self.call.services, self.stage
        call.answer()
        call.caller.stop_play()
        call.caller.music(None)
        now = self._began_wall = services.clock.wall()
        self.began = services.clock.monotonic()
        call.figures.bridged = call.figures.bridged or now
        if stage.agent is not None:
            call.figures.agent = stage.agent
            call.figures.destination = f"agent:{stage.agent}"
        recorded = self.room.recordings.talk_begins(
            call, self.other, when=stage.record, queue=stage.queue, agent=stage.agent
        )
        call.figures.recording = recorded or call.figures.recording
        self.arrange()
        for leg in (call.caller, self.other):
            if leg.held:
                self.hold(leg.id, True)
        call.log.info("talking", to=self.other.party, agent=stage.agent)
        services.bus.publish(
            CallBridged(
                call=call.id,
                other=f"agent:{stage.agent}" if stage.agent else self.other.party,
                queue=stage.queue,
                waited_s=call.figures.wait_s,
                wall=now,
                monotonic=self.began,
            )
        )
        self.room.supervisions.talk_begins(self)
        services.changed_now(call.id)  # else a crash would have the caller offered again

    def resume(self, began: float, away_s: float, away_since: float | None, held: set[LegId]) -> None:
        """It began before this process did: everybody hears what he heard, and the time goes on. Monotonic times."""
        clock = self.call.services.clock
        self.began, self.away_s, self.away_since, self.held = began, away_s, away_since, held
        self._began_wall = clock.wall() - (clock.monotonic() - began)
        for leg in (self.call.caller, self.other):
            leg.music(None)
        self.arrange()
        self.room.supervisions.talk_begins(self)

    # --- who hears whom ---------------------------------------------------------------------------------------------

    @property
    def on_hold(self) -> bool:
        """The caller talks to nobody, or one of the two does not hear the other; a third party that holds is away alone."""
        if self.aside or not self.held:
            return self.aside
        return not self.three_way and not self.held.isdisjoint((self.call.caller.id, self.other.id))

    def members(self) -> list[Member]:
        caller, other, third, held = self.call.caller, self.other, self.third, self.held
        on_hold, serving = self.on_hold, self.serving
        apart = on_hold and not self.aside
        members = [
            Member(leg=caller.id, role=_role(caller, serving), away=on_hold or caller.id in held),
            Member(leg=other.id, role=_role(other, serving), away=apart or other.id in held),
        ]
        if third is not None:
            members.append(Member(leg=third.id, away=third.id in held))
        members += [Member(leg=leg, role=role) for leg, role in self.supervisors.items()]
        return members

    def arrange(self) -> None:
        """Carry out whatever has changed: who hears whom, music, and the time on hold."""
        if self.began is None or self._ended:
            return
        self.call.services.changed(self.call.id)
        self._count_hold()
        self.hearing.set(self.members())
        if self.aside:
            turn_away(self.call.caller)
        else:
            face(self.call.caller, self.other)
        wanted = self._wanted_music()
        for leg in (self.call.caller, self.other):
            music = wanted.get(leg.id, "")
            if music != self._music.get(leg.id, ""):
                self._music[leg.id] = music
                leg.music(music or None)

    def _wanted_music(self) -> dict[LegId, str]:
        caller, other = self.call.caller, self.other
        if self.aside:
            rings = self.consult is not None and not self.consult.answered
            if self.consult is not None and self.consult.referred:
                return {caller.id: "tone:ringback"}
            return {caller.id: self._queue_music(), other.id: "tone:ringback" if rings else ""}
        if not self.on_hold:
            return {}
        return {leg.id: self._queue_music() for leg in (caller, other) if leg.id not in self.held}

    def _queue_music(self) -> str:
        queue = self.call.config.queue.get(self.stage.queue or "")
        return queue.music if queue is not None else "music"

    def hold(self, leg: LegId, held: bool) -> None:
        """The party that holds hears nothing of us; the other hears music."""
        call, clock = self.call, self.call.services.clock
        if self.leg_of(leg) is None and (self.consult is None or leg != self.consult.leg.id):
            return  # he has left meanwhile
        (self.held.add if held else self.held.discard)(leg)
        kind = CallHeld if held else CallResumed
        by = "caller" if leg == call.caller.id else "callee"
        call.services.bus.publish(kind(call=call.id, by=by, wall=clock.wall(), monotonic=clock.monotonic()))
        self.room.recordings.mark(call, "hold" if held else "resume", f"by {by}")
        self.arrange()
        call.services.changed_now(call.id)

    def _count_hold(self) -> None:
        now = self.call.services.clock.monotonic()
        if self.on_hold == (self.away_since is not None):
            return
        if self.away_since is None:
            self.away_since = now
        else:
            self.away_s += now - self.away_since
            self.away_since = None
        held = self.away_since is not None
        if not held or self.call.referral is None:  # whom a REFER puts through is on his way, not on hold
            self.room.dispatcher.held(self.call.id, held)

    # --- consulting -------------------------------------------------------------------------------------------------

    def step_aside(self, leg: Leg) -> None:
        """`leg` has something to do without the far side."""
        self.turn_to(leg)
        self.aside = True
        self.arrange()

    def come_back(self) -> None:
        """The two talk again, alone."""
        self.consult, self.aside, self.three_way = None, False, False
        self.held.intersection_update((self.call.caller.id, self.other.id))
        self._turn_back()
        self.arrange()

    def third_answered(self) -> None:
        assert self.consult is not None
        self.consult.answered = True
        leg = self.consult.leg
        self.call.services.lines.talking(leg.id)
        self.call.services.trunking.answered(self.call.config, leg.id)
        if self.consult.trunks is not None:
            self.consult.trunks.answered(self.call)
        self.call.adopt(leg)
        self.arrange()

    def join_all(self) -> None:
        """All three talk."""
        assert self.third is not None
        self.aside, self.three_way = False, True
        self.room.recordings.mark(self.call, "three-way", self.third.party)
        self.room.recordings.party(self.call, self.third, self.third.party)
        self.arrange()

    async def drop(self, consult: Consult, reason: str) -> None:
        """The third party, ringing or talking, is wanted no more."""
        if not consult.answered:
            consult.attempt.abandon(self.call, reason)
            return
        self.room.recordings.leave(self.call, consult.leg)
        consult.leg.hang_up(None, reason)
        await let_go(self.call, consult.leg)

    def let_go_of(self, leg: Leg) -> None:
        """One of the two goes on in another call: nobody hears him here, nor is he recorded or played to."""
        self.hearing.end()
        turn_away(leg)
        leg.stop_play()
        if self._music.pop(leg.id, ""):
            leg.music(None)
        self.room.recordings.leave(self.call, leg)

    def change_caller(self, leg: Leg) -> None:
        """The caller's side goes on with another leg."""
        call = self.call
        old, call.caller = call.caller, leg
        self.held.discard(old.id)
        if self._music.pop(old.id, ""):
            old.music(None)
        if leg.held:
            self.held.add(leg.id)
        self.arrange()

    async def dismiss(self, leg: Leg) -> None:
        """One of the two leaves; the call goes on without him, and without the music of this talk."""
        self.hearing.end()
        if self._music.pop(self.call.caller.id, ""):
            self.call.caller.music(None)
        self.room.recordings.leave(self.call, leg)
        leg.hang_up(None, COMPLETED)
        await let_go(self.call, leg)

    # --- supervisors --------------------------------------------------------------------------------------------------

    def supervise(self, leg: LegId, role: Role | None) -> None:
        """A supervisor joins, changes his mode, or leaves (None)."""
        if role is None:
            self.supervisors.pop(leg, None)
        else:
            self.supervisors[leg] = role
        self.arrange()

    # --- end ----------------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Whatever ended it: count, leave the recording, and give the agent back. Once."""
        if self._ended:
            return
        self._ended, call = True, self.call
        consult = self.consult
        if consult is not None and not consult.answered:
            consult.attempt.abandon(call, COMPLETED)
        talked = None
        if self.began is not None:
            now = self.closed or call.services.clock.monotonic()
            if self.away_since is not None:
                self.away_s += max(0.0, now - self.away_since)
            talked = Talked(talk_s=now - self.began - self.away_s, hold_s=self.away_s)
            call.figures.talk_s += talked.talk_s
            call.figures.hold_s += talked.hold_s
            self._write_segment(talked)
            self.room.supervisions.talk_ends(self)
            if call.over is None or call.over is HANDED_OVER:
                self.hearing.end()
            else:
                self.hearing.leave()
        turn_away(self.call.caller)
        turn_away(self.other)
        self.room.recordings.talk_ends(call, self.other.id)
        if call.over is not None and self.other.id in call.legs:
            # Before the agent's next call: a phone with one line would say that it is busy.
            call.refer_over(487)
            self.other.hang_up(None, call.over.reason_header)
        self.room.dispatcher.talk_over(call, talked, self.transfer)

    def _write_segment(self, talked: Talked) -> None:
        call, stage = self.call, self.stage
        over = call.over
        party = self.first_other if stage.agent is not None else self.other
        ended_by = "transfer" if self.transfer is not None else str(over.by) if over is not None else "callee"
        call.services.store.segment(
            SegmentRow(
                call=call.id,
                began=self._began_wall,
                ended=self._began_wall + talked.talk_s + talked.hold_s,
                leg=stage.other,
                party=party.party,
                agent=stage.agent or AgentId(""),
                queue=stage.queue or "",
                talk_s=talked.talk_s,
                hold_s=talked.hold_s,
                ended_by=ended_by,
                transferred_to=self.transfer.number if self.transfer is not None else "",
            )
        )


def _is_phone(leg: Leg) -> bool:
    return leg.party.startswith("endpoint:")


def _role(leg: Leg, serving: Leg) -> Role:
    return Role.AGENT if leg is serving else Role.PARTY
