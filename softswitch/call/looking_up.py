"""What a caller's flow asks of the outside world: one question at a time, its answer in the call's mailbox."""

import asyncio

from softswitch.call.call import Call
from softswitch.call.events import Answered
from softswitch.ivr.actions import LookedUp, LookUp


class LookingUp:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    def ask(self, action: LookUp) -> None:
        """An earlier question is given up."""
        self.close()
        self._number += 1
        self._task = asyncio.get_running_loop().create_task(
            self._ask(action, self._number), name=f"lookup {action.lookup} {self._call.id}"
        )

    def answer(self, event: Answered) -> LookedUp | None:
        """None: the answer to a question that nobody waits for any more."""
        return event.answer if event.number == self._number else None

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _ask(self, action: LookUp, number: int) -> None:
        call = self._call
        lookup = call.config.lookup.get(action.lookup)
        if lookup is None:
            answer = LookedUp(answer="error", problem="there is no such lookup")
        else:
            secret = call.services.secrets.get(("lookup", action.lookup))
            answer = await call.services.lookups.ask(action.lookup, lookup, action.parameters, secret)
        told = call.log.warning if answer.answer in ("error", "timeout") else call.log.info
        told("looked up", lookup=action.lookup, answer=answer.answer, problem=answer.problem)
        call.trail.mark(call.services.clock.wall(), "lookup", lookup=action.lookup, answer=answer.answer)
        call.post(Answered(number=number, answer=answer))
