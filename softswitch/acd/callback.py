"""Callers who hung up and are called back: who they are, where each stands, and when it may be tried again.

Pure: time is the `now` of each call, in wall seconds, since this outlives the process. A place in the queue is the time at
which a caller began to wait, and is never changed here but to an earlier one. For one number and queue there is one
callback, whoever asks again; for one number one attempt is in flight, in whatever queues it waits.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from softswitch.acd.errors import NotKnown, WrongState
from softswitch.ids import AgentId, CallId, QueueName


class CallbackState(StrEnum):
    WAITING = "waiting"
    """In line; when it is his turn he is called."""
    TRYING = "trying"
    """An agent or he is being called."""
    PAUSED = "paused"
    """In line, but not to be called before `next_at`."""
    CONNECTED = "reached"
    """He was on the line and wanted to talk."""
    GAVE_UP = "gave up"
    """All attempts failed, or no other could succeed."""
    CANCELLED = "cancelled"
    CALLED_IN = "called in"
    """He has called himself, and that call has his place."""
    EXPIRED = "expired"


_S = CallbackState
FOLLOWS: Mapping[CallbackState, frozenset[CallbackState]] = {
    _S.WAITING: frozenset({_S.TRYING, _S.PAUSED, _S.GAVE_UP, _S.CANCELLED, _S.CALLED_IN, _S.EXPIRED}),
    _S.TRYING: frozenset(
        {_S.WAITING, _S.PAUSED, _S.CONNECTED, _S.GAVE_UP, _S.CANCELLED, _S.CALLED_IN, _S.EXPIRED}
    ),
    _S.PAUSED: frozenset({_S.WAITING, _S.GAVE_UP, _S.CANCELLED, _S.CALLED_IN, _S.EXPIRED}),
    _S.CONNECTED: frozenset(),
    _S.GAVE_UP: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.CALLED_IN: frozenset(),
    _S.EXPIRED: frozenset(),
}
OPEN = frozenset({_S.WAITING, _S.TRYING, _S.PAUSED})
HOPELESS = frozenset({"not allowed", "toll guard", "unknown number", "no way"})
"""Results after which no other attempt can succeed."""
UNCOUNTED = frozenset({"agent gone", "restart", "closed", "cut off"})
"""Results that are none of his: they do not count as attempts, and are followed by another one soon."""
SOON_S = 15.0
"""Pause after these, and while another call to the same number is in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRules:
    attempts: int
    pause_s: float
    busy_pause_s: float
    keep_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    callback: str
    call: CallId
    """In which he asked for it."""
    queue: QueueName
    number: str
    source: str
    """Through whom he had called, `trunk:NAME` or `endpoint:NAME`."""
    entered: float
    """When he began to wait: his place."""
    asked: float
    dnis: str = ""
    name: str = ""
    language: str = ""
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    preferred: Mapping[str, int] = field(default_factory=dict)
    agents: tuple[AgentId, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """What is known of him, his answers to flows among it."""
    state: CallbackState = CallbackState.WAITING
    attempts: int = 0
    next_at: float | None = None
    last_call: str = ""
    """That of the latest attempt."""
    result: str = ""
    """What came of it."""
    ended: float | None = None

    @property
    def open(self) -> bool:
        return self.state in OPEN


class CallbackBook:
    def __init__(self) -> None:
        self._open: dict[str, Callback] = {}
        self._by_number: dict[tuple[QueueName, str], str] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Callback]:
        return iter(self._open.values())

    def get(self, callback: str) -> Callback:
        try:
            return self._open[callback]
        except KeyError:
            raise NotKnown(f"no callback {callback} is open") from None

    def of_number(self, queue: QueueName, number: str) -> Callback | None:
        found = self._by_number.get((queue, number))
        return self._open[found] if found is not None else None

    def waiting(self, queue: QueueName) -> int:
        return sum(each.queue == queue for each in self._open.values())

    def ask(self, wanted: Callback) -> Callback:
        """He wants to be called back. Where that number waits in that queue already it is one callback, at the better of
        the two places, with what is known from the later one."""
        before = self.of_number(wanted.queue, wanted.number)
        if before is None:
            return self._keep(wanted)
        merged = replace(
            before,
            entered=min(before.entered, wanted.entered),
            priority=max(before.priority, wanted.priority),
            source=wanted.source,
            skills=wanted.skills,
            preferred=wanted.preferred,
            agents=wanted.agents or before.agents,
            labels={**before.labels, **wanted.labels},
            language=wanted.language,
        )
        return self._keep(merged)

    def restore(self, known: Iterable[Callback]) -> list[Callback]:
        """Those that were open before a restart; an attempt that it cut off is none."""
        restored = []
        for each in known:
            if each.open and each.callback not in self._open:
                one = replace(each, state=_S.WAITING, result="restart") if each.state is _S.TRYING else each
                restored.append(self.ask(one))
        return restored

    def in_flight(self, number: str) -> bool:
        return any(each.state is _S.TRYING and each.number == number for each in self._open.values())

    def try_now(self, callback: str, call: CallId, now: float) -> Callback:
        """His turn has come; refused while the same number is being called for another queue: see `postpone`."""
        known = self.get(callback)
        if self.in_flight(known.number):
            raise WrongState(f"{known.number} is being called already")
        return self._keep(self._in_state(known, _S.TRYING, last_call=call, next_at=None))

    def postpone(self, callback: str, seconds: float, now: float) -> Callback:
        """His turn has come, but he cannot be called now."""
        return self._keep(self._in_state(self.get(callback), _S.PAUSED, next_at=now + seconds))

    def failed(self, callback: str, result: str, now: float, rules: CallbackRules) -> Callback:
        """The attempt has come to nothing: another one follows, or it is given up."""
        known = self.get(callback)
        if result in UNCOUNTED:
            return self._keep(self._in_state(known, _S.PAUSED, result=result, next_at=now + SOON_S))
        attempts = known.attempts + 1
        if result in HOPELESS or attempts >= rules.attempts:
            return self.end(callback, _S.GAVE_UP, now, result=result, attempts=attempts)
        pause_s = rules.busy_pause_s if result == "busy" else rules.pause_s
        changed = self._in_state(
            known, _S.PAUSED, result=result, attempts=attempts, next_at=now + max(1.0, pause_s)
        )
        return self._keep(changed)

    def connected(self, callback: str, now: float) -> Callback:
        known = self.get(callback)
        return self.end(callback, _S.CONNECTED, now, result="reached", attempts=known.attempts + 1)

    def end(self, callback: str, state: CallbackState, now: float, **more: object) -> Callback:
        """It is over; the book forgets it."""
        ended = self._in_state(self.get(callback), state, ended=now, next_at=None, **more)
        del self._open[callback]
        del self._by_number[ended.queue, ended.number]
        return ended

    def due(self, now: float) -> list[Callback]:
        """Whose pause is over: they are in line again."""
        due = [each for each in self._open.values() if each.state is _S.PAUSED and (each.next_at or 0) <= now]
        return [self._keep(self._in_state(each, _S.WAITING, next_at=None)) for each in due]

    def expired(self, now: float, keep_s: Mapping[QueueName, float]) -> list[Callback]:
        """Those that were kept for too long are over; not while somebody is being called."""
        old = [
            each
            for each in self._open.values()
            if each.state is not _S.TRYING and now - each.asked >= keep_s.get(each.queue, 0.0)
        ]
        return [self.end(each.callback, _S.EXPIRED, now, result=each.result or "expired") for each in old]

    def next_due(self, keep_s: Mapping[QueueName, float]) -> float | None:
        """When `due` or `expired` have something."""
        times = [each.next_at for each in self._open.values() if each.next_at is not None]
        times += [
            each.asked + keep_s.get(each.queue, 0.0)
            for each in self._open.values()
            if each.state is not _S.TRYING
        ]
        return min(times, default=None)

    def _keep(self, callback: Callback) -> Callback:
        self._open[callback.callback] = callback
        self._by_number[callback.queue, callback.number] = callback.callback
        return callback

    @staticmethod
    def _in_state(known: Callback, state: CallbackState, **more: object) -> Callback:
        if state not in FOLLOWS[known.state]:
            raise WrongState(f"callback {known.callback} is {known.state}, and cannot be {state}")
        return replace(known, state=state, **more)  # type: ignore[arg-type]
