"""Sends instant messages to phones, for whoever asks the control API; implements `TextControl`."""

import asyncio

from softswitch.api.errors import BadRequest, UnknownThing
from softswitch.api.text_control import TextView, TextWish
from softswitch.app.parts import Parts
from softswitch.call.proxied import phone_targets
from softswitch.ids import AgentId
from softswitch.sip.instant_message import LONGEST_TEXT
from softswitch.sip.proxy_plan import ProxyTarget
from softswitch.sip.uri import escape_user


class TextOrders:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def send(self, wish: TextWish) -> tuple[TextView, ...]:
        if not wish.text or len(wish.text.encode("utf-8", "replace")) > LONGEST_TEXT:
            raise BadRequest(f"a text has 1 to {LONGEST_TEXT} bytes")
        if not wish.text.isascii() and any("\ud800" <= char <= "\udfff" for char in wish.text):
            raise BadRequest("the text is no Unicode")
        phones = self._phones(wish)
        sent = [self._to(name, target, wish) for name in phones for target in self._targets(name)]
        missing = [
            TextView(endpoint=name, address="", status=480) for name in phones if not self._targets(name)
        ]
        return (*await asyncio.gather(*sent), *missing)

    def _targets(self, name: str) -> tuple[ProxyTarget, ...]:
        return phone_targets(self._parts.services, name)

    def _phones(self, wish: TextWish) -> tuple[str, ...]:
        config = self._parts.services.config
        if sum(map(bool, (wish.to, wish.queue, wish.team, wish.everybody))) != 1:
            raise BadRequest("say one of `to`, `queue`, `team` and `everybody`")
        if wish.everybody:
            return tuple(config.endpoint)
        if wish.to:
            if wish.to not in config.endpoint:
                raise UnknownThing(f"no endpoint is called {wish.to!r}", hint="`softswitch lines` lists them")
            return (wish.to,)
        desk = self._parts.dispatcher.desk
        agents = self._of_team(wish.team) if wish.team else self._of_queue(wish.queue)
        at_work = [desk.endpoint_of(agent) for agent in agents if desk.is_logged_in(agent)]
        return tuple(dict.fromkeys(name for name in at_work if name in config.endpoint))

    def _of_queue(self, queue: str) -> list[AgentId]:
        if queue not in self._parts.services.config.queue:
            raise UnknownThing(f"no queue is called {queue!r}", hint="`softswitch queue` lists them")
        snapshot = self._parts.dispatcher.engine.snapshot(self._parts.clock.monotonic())
        return [AgentId(view.agent) for view in snapshot.agents if queue in view.queues]

    def _of_team(self, name: str) -> list[AgentId]:
        config = self._parts.services.config
        if name not in config.team:
            raise UnknownThing(f"no team is called {name!r}", hint=f"known are {', '.join(config.team)}")
        return [AgentId(agent) for agent in config.team[name].agents if agent in config.agent]

    async def _to(self, name: str, target: ProxyTarget, wish: TextWish) -> TextView:
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def outcome(status: int) -> None:
            if not answered.done():
                answered.set_result(status)

        sender = escape_user(wish.sender) or "switch"
        self._parts.sip.send_text(target, sender=sender, text=wish.text, outcome=outcome)
        return TextView(endpoint=name, address=str(target.uri), status=await answered)
