"""The IVR stage: drives a flow's steps with keys, prompts and timers until the flow hands the caller on."""

import asyncio

from softswitch.call.arrive import hangup, stage_for
from softswitch.call.call import Call, loop_time
from softswitch.call.events import Answered, DigitHeard, EarHeard, PromptsEnded, SpeechMade
from softswitch.call.flow_context import flow_context
from softswitch.call.flow_pace import FlowPace
from softswitch.call.flow_voice import NOTHING, NOTHING_YET, FlowVoice
from softswitch.call.looking_up import LookingUp
from softswitch.call.room import Room
from softswitch.call.stages import Dial, End, Greet, Message, Stage, Wait
from softswitch.call.termination import By, Cause, Termination
from softswitch.config.flow import Collect, Menu
from softswitch.config.target import Target
from softswitch.ids import AgentId, QueueName
from softswitch.ivr import actions
from softswitch.ivr.actions import (
    Begin,
    FlowState,
    Input,
    Key,
    Returned,
    TimerFired,
)
from softswitch.ivr.actions import (
    PromptsEnded as AllHeard,
)
from softswitch.ivr.step import begin, step
from softswitch.ivr.voice_actions import AskAnswer, Listen, StopListening


async def greet(room: Room, call: Call, stage: Greet) -> Stage:
    call.answer()
    flow = call.config.flow[stage.flow]
    if stage.resume is None:
        walk = Walk(room, call, begin(stage.flow, flow, call.language, priority=call.priority))
        happened: Input = Begin()
    else:
        walk = Walk(room, call, stage.resume)
        happened = Returned(result=stage.result)
    try:
        while True:
            following = walk.take(happened)
            if following is not None:
                call.caller.stop_play()
                return following
            happened = await walk.wait()
            if not isinstance(happened, Key):
                await walk.rest()
    finally:
        walk.close()


class Walk:
    """One caller's way through one flow: the state, and the timer and prompts it waits for."""

    def __init__(self, room: Room, call: Call, state: FlowState) -> None:
        self._recordings = room.recordings
        self._call = call
        self._state = state
        self._timer = 0
        self._deadline: float | None = None
        self._play = 0
        self._all_heard = False
        self._pace = FlowPace()
        self._looking_up = LookingUp(call)
        self._voice = FlowVoice(call, room.recordings)

    def close(self) -> None:
        """Nobody waits for what was asked."""
        self._call.in_flow = ""
        self._looking_up.close()
        self._voice.close()

    def take(self, happened: Input) -> Stage | None:
        """Feed one input, do what the flow asks for; returns the next stage when the flow hands the caller on."""
        call, before = self._call, self._state
        self._state, asked = step(call.config.flow, self._state, happened, flow_context(call))
        if isinstance(happened, Key):
            self._chose(before, happened)
        call.in_flow = self._state.flow
        call.language = self._state.language
        call.priority = self._state.priority
        call.figures.labels.update(self._state.shown)
        self._recordings.mask(call, self._is_masked())
        for action in asked:
            following = self._do(action)
            if following is not None:
                return following
        return None

    def _chose(self, before: FlowState, key: Key) -> None:
        """A choice in a menu is told to whoever asks why; other keys are the caller's own."""
        flow = self._call.config.flow.get(before.flow)
        node = flow.node.get(before.node) if flow is not None else None
        if isinstance(node, Menu) and (before.node != self._state.node or not self._state.waiting):
            wall = self._call.services.clock.wall()
            self._call.trail.mark(wall, "menu", flow=before.flow, menu=before.node, key=key.digit)

    def _is_masked(self) -> bool:
        """A node that asks for card data waits for it."""
        flow = self._call.config.flow.get(self._state.flow)
        node = flow.node.get(self._state.node) if flow is not None else None
        return isinstance(node, Collect) and node.masked and bool(self._state.waiting)

    def _do(self, action: actions.Action) -> Stage | None:
        call = self._call
        match action:
            case actions.PlayPrompts():
                self._play = self._voice.play(action.prompts, action.language)
                self._all_heard = self._play == NOTHING
            case actions.StopPrompts():
                self._voice.cut()
                call.caller.stop_play()
            case actions.StartTimer():
                self._timer, self._deadline = action.timer, loop_time() + action.seconds
            case actions.Enqueue():
                return Wait(
                    queue=QueueName(action.queue),
                    priority=action.priority,
                    skills=dict(action.skills),
                    preferred=dict(action.preferred),
                    agents=tuple(AgentId(agent) for agent in action.agents),
                    agents_s=action.agents_s,
                )
            case actions.Dial():
                return self._dial(action)
            case actions.LookUp():
                self._looking_up.ask(action)
            case Listen():
                self._voice.listen(action)
            case AskAnswer():
                self._voice.ask()
            case StopListening():
                self._voice.stop_listening()
            case actions.RecordMessage():
                return Message(box=action.box, resume=self._state)
            case actions.Hangup():
                if self._state.problem:
                    call.log.error("the flow failed", flow=self._state.flow, problem=self._state.problem)
                return End(termination=self._ended(action.cause))
        return None

    def _dial(self, action: actions.Dial) -> Stage:
        target = Target.parse(action.target)
        following = stage_for(self._call, target, dialled=target.argument)
        if isinstance(following, Dial):
            resume = self._state if action.give_back else None
            return Dial(
                target=following.target, dialled=following.dialled, ring_s=action.ring_s, resume=resume
            )
        return following

    @staticmethod
    def _ended(cause: str) -> Termination:
        if not cause:
            return Termination(By.SWITCH, Cause.FLOW_ENDED, 200)
        try:
            return hangup(cause)
        except KeyError:
            return Termination(By.SWITCH, Cause.FLOW_FAILED, 500)

    async def rest(self) -> None:
        """Before a flow goes on that goes round too fast."""
        pause = self._pace.rest(loop_time())
        if pause:
            self._call.log.warning("the flow goes round without a wait", flow=self._state.flow)
            await asyncio.sleep(pause)
            self._call.check()

    async def wait(self) -> Input:
        """The next thing that the flow should know."""
        call = self._call
        while True:
            if self._all_heard:
                self._all_heard = False
                return AllHeard()
            try:
                event = await call.next(self._deadline)
            except TimeoutError:
                self._deadline = None
                return TimerFired(timer=self._timer)
            if isinstance(event, DigitHeard) and event.leg == call.caller.id:
                return Key(digit=event.digit)
            if isinstance(event, Answered):
                answer = self._looking_up.answer(event)
                if answer is not None:
                    return answer
            if isinstance(event, SpeechMade):
                play = self._voice.made(event)
                self._all_heard = play == NOTHING
                self._play = self._play if play == NOTHING_YET else play
            if isinstance(event, EarHeard):
                heard = self._voice.heard(event)
                if heard is not None:
                    return heard
            if (
                isinstance(event, PromptsEnded)
                and event.play == self._play
                and (event.completed or event.problem)
            ):
                return AllHeard()
