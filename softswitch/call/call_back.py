"""One attempt to call a caller back: the agent first, who hears it ring, or the caller first, for whom an agent is kept.

It ends in `Talk` or `Wait`, in which the caller is one like any other; or the call is over, its result goes to `callbacks`,
and the caller keeps his place for the next attempt.
"""

from dataclasses import replace

from softswitch.acd.callback import Callback
from softswitch.acd.values import Connect, Overflow
from softswitch.call.call import Call, loop_time
from softswitch.call.events import CallEvent, DigitHeard, LegEvent, PromptsEnded
from softswitch.call.leg import Leg
from softswitch.call.reach import Unreached, reach
from softswitch.call.room import Room
from softswitch.call.stages import CallBack, End, Stage, Talk, Wait
from softswitch.call.termination import CALLEE_HUNG_UP, By, CallOver, Cause, Termination, by_switch
from softswitch.config.callback import Callback as Settings
from softswitch.ivr.say import digit_prompts
from softswitch.sip.events import HungUp
from softswitch.store.rows import CallStarted

MACHINE = Termination(By.CALLEE, Cause.NO_ANSWER, 480)
LONGEST_PROMPT_S = 8.0


async def call_back(room: Room, call: Call, stage: CallBack) -> Stage:
    callbacks = room.dispatcher.callbacks
    known = callbacks.of_place(call.id)
    queue = call.services.config.queue.get(known.queue) if known is not None else None
    if known is None or queue is None or queue.callback is None:
        return End(termination=by_switch(Cause.QUEUE_EMPTY, 480))
    attempt = Attempt(room, call, known, queue.callback)
    await attempt.write_down()
    result = "cut off"
    try:
        following = await (attempt.agent_first() if stage.first == "agent" else attempt.caller_first())
        result = attempt.result
        return following
    except CallOver as over:
        result = "hung up" if over.termination.by is By.CALLER else "cut off"
        raise
    finally:
        call.figures.labels["callback_result"] = result
        if not attempt.reached:
            callbacks.failed(call, result)
            room.dispatcher.let_go(call)


class Attempt:
    def __init__(self, room: Room, call: Call, known: Callback, settings: Settings) -> None:
        self.result = "failed"
        self.reached = False
        self._room = room
        self._call = call
        self._known = known
        self._settings = settings
        self._agent: Leg | None = None

    async def write_down(self) -> None:
        """The start of the call is committed before anybody is on the line."""
        call = self._call
        await call.services.store.call_started(
            CallStarted(
                call=call.id,
                node=call.services.node,
                started=call.figures.started,
                source=call.source,
                ani=call.ani,
                ani_name=call.ani_name,
                dnis=call.dnis,
                sip_call_id="",
            )
        )
        call.recorded = True
        call.check()

    # --- the agent first --------------------------------------------------------------------------------------------

    async def agent_first(self) -> Stage:
        call, room = self._call, self._room
        while True:
            event = await call.next()
            if isinstance(event, Overflow):
                return End(termination=by_switch(Cause.QUEUE_EMPTY, 480))
            if isinstance(event, Connect):
                break
        agent = self._agent = room.dispatcher.take(call)
        agent.play(("callback-agent",), call.config.general.language)
        agent.music("tone:ringback")
        problem = await self._until_there()
        if problem is not None:
            await self._tell_agent(problem)
            return End(termination=problem.termination)
        agent.stop_play()
        agent.music(None)
        queue = call.services.config.queue[self._known.queue]
        settings = call.services.config.agent.get(event.agent)
        self._reached()
        room.dispatcher.reached(call, self._place(entered=call.services.clock.wall()), event)
        return Talk(
            other=agent.id,
            queue=event.queue,
            agent=event.agent,
            offer=event.offer,
            record=(settings.record if settings is not None else None) or queue.record,
        )

    async def _tell_agent(self, problem: Unreached) -> None:
        """He hears that nobody is there, unless it is he who has left."""
        agent, call = self._agent, self._call
        if agent is None or problem.result == "agent gone":
            return
        agent.music(None)
        play = agent.play(("callback-failed",), call.config.general.language)
        deadline = loop_time() + LONGEST_PROMPT_S
        try:
            while True:
                event = await call.next(deadline)
                if isinstance(event, PromptsEnded) and (event.leg, event.play) == (agent.id, play):
                    return
                if self._agent_left(event):
                    return
        except TimeoutError:
            pass

    # --- the caller first -------------------------------------------------------------------------------------------

    async def caller_first(self) -> Stage:
        problem = await self._until_there()
        if problem is not None:
            return End(termination=problem.termination)
        self._call.caller.play(("connecting",), self._call.language)
        self._reached()
        return replace(self._place(entered=self._call.services.clock.wall()), kept=True)

    # --- both -------------------------------------------------------------------------------------------------------

    def _reached(self) -> None:
        self.reached, self.result = True, "reached"
        self._room.dispatcher.callbacks.reached(self._call)

    def _place(self, *, entered: float) -> Wait:
        """His stay on the line begins now; what he has waited before counts for his place."""
        known = self._known
        return Wait(
            queue=known.queue,
            priority=known.priority,
            skills=known.skills,
            preferred=known.preferred,
            agents=known.agents,
            entered=entered,
            waited_s=max(0.0, entered - known.entered),
        )

    async def _until_there(self) -> Unreached | None:
        """Call him until he is on the line and has said that he wants to be; else why not."""
        target = self._room.dispatcher.callbacks.target(self._known)
        problem = await reach(
            self._room,
            self._call,
            target,
            ring_s=self._settings.ring_s,
            beside=self._agent,
            gone=self._agent_left,
        )
        if problem is None and self._call.figures.answered is not None:
            rang_s = self._call.figures.answered - self._call.caller.began
            if rang_s < self._settings.least_ring_s:
                problem = Unreached("machine", MACHINE)
        if problem is None and self._settings.confirm_key:
            problem = await self._confirmed(self._settings.confirm_key)
        if problem is not None:
            self.result = problem.result
        return problem

    async def _confirmed(self, key: str) -> Unreached | None:
        call = self._call
        call.caller.play(("callback-greeting", *digit_prompts(key)), call.language)
        deadline = loop_time() + LONGEST_PROMPT_S + self._settings.confirm_s
        while True:
            try:
                event = await call.next(deadline)
            except TimeoutError:
                return Unreached("machine", MACHINE)
            if isinstance(event, DigitHeard) and (event.leg, event.digit) == (call.caller.id, key):
                call.caller.stop_play()
                return None
            if self._agent_left(event):
                return Unreached("agent gone", CALLEE_HUNG_UP)

    def _agent_left(self, event: CallEvent) -> bool:
        """The agent has hung up before the caller was there."""
        agent = self._agent
        if agent is None or not isinstance(event, LegEvent) or event.leg != agent.id:
            return False
        if isinstance(event.event, HungUp):
            self._call.byes.append(event.event.accept)
            return True
        return False
