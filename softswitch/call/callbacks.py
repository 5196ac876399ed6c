"""Callers who are called back: their places in the queues, the attempts, and what is written of both.

One who asks for it leaves the queue as a caller and stands in it as a virtual one, under the id that the call of his next
attempt will have: same age, same needs. When the engine offers him to an agent that call begins (`call_back.py`); when it
fails he stands there again under the next id, held until it may be tried again. The rules are in `acd/callback.py`.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog

from softswitch.acd.callback import Callback, CallbackBook, CallbackRules, CallbackState
from softswitch.acd.engine import Engine
from softswitch.acd.errors import AcdError
from softswitch.acd.values import Announce, Decision, Offer, WaitingCall
from softswitch.call.call import Call
from softswitch.call.callback_rows import asked_line, ended_line, failed_line, row_of, tried_line
from softswitch.call.leg import Leg
from softswitch.call.opening import opening
from softswitch.call.party import codecs_of
from softswitch.call.services import Services
from softswitch.call.stages import CallBack, Stage, Wait
from softswitch.call.termination import ADMIN_HUNG_UP, CALLED_IN
from softswitch.config import callback as config_of
from softswitch.config.target import Target
from softswitch.ids import CallId, OfferId, QueueName
from softswitch.sip.identity import Identity

MOST = 10_000
"""Open at once in all queues, whatever these say."""
SHORTEST = 3
_log = structlog.get_logger(__name__)


class Callbacks:
    def __init__(self, services: Services, engine: Engine, act: Callable[[Iterable[Decision]], None]) -> None:
        self.book = CallbackBook()
        self.begin: Callable[[Call, Stage], None] = lambda call, stage: None
        """Starts the call of an attempt; set by whoever looks after calls."""
        self.ring: Callable[[Offer, Call], None] = lambda offer, call: None
        self._services = services
        self._engine = engine
        self._act = act
        self._in_line: dict[CallId, str] = {}
        """Id of the next or the present attempt to the callback."""
        self._live: dict[CallId, Call] = {}
        self._reserved: dict[CallId, dict[OfferId, Offer]] = {}
        """Agents who are kept until the caller has been reached."""
        self._timer: asyncio.TimerHandle | None = None
        self.draining = False
        """The switch is about to stop: nobody is called any more."""

    # --- who may, and who wants to ----------------------------------------------------------------------------------

    def offered_to(self, call: Call, announce: Announce) -> bool:
        """Whether it helps this caller to be called back, and can be done."""
        config = self._config(announce.queue)
        if config is None:
            return False
        if config.least_wait_s > 0 and not (
            announce.wait is not None and announce.wait.expected_s >= config.least_wait_s
        ):
            return False
        full = 0 < config.most <= self.book.waiting(announce.queue) or len(self.book) >= MOST
        return not full and self._open(config) and self._can_be_called(call, config)

    def _can_be_called(self, call: Call, config: config_of.Callback) -> bool:
        if call.identity.kind == "endpoint":
            return True
        digits = call.ani.removeprefix("+")
        if not (digits.isascii() and digits.isdigit() and len(digits) >= SHORTEST):
            return False
        toll, guard = call.config.toll, self._services.trunking.guard
        number = self._services.trunking.e164(call.config, call.ani, call.source)
        wall = self._services.clock.wall()
        return not toll.enabled or guard.judge(call.config, call.source, number, wall) is None

    def ask(self, call: Call, stage: Wait, *, position: int, original_position: int) -> Callback:
        """He has left the queue as a caller; from now on he stands in it as one who is called back."""
        wall = self._services.clock.wall()
        wanted = Callback(
            callback=self._services.new_id(),
            call=call.id,
            queue=stage.queue,
            number=call.ani,
            source=call.source,
            entered=stage.entered - stage.waited_s,
            asked=wall,
            dnis=call.dnis,
            name=call.ani_name,
            language=call.language,
            priority=stage.priority,
            skills=dict(stage.skills),
            preferred=dict(stage.preferred),
            agents=stage.agents,
            labels=dict(call.figures.labels),
        )
        before = self.book.of_number(stage.queue, call.ani)
        if before is not None:
            self._leave_line(before)
        known = self.book.ask(wanted)
        call.trail.mark(wall, "callback_asked", queue=stage.queue, callback=known.callback)
        call.figures.labels["callback"] = known.callback
        _log.info("to be called back", call=call.id, callback=known.callback, queue=known.queue)
        self._services.queue_log.write(
            asked_line(known, wall, call.id, position=position, original_position=original_position)
        )
        self._line_up(known)
        return known

    def restore(self, known: Iterable[Callback]) -> int:
        """From before a restart, in their places; how many."""
        restored = self.book.restore(known)
        for each in sorted(restored, key=lambda one: one.entered):
            if self._config(each.queue) is not None:
                self._line_up(each)
            else:
                self._end(each, CallbackState.GAVE_UP, "no queue")
        return len(restored)

    # --- places -----------------------------------------------------------------------------------------------------

    def _line_up(self, known: Callback) -> None:
        services, config = self._services, self._config(known.queue)
        clock = services.clock
        entered = clock.monotonic() - max(0.0, clock.wall() - known.entered)
        kept_s = config.ring_s + (config.confirm_s if config.confirm_key else 0.0) if config else 0.0
        place = WaitingCall(
            call=services.new_call(),
            queue=known.queue,
            entered=entered,
            priority=known.priority,
            skills=known.skills,
            preferred=known.preferred,
            agents=known.agents,
            ani=known.number,
            virtual=True,
            held=known.state is CallbackState.PAUSED,
            reserve_s=kept_s if config is not None and config.first == "caller" else 0.0,
            restored=True,
        )
        self._in_line[place.call] = known.callback
        services.store.callback(row_of(known))
        try:
            self._act(self._engine.call_waiting(place, clock.monotonic()))
        except AcdError as error:
            _log.error("cannot be called back", callback=known.callback, problem=str(error))
            del self._in_line[place.call]
            self._end(known, CallbackState.GAVE_UP, "no queue")
        self._arm()

    def _leave_line(self, known: Callback) -> None:
        """Out of his queue; an attempt that is under way ends."""
        for place in [call for call, callback in self._in_line.items() if callback == known.callback]:
            del self._in_line[place]
            self._reserved.pop(place, None)
            live = self._live.pop(place, None)
            if live is not None:
                live.stop(CALLED_IN)
            try:
                self._act(self._engine.call_gone(place, self._services.clock.monotonic(), "withdrawn"))
            except AcdError:
                pass  # an agent has answered already: the call hangs him up

    def places(self) -> frozenset[CallId]:
        """Ids under which they stand in the queues."""
        return frozenset(self._in_line)

    def of_place(self, call: CallId) -> Callback | None:
        callback = self._in_line.get(call)
        return self.book.get(callback) if callback is not None else None

    def taken_over(self, call: Call, queue: QueueName) -> Callback | None:
        """He calls himself: his place is this call's from now on."""
        known = self.book.of_number(queue, call.ani)
        if known is None or known.last_call == call.id:
            return None
        self._leave_line(known)
        self._end(known, CallbackState.CALLED_IN, "called in", call=call.id)
        return known

    # --- attempts ---------------------------------------------------------------------------------------------------

    def offered(self, offer: Offer) -> None:
        """It is his turn: this agent is kept for him."""
        self._reserved.setdefault(offer.call, {})[offer.offer] = offer
        if offer.call not in self._live:
            asyncio.get_running_loop().call_soon(self._turn, offer.call)

    def withdrawn(self, offer: OfferId) -> None:
        for offers in self._reserved.values():
            offers.pop(offer, None)

    def _turn(self, place: CallId) -> None:
        known = self.of_place(place)
        if known is None or place in self._live or not self._reserved.get(place):
            return
        config = self._config(known.queue)
        kind, _, name = known.source.partition(":")
        section = self._services.config.trunk if kind == "trunk" else self._services.config.endpoint
        if config is None or name not in section:
            self._leave_line(known)
            self._end(known, CallbackState.GAVE_UP, "no way")
            return
        if self.draining or not self._open(config) or self.book.in_flight(known.number):
            self._postpone(known, place)
            return
        known = self.book.try_now(known.callback, place, self._services.clock.wall())
        self._services.store.callback(row_of(known))
        self._services.queue_log.write(tried_line(known, self._services.clock.wall(), config.first))
        call = self._call(known, place, Identity("trunk" if kind == "trunk" else "endpoint", name))
        self._live[place] = call
        call.trail.mark(
            call.figures.started,
            "callback_try",
            queue=known.queue,
            attempt=known.attempts + 1,
            first=config.first,
        )
        self.begin(call, CallBack(callback=known.callback, first=config.first))
        if config.first == "agent":
            self.start_reserved(call)

    def _call(self, known: Callback, place: CallId, identity: Identity) -> Call:
        services = self._services
        leg = Leg(
            services,
            services.new_leg(),
            party=known.source,
            direction="out",
            codecs=codecs_of(services.config, known.source),
        )
        call = Call(services, place, identity, leg)
        call.legs.clear()  # nobody is on the line yet
        call.ani, call.ani_name, call.dnis = known.number, known.name, known.dnis
        call.language, call.priority = known.language or call.language, known.priority
        call.figures.labels.update(known.labels)
        call.figures.labels["callback"] = known.callback
        call.figures.queue = known.queue
        return call

    def start_reserved(self, call: Call) -> None:
        """Ring those who are kept for him."""
        for offer in self._reserved.pop(call.id, {}).values():
            self.ring(offer, call)

    def _postpone(self, known: Callback, place: CallId) -> None:
        changed = self.book.postpone(known.callback, 60.0, self._services.clock.wall())
        self._services.store.callback(row_of(changed))
        self._reserved.pop(place, None)
        self._act(self._engine.hold(place, self._services.clock.monotonic()))
        self._arm()

    def reached(self, call: Call) -> None:
        """He is on the line and wants to talk: it is a call like any other from now on."""
        callback = self._in_line.pop(call.id, None)
        self._live.pop(call.id, None)
        if callback is None:
            return
        wall = self._services.clock.wall()
        self._write_end(self.book.connected(callback, wall), call=call.id)

    def failed(self, call: Call, result: str) -> None:
        """The attempt has come to nothing; he keeps his place for the next one."""
        callback = self._in_line.pop(call.id, None)
        self._live.pop(call.id, None)
        self._reserved.pop(call.id, None)
        if callback is None:
            return
        try:
            self._act(self._engine.call_gone(call.id, self._services.clock.monotonic(), "withdrawn"))
        except AcdError:
            pass  # an agent had answered: he is in the queue no more
        wall = self._services.clock.wall()
        config = self._config(self.book.get(callback).queue) or config_of.Callback()
        known = self.book.failed(callback, result, wall, _rules(config))
        then = "given up" if not known.open else f"again in {round((known.next_at or wall) - wall)} s"
        call.trail.mark(wall, "callback_over", result=result, then=then)
        self._services.queue_log.write(failed_line(known, wall, result))
        if known.open:
            self._line_up(known)
        else:
            self._write_end(known, call=call.id)

    # --- its end ----------------------------------------------------------------------------------------------------

    def cancel(self, callback: str) -> Callback:
        """Somebody in charge wants it no more; raises NotKnown."""
        known = self.book.get(callback)
        for place in [call for call, each in self._in_line.items() if each == callback]:
            live = self._live.get(place)
            if live is not None:
                live.stop(ADMIN_HUNG_UP)
        self._leave_line(known)
        return self._end(known, CallbackState.CANCELLED, "cancelled")

    def queue_gone(self, place: CallId) -> bool:
        """His queue is configured no more; False: this is none of ours."""
        known = self.of_place(place)
        if known is None:
            return False
        self._in_line.pop(place)
        self._end(known, CallbackState.GAVE_UP, "no queue")
        return True

    def _end(self, known: Callback, state: CallbackState, result: str, call: str = "") -> Callback:
        ended = self.book.end(known.callback, state, self._services.clock.wall(), result=result)
        self._write_end(ended, call=call)
        return ended

    def _write_end(self, ended: Callback, call: str = "") -> None:
        self._services.store.callback(row_of(ended))
        self._services.queue_log.write(ended_line(ended, call))
        _log.info("callback over", callback=ended.callback, state=ended.state.value, result=ended.result)

    # --- time -------------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.book.next_due(self._keep_s())
        if due is not None:
            delay = max(0.05, due - self._services.clock.wall())
            self._timer = asyncio.get_running_loop().call_later(min(delay, 3600.0), self._due)

    def _due(self) -> None:
        self._timer = None
        wall, now = self._services.clock.wall(), self._services.clock.monotonic()
        for ended in self.book.expired(wall, self._keep_s()):
            self._leave_line(ended)
            self._write_end(ended)
        places = {callback: place for place, callback in self._in_line.items()}
        for known in self.book.due(wall):
            self._services.store.callback(row_of(known))
            if known.callback in places:
                self._act(self._engine.release(places[known.callback], now))
        self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- configuration ----------------------------------------------------------------------------------------------

    def _config(self, queue: QueueName) -> config_of.Callback | None:
        found = self._services.config.queue.get(queue)
        return found.callback if found is not None else None

    def _keep_s(self) -> dict[QueueName, float]:
        return {
            QueueName(name): queue.callback.keep_h * 3600
            for name, queue in self._services.config.queue.items()
            if queue.callback is not None
        }

    def _open(self, config: config_of.Callback) -> bool:
        if not config.when:
            return True
        when = datetime.fromtimestamp(self._services.clock.wall(), tz=UTC)
        return opening(self._services.calendars, when).open.get(config.when, False)

    def target(self, known: Callback) -> Target:
        """By what he is called."""
        config = self._config(known.queue)
        if config is not None and config.via and known.source.startswith("trunk:"):
            return Target.parse(config.via)
        kind, _, name = known.source.partition(":")
        return Target("extension" if kind == "endpoint" else "trunk", name)


def _rules(config: config_of.Callback) -> CallbackRules:
    return CallbackRules(
        attempts=config.attempts,
        pause_s=config.pause_s,
        busy_pause_s=config.busy_pause_s,
        keep_s=config.keep_h * 3600,
    )
