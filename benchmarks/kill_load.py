"""Calls whose parties go on as if nothing had been while the switch between them is killed and started again.

On top of `ua_load`: once all talk, each call follows a small plan of requests within its dialogs (hold and resume by
re-INVITE, UPDATE, at last BYE), by the caller or the agent, that begins at a moment of its own: before the kill, while
nobody listens, or afterwards. Requests are repeated as RFC 3261 section 17.1 says. Beside them callers ring a phone that
never answers, so that INVITEs are in progress at the kill. What each party sent, was answered and heard is written down;
who judges has the switch's own rows beside it.
"""

import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from benchmarks.media_load import Ints
from benchmarks.ua_load import Address, Plan, UaLoad, _Call, _response, _sdp, _Visit, uri_in

Party = Literal["caller", "agent"]
PLANS: Final[tuple[tuple[tuple[Party, str], ...], ...]] = (
    (("caller", "bye"),),
    (("agent", "bye"),),
    (("caller", "hold"), ("caller", "resume"), ("caller", "bye")),
    (("agent", "hold"), ("agent", "resume"), ("agent", "bye")),
    (("caller", "update"), ("agent", "bye")),
    (("agent", "update"), ("caller", "bye")),
    (("caller", "hold"), ("agent", "update"), ("caller", "resume"), ("agent", "bye")),
)
_METHODS: Final = {"hold": b"INVITE", "resume": b"INVITE", "update": b"UPDATE", "bye": b"BYE"}
_T1_S, _T2_S, _GIVE_UP_S = 0.5, 4.0, 32.0
_PAUSE_S = 0.4
"""Between the answer to a request and the next one."""
_OVERTAKEN: Final = 2
"""The last packets before a request may be behind it on their way."""
SLOW: Final = "slow"
"""User part of the phone that never answers."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request within a dialog."""

    party: Party
    what: str
    sent: float
    answered: float = 0.0
    status: int = 0
    """0: nobody answered."""


@dataclass(slots=True, kw_only=True)
class Dialog:
    """One party's side of a call."""

    party: Party
    socket: socket.socket
    here: Address
    call_id: bytes
    local: bytes
    remote: bytes
    target: bytes
    server: Address
    leg: int
    cseq: int
    version: int = 1
    heard_bye: float = 0.0


@dataclass(slots=True, kw_only=True)
class Story:
    """What became of one call, by the clock of the parties (monotonic)."""

    index: int
    call_id: str
    plan: tuple[tuple[Party, str], ...]
    connected: float
    asked: list[Asked] = field(default_factory=list)
    other_heard_bye: float = 0.0
    done: bool = False
    until: dict[int, int] = field(default_factory=dict)
    """Leg to the number of packets it had sent before the first request that changes what is heard."""
    again: dict[int, int] = field(default_factory=dict)
    """Leg to the number of packets it had sent when it was taken back from hold."""


@dataclass(slots=True, kw_only=True)
class Dialling:
    """An INVITE to the phone that never answers."""

    call_id: bytes
    number: int
    invite: bytes
    began: float
    statuses: list[int] = field(default_factory=list)
    """All responses to it, in order."""
    final: float = 0.0
    cancelled: bool = False
    rung: set[bytes] = field(default_factory=set)
    silenced: set[bytes] = field(default_factory=set)
    """Call-IDs by which the phone was rung for it, and those of them that were cancelled there."""
    unknown: bool = False
    """The switch has never heard of it: 481 to CANCEL."""

    @property
    def settled(self) -> bool:
        return bool(self.final) or self.unknown


class KillLoad(UaLoad):
    """`on_steady` starts whoever kills and sets `back` when the switch serves again. Of the plan, `seconds` is within which
    the calls begin to go on, `hold_s` within which the `in_progress` INVITEs are sent, the first of them at once."""

    def __init__(self, plan: Plan, *, in_progress: int, seed: int, slow_number: str, on_steady: Callable[[], None],
                 on_end: Callable[[], None]) -> None:  # fmt: skip
        super().__init__(plan, on_steady, on_end)
        self.stories: list[Story] = []
        self.dialling: dict[bytes, Dialling] = {}
        self.back = 0.0
        self._in_progress, self._slow_number = in_progress, slow_number
        self._dice = random.Random(seed)
        self._agents: dict[int, Dialog] = {}
        self._dialogs: dict[bytes, tuple[Story, Dialog]] = {}
        self._waiting: dict[tuple[bytes, bytes], Callable[[int, dict[bytes, list[bytes]]], None]] = {}
        self._steady: Ints = np.zeros(0, np.int64)

    # -- running ------------------------------------------------------------------------------------------------------

    def _run_held(self) -> None:
        plan, began = self.plan, time.monotonic()
        for index in range(plan.calls):
            self._at(began + index / plan.ramp, lambda index=index: self._begin(index))  # type: ignore[misc]
        deadline = began + plan.calls / plan.ramp + plan.connect_timeout_s
        self._loop(lambda: self._settled() == plan.calls or time.monotonic() > deadline)
        self._loop_for(1.0)
        self._steady = self.media.numbers.copy()
        self._on_steady()
        now = time.monotonic()
        for call in list(self._calls.values()):
            story = self._story_of(call)
            begins = now + self._dice.uniform(0.2, plan.seconds)
            self._at(begins, lambda story=story: self._go_on(story))  # type: ignore[misc]
        for number in range(self._in_progress):
            begins = now + (0.1 + self._dice.uniform(0.0, plan.hold_s) if number else 0.1)
            self._at(begins, lambda number=number: self._dial(number))  # type: ignore[misc]
        self._loop(self._over)
        self._on_end()
        self._loop_for(0.5)
        for call in list(self._calls.values()):
            self._complete(call)

    def _over(self) -> bool:
        """Every plan is at its end, every INVITE has its answer, or there was time enough for both."""
        if not self.back:
            return False
        settled = all(one.settled for one in self.dialling.values())
        return (
            all(story.done for story in self.stories) and settled
        ) or time.monotonic() > self.back + self.plan.seconds + 20

    def _story_of(self, call: _Call) -> Story:
        story = Story(
            index=call.index,
            call_id=call.call_id.decode(),
            plan=PLANS[call.index % len(PLANS)],
            connected=call.connected,
        )
        number = self.plan.first_number + call.index
        local = f"<sip:{number}@{self.plan.callers}>;tag=c{number}".encode()
        caller = Dialog(party="caller", socket=self._caller_socket, here=self.caller_address, call_id=call.call_id,
                        local=local, remote=call.remote, target=call.target, server=self.plan.server, leg=call.index,
                        cseq=1)  # fmt: skip
        for dialog in (caller, self._agents[call.index]):
            self._dialogs[dialog.call_id] = story, dialog
        self.stories.append(story)
        return story

    # -- within dialogs -------------------------------------------------------------------------------------------------

    def _sides(self, story: Story) -> dict[Party, Dialog]:
        return {dialog.party: dialog for known, dialog in self._dialogs.values() if known is story}

    def _go_on(self, story: Story) -> None:
        """The next request of its plan."""
        done = len(story.asked)
        if done == len(story.plan):
            story.done = True
            return
        party, what = story.plan[done]
        dialog, asked = self._sides(story)[party], Asked(party=party, what=what, sent=time.monotonic())
        story.asked.append(asked)
        if what in ("hold", "bye"):
            self._changes(story)
        if what == "bye":
            self.media.stop_sending(dialog.leg)
        self._ask(story, dialog, asked)

    def _changes(self, story: Story) -> None:
        """From here on its parties may hear something else than each other."""
        for side in self._sides(story).values():
            sent = int(self.media.numbers[side.leg]) - _OVERTAKEN
            story.until.setdefault(side.leg, sent)

    def _ask(self, story: Story, dialog: Dialog, asked: Asked) -> None:
        dialog.cseq += 1
        method, cseq = _METHODS[asked.what], dialog.cseq
        body = b""
        if method == b"INVITE":
            dialog.version += 1
            offer = _sdp(dialog.here[0], self.media.open(dialog.leg, dialog.here[0]))
            direction = "sendonly" if asked.what == "hold" else "sendrecv"
            offer = offer.replace("o=- 1 1 ", f"o=- 1 {dialog.version} ")
            body = offer.replace("a=sendrecv", f"a={direction}").encode()
        data, key = self._request(dialog, method, cseq, body), (dialog.call_id, b"%d %s" % (cseq, method))
        proceeding = False

        def answered(status: int, headers: dict[bytes, list[bytes]]) -> None:
            nonlocal proceeding
            proceeding = True
            if status < 200:
                return
            if method == b"INVITE":
                target = uri_in(headers[b"contact"][0]) if b"contact" in headers else dialog.target
                dialog.target = target if status < 300 else dialog.target
                branch = b"" if status < 300 else b"%d" % cseq
                dialog.socket.sendto(self._request(dialog, b"ACK", cseq, b"", branch), dialog.server)
            if not asked.answered:
                settled(status)

        def settled(status: int) -> None:
            asked.status, asked.answered = status, time.monotonic()
            if asked.what == "resume":
                for side in self._sides(story).values():
                    story.again[side.leg] = int(self.media.numbers[side.leg])
            self._at(time.monotonic() + _PAUSE_S, lambda: self._go_on(story))

        def again(pause: float) -> None:
            if asked.answered:
                return
            if time.monotonic() > asked.sent + _GIVE_UP_S:
                settled(0)
            else:
                if not (proceeding and method == b"INVITE"):
                    self.result.retransmissions += 1
                    dialog.socket.sendto(data, dialog.server)
                longer = pause * 2 if method == b"INVITE" else min(pause * 2, _T2_S)
                self._at(time.monotonic() + longer, lambda: again(longer))

        self._waiting[key] = answered
        dialog.socket.sendto(data, dialog.server)
        self._at(time.monotonic() + _T1_S, lambda: again(_T1_S))

    def _request(self, dialog: Dialog, method: bytes, cseq: int, body: bytes, branch: bytes = b"") -> bytes:
        here = f"{dialog.here[0]}:{dialog.here[1]}".encode()
        unique = branch or (b"ack%d" % next(self._ids) if method == b"ACK" else b"%d" % cseq)
        told = b"Contact: <sip:%s@%s>\r\n" % (dialog.party.encode(), here) if method != b"BYE" else b""
        kind = b"Content-Type: application/sdp\r\n" if body else b""
        return (
            b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s-%s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
            b"CSeq: %d %s\r\nMax-Forwards: 70\r\n%s%sContent-Length: %d\r\n\r\n%s"
            % (method, dialog.target, here, dialog.call_id.split(b"@")[0], unique, dialog.local, dialog.remote,
               dialog.call_id, cseq, method, told, kind, len(body), body)
        )  # fmt: skip

    # -- what comes -----------------------------------------------------------------------------------------------------

    def _caller_response(
        self, status: int, method: bytes, headers: dict[bytes, list[bytes]], data: bytes
    ) -> None:
        call_id = headers[b"call-id"][0]
        if call_id in self.dialling:
            self._dialled(self.dialling[call_id], status, method, headers)
            return
        answered = self._waiting.get((call_id, headers[b"cseq"][0]))
        if answered is not None:
            answered(status, headers)
        else:
            super()._caller_response(status, method, headers, data)

    def _ended_by_switch(self, call: _Call) -> None:
        """The caller hears a BYE; it comes again when its answer was lost with the switch."""
        self._heard_bye(call.call_id)

    def _agent_request(
        self, method: bytes, headers: dict[bytes, list[bytes]], data: bytes, source: Address
    ) -> None:
        call_id = headers[b"call-id"][0]
        if method == b"INVITE" and data.startswith(b"INVITE sip:%s@" % SLOW.encode()):
            for one in self.dialling.values():
                one.rung.update({call_id} if b"sip:%d@" % one.number in headers[b"from"][0] else ())
            self._say(b"180 Ringing", headers)
        elif method == b"CANCEL" and call_id not in self._visits:
            for one in self.dialling.values():
                one.silenced.update({call_id} & one.rung)
            self._say(b"200 OK", headers)
            invite = headers[b"cseq"][0].replace(b"CANCEL", b"INVITE")
            self._say(b"487 Request Terminated", {**headers, b"cseq": [invite]})
        else:
            super()._agent_request(method, headers, data, source)

    def _say(self, status: bytes, headers: dict[bytes, list[bytes]]) -> None:
        """The phone that never answers does."""
        self._agent_socket.sendto(_response(status, headers, SLOW.encode()), self.plan.server)

    def _ring(self, dialog: bytes, headers: dict[bytes, list[bytes]], data: bytes, source: Address) -> None:
        super()._ring(dialog, headers, data, source)
        visit = self._visits[dialog]
        assert visit.call is not None
        self._agents[visit.call.index] = Dialog(
            party="agent", socket=self._agent_socket, here=self.agent_address, call_id=dialog,
            local=headers[b"to"][0] + b";tag=" + visit.tag, remote=headers[b"from"][0],
            target=uri_in(headers[b"contact"][0]), server=source, leg=visit.leg, cseq=100,
        )  # fmt: skip

    def _free(self, dialog: bytes, visit: _Visit) -> None:
        super()._free(dialog, visit)
        self._heard_bye(dialog)

    def _heard_bye(self, call_id: bytes) -> None:
        known = self._dialogs.get(call_id)
        if known is None:
            return
        story, dialog = known
        self._changes(story)
        self.media.stop_sending(dialog.leg)
        story.other_heard_bye = story.other_heard_bye or time.monotonic()

    # -- INVITEs in progress ----------------------------------------------------------------------------------------------

    def _dial(self, number: int) -> None:
        shown = self.plan.first_number + 100_000 + number
        call_id = b"d%d-%s@%s" % (number, self._run_id, self.plan.callers.encode())
        before, self.plan.number = self.plan.number, self._slow_number
        invite = self._invite(shown, call_id, self._sinks[0].getsockname()[1])
        self.plan.number = before
        one = Dialling(call_id=call_id, number=shown, invite=invite, began=time.monotonic())
        self.dialling[call_id] = one
        self._repeat_invite(one, _T1_S)

    def _repeat_invite(self, one: Dialling, pause: float) -> None:
        """RFC 3261 timer A: until anything came. Somebody who hears no end of it hangs up."""
        if not one.statuses:
            self._caller_socket.sendto(one.invite, self.plan.server)
            self._at(time.monotonic() + pause, lambda: self._repeat_invite(one, pause * 2))
        elif not one.settled:
            if self.back and time.monotonic() > self.back + 3.0 and not one.cancelled:
                one.cancelled = True
                self._caller_socket.sendto(_within(one.invite, b"CANCEL", None), self.plan.server)
            self._at(time.monotonic() + 0.25, lambda: self._repeat_invite(one, pause))

    def _dialled(self, one: Dialling, status: int, method: bytes, headers: dict[bytes, list[bytes]]) -> None:
        if method != b"INVITE":
            one.unknown = one.unknown or status == 481
            return
        one.statuses.append(status)
        if status >= 300:
            one.final = one.final or time.monotonic()
            self._caller_socket.sendto(_within(one.invite, b"ACK", headers[b"to"][0]), self.plan.server)

    # -- judgement --------------------------------------------------------------------------------------------------------

    def lost_until_changed(self) -> tuple[int, int]:
        """Packets sent, and packets lost, while all talked: from before the kill to the first request of each call that
        changed what is heard."""
        until = self._steady.copy()
        for story in self.stories:
            for leg, number in story.until.items():
                until[leg] = max(number, until[leg])
        return self.media.lost_between(self._steady, until)

    def deaf_after_resume(self) -> int:
        """Legs that were taken back from hold and never heard again."""
        back = [(leg, number) for story in self.stories for leg, number in story.again.items()]
        heard = (self.media.lost_between(*_one_leg(self.media.numbers, leg, number)) for leg, number in back)
        return sum(sent == lost for sent, lost in heard)


def _one_leg(numbers: Ints, leg: int, begin: int) -> tuple[Ints, Ints]:
    first = numbers.copy()
    first[leg] = begin
    return first, numbers


def _within(invite: bytes, method: bytes, to: bytes | None) -> bytes:
    """CANCEL or the ACK of a refusal: the INVITE's own Via and number (RFC 3261 sections 9.1 and 17.1.1.3)."""
    head = invite.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [
        line
        for line in head[1:]
        if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"Max-Forwards")
    ]
    lines = [b"To: " + to if to is not None and line.startswith(b"To:") else line for line in kept]
    start = b"%s %s SIP/2.0" % (method, head[0].split(b" ")[1])
    return b"\r\n".join([start, *lines, b"CSeq: 1 " + method, b"Content-Length: 0", b"", b""])
